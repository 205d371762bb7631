package agent

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// Sample is a process's state in /proc at a moment. Sizes are in KB.
type Sample struct {
	At                  time.Duration // since the start
	Rss, Pss, Anonymous int
	Peak                int // the most that was resident so far (VmHWM)
	Threads             int
	CPU                 time.Duration // user and system so far, in ticks of 10 ms
}

// TakeSample reads smaps_rollup and stat of a process.
//
// Possible errors: the process has ended.
func TakeSample(pid int) (s Sample, err error) {
	rollup, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return s, err
	}
	for line := range bytes.Lines(rollup) {
		fields := strings.Fields(string(line))
		if len(fields) != 3 {
			continue
		}
		size, _ := strconv.Atoi(fields[1])
		switch fields[0] {
		case "Rss:":
			s.Rss = size
		case "Pss:":
			s.Pss = size
		case "Anonymous:":
			s.Anonymous = size
		}
	}
	if s.Peak, err = peak(pid); err != nil {
		return s, err
	}
	return s, s.readStat(pid)
}

// peak is the maximum of resident memory, in KB. ru_maxrss won't do: it begins with that of the
// parent when it started the process.
func peak(pid int) (kb int, err error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(status) {
		if value, found := bytes.CutPrefix(line, []byte("VmHWM:")); found {
			return strconv.Atoi(strings.Fields(string(value))[0])
		}
	}
	return 0, fmt.Errorf("agent: process %d has ended", pid)
}

// Fields of /proc/PID/stat (proc_pid_stat(5)), counted from 0 behind the
// command's name: utime, the 14th of all, is number 11.
const (
	statUser    = 11
	statSystem  = 12
	statThreads = 17
	tick        = 10 * time.Millisecond // USER_HZ is 100 on every architecture that Go runs on
)

func (s *Sample) readStat(pid int) error {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return err
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) <= statThreads {
		return fmt.Errorf("agent: /proc/%d/stat has %d fields", pid, len(fields))
	}
	user, _ := strconv.Atoi(fields[statUser])
	system, _ := strconv.Atoi(fields[statSystem])
	s.Threads, _ = strconv.Atoi(fields[statThreads])
	s.CPU = time.Duration(user+system) * tick
	return nil
}

// sampler looks at a process until it ends.
type sampler struct {
	ended   chan struct{}
	samples []Sample
}

func startSampler(pid int, began time.Time, every time.Duration, done <-chan struct{}) *sampler {
	s := &sampler{ended: make(chan struct{})}
	go func() {
		defer close(s.ended)
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
			}
			if sample, err := TakeSample(pid); err == nil && sample.Rss > 0 {
				sample.At = time.Since(began)
				s.samples = append(s.samples, sample)
			}
		}
	}()
	return s
}

func (s *sampler) wait() []Sample {
	<-s.ended
	return s.samples
}
