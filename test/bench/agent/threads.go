package agent

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// Thread is the kernel's account of one thread. CPU is in nanoseconds, where /proc/PID/stat counts
// in ticks of 10 ms: a quiet node's output takes less than a tick a second.
type Thread struct {
	Name      string
	CPU       time.Duration
	Voluntary int // context switches: the thread had to wait
}

// Pipeline is the name of Fluent Bit's engine thread, which runs inputs, filters and outputs
// without workers.
const Pipeline = "flb-pipeline"

// Threads reads schedstat and status of each thread of a process.
//
// Possible errors: the process has ended.
func Threads(pid int) (map[int]Thread, error) {
	folder := fmt.Sprintf("/proc/%d/task", pid)
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, fmt.Errorf("agent: %w", err)
	}
	all := make(map[int]Thread, len(entries))
	for _, entry := range entries {
		tid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		thread, err := readThread(folder + "/" + entry.Name())
		if os.IsNotExist(err) {
			continue // it ended meanwhile
		}
		if err != nil {
			return nil, fmt.Errorf("agent: %w", err)
		}
		all[tid] = thread
	}
	return all, nil
}

func readThread(folder string) (t Thread, err error) {
	stat, err := os.ReadFile(folder + "/schedstat")
	if err != nil {
		return t, err
	}
	fields := strings.Fields(string(stat)) // nanoseconds on a CPU, nanoseconds in a queue, turns
	if len(fields) != 3 {
		return t, fmt.Errorf("%s/schedstat has %d fields: this kernel lacks CONFIG_SCHED_INFO", folder, len(fields))
	}
	ns, _ := strconv.ParseInt(fields[0], 10, 64)
	t.CPU = time.Duration(ns)
	status, err := os.ReadFile(folder + "/status")
	if err != nil {
		return t, err
	}
	for line := range bytes.Lines(status) {
		if value, found := bytes.CutPrefix(line, []byte("voluntary_ctxt_switches:")); found {
			t.Voluntary, _ = strconv.Atoi(string(bytes.TrimSpace(value)))
		} else if value, found := bytes.CutPrefix(line, []byte("Name:")); found {
			t.Name = string(bytes.TrimSpace(value))
		}
	}
	return t, nil
}

// Spent is the usage of a process's threads between two looks.
type Spent struct {
	Inside, Outside time.Duration // of the pipeline thread, and of all others
	Voluntary       int           // context switches of all threads
	Threads         int           // at the second look
}

// Between is the usage from one look to the next. A thread that ended between them is missing; only
// threads that Go starts for long system calls do.
func Between(before, after map[int]Thread) (s Spent) {
	s.Threads = len(after)
	for tid, now := range after {
		then := before[tid] // nothing for a thread that is new
		used := now.CPU - then.CPU
		if now.Name == Pipeline {
			s.Inside += used
		} else {
			s.Outside += used
		}
		s.Voluntary += now.Voluntary - then.Voluntary
	}
	return s
}
