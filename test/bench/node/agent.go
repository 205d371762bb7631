package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"out_es/test/bench/sink"
	"out_es/test/support"
)

// agent is a running Fluent Bit, with samples of its memory in bytes.
type agent struct {
	cmd       *exec.Cmd
	log       support.Journal
	most      int // resident
	anonymous int // of it
}

// cpu is the kernel's account of it, user and system: fields 14 and 15 of /proc/PID/stat, in
// hundredths of a second. The name in field 2 may contain anything but ends with the last bracket.
func (a *agent) cpu() (used time.Duration) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", a.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	for _, field := range fields[11:13] {
		ticks, _ := strconv.Atoi(string(field)) // the kernel's own
		used += time.Duration(ticks) * 10 * time.Millisecond
	}
	return used
}

// sample notes its memory: fields 2 and 3 of /proc/PID/statm, resident pages and those of them that
// belong to files.
//
// Possible errors: it has ended.
func (a *agent) sample() error {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", a.cmd.Process.Pid))
	if err != nil {
		return err
	}
	fields := bytes.Fields(text)
	if len(fields) < 3 {
		return errors.New("the agent has ended")
	}
	resident, _ := strconv.Atoi(string(fields[1]))
	files, _ := strconv.Atoi(string(fields[2]))
	a.most, a.anonymous = max(a.most, resident*os.Getpagesize()), max(a.anonymous, (resident-files)*os.Getpagesize())
	return nil
}

// written is the number of bytes that it has written into files, whether they are on the disk or
// not.
func (a *agent) written() (bytes int) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", a.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, found := strings.CutPrefix(line, "write_bytes: "); found {
			bytes, _ = strconv.Atoi(strings.TrimSpace(rest))
		}
	}
	return bytes
}

// reading is the state of the counters at a moment.
type reading struct {
	when  time.Time
	cpu   time.Duration
	disk  int
	count sink.Count
}

func (a *agent) look(server *sink.Sink) reading {
	return reading{time.Now(), a.cpu(), a.written(), server.Count()}
}

// since describes the difference between two readings.
func (a *agent) since(from, to reading) string {
	seconds := to.when.Sub(from.when).Seconds()
	return fmt.Sprintf("%.0f s, CPU %.1f %% of a core, resident at most %.0f MB, %.0f of them anonymous; %.1f requests/s, %.0f documents/s; %.2f MB/s written", seconds,
		100*(to.cpu-from.cpu).Seconds()/seconds, float64(a.most)/1e6, float64(a.anonymous)/1e6, float64(to.count.Requests-from.count.Requests)/seconds,
		float64(to.count.Documents-from.count.Documents)/seconds, float64(to.disk-from.disk)/seconds/1e6)
}
