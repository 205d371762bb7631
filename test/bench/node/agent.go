package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"time"

	"out_es/test/support"
)

// agent is a Fluent Bit that runs, with what was seen of its memory in bytes.
type agent struct {
	cmd     *exec.Cmd
	log     support.Journal
	most    int
	sum     int
	samples int
}

// cpu is what the kernel accounts to it, user and system: fields 14 and 15 of /proc/PID/stat, in hundredths of a second. The name in
// field 2 may hold anything but ends with the last bracket.
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

// sample notes its resident memory: field 2 of /proc/PID/statm, in pages.
//
// Possible errors: it has ended.
func (a *agent) sample() error {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", a.cmd.Process.Pid))
	if err != nil {
		return err
	}
	fields := bytes.Fields(text)
	if len(fields) < 2 {
		return errors.New("the agent has ended")
	}
	pages, _ := strconv.Atoi(string(fields[1]))
	now := pages * os.Getpagesize()
	a.most, a.sum, a.samples = max(a.most, now), a.sum+now, a.samples+1
	return nil
}

// mean is its resident memory in MB.
func (a *agent) mean() float64 { return float64(a.sum) / float64(max(1, a.samples)) / 1e6 }
