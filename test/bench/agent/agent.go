// Package agent runs the real Fluent Bit to be measured: its CPU from the
// kernel's accounting of the whole process, its memory and threads from /proc,
// which only Linux has.
package agent

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"out_es/test/support"
)

// Options configure an agent.
type Options struct {
	// Program is Fluent Bit's path.
	Program string
	// Plugin is the shared object to load with -e; empty: none.
	Plugin string
	// Configuration is in Fluent Bit's classic format.
	Configuration string
	// Folder is where the configuration is written to; it must exist.
	Folder string
	// Every is how often memory is looked at; 0: never.
	Every time.Duration
	// Environment is added to this process's.
	Environment []string
	// Await is a text in the log; Seen returns its time.
	Await string
}

// Agent is one Fluent Bit that runs.
type Agent struct {
	cmd     *exec.Cmd
	began   time.Time
	log     *journal
	done    chan struct{}
	err     error
	usage   Usage
	sampler *sampler
}

// Usage is a process's usage from its start to its end.
type Usage struct {
	User, System time.Duration
	Wall         time.Duration
	// Samples were taken every Options.Every.
	Samples []Sample
}

// PeakKB is the most memory that was resident, as of the last sample.
func (u Usage) PeakKB() int {
	if len(u.Samples) == 0 {
		return 0
	}
	return u.Samples[len(u.Samples)-1].Peak
}

// CPU is user and system time together.
func (u Usage) CPU() time.Duration { return u.User + u.System }

// Start starts Fluent Bit. The end of this program, or of the context, ends it.
//
// Possible errors: the configuration can't be written, or the program not be
// started.
func Start(ctx context.Context, o Options) (*Agent, error) {
	file := filepath.Join(o.Folder, "fluent-bit.conf")
	if err := os.WriteFile(file, []byte(o.Configuration), 0o600); err != nil {
		return nil, fmt.Errorf("agent: %w", err)
	}
	arguments := []string{"-c", file}
	if o.Plugin != "" {
		arguments = append([]string{"-e", o.Plugin}, arguments...)
	}
	a := &Agent{done: make(chan struct{}), log: newJournal(o.Await)}
	a.cmd = exec.CommandContext(ctx, o.Program, arguments...)
	a.cmd.Stdout, a.cmd.Stderr = a.log, a.log
	a.cmd.Env = append(os.Environ(), o.Environment...)
	a.cmd.SysProcAttr = support.DieWithParent()
	if err := a.start(); err != nil {
		return nil, fmt.Errorf("agent: %w", err)
	}
	if o.Every > 0 {
		a.sampler = startSampler(a.cmd.Process.Pid, a.began, o.Every, a.done)
	}
	return a, nil
}

// start runs the command on an operating system thread with the same lifetime: Linux signals a
// child that its parent died when the thread that started it ends.
func (a *Agent) start() error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		a.began = time.Now()
		err := a.cmd.Start()
		started <- err
		if err == nil {
			a.err = a.cmd.Wait()
			a.account()
			close(a.done)
		}
	}()
	return <-started
}

// account reads the kernel's account of the process that has ended.
func (a *Agent) account() {
	state := a.cmd.ProcessState
	a.usage = Usage{User: state.UserTime(), System: state.SystemTime(), Wall: time.Since(a.began)}
}

// PID is the process.
func (a *Agent) PID() int { return a.cmd.Process.Pid }

// Began is when it was started.
func (a *Agent) Began() time.Time { return a.began }

// Done is closed when the process has ended.
func (a *Agent) Done() <-chan struct{} { return a.done }

// Wait waits for the agent to end by itself and returns its usage.
//
// Possible errors: it ended badly, with the end of its output.
func (a *Agent) Wait() (Usage, error) {
	<-a.done
	if a.sampler != nil {
		a.usage.Samples = a.sampler.wait()
	}
	if a.err != nil {
		return a.usage, fmt.Errorf("agent: Fluent Bit ended with %w; its last lines:\n%s", a.err, a.tail())
	}
	return a.usage, nil
}

// Stop asks the agent to end, kills it after patience, and returns its usage.
//
// Possible errors: those of Wait.
func (a *Agent) Stop(patience time.Duration) (Usage, error) {
	_ = a.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-a.done:
	case <-time.After(patience):
		_ = a.cmd.Process.Kill()
	}
	return a.Wait()
}

// Kill ends it at once, and returns its usage so far.
func (a *Agent) Kill() Usage {
	_ = a.cmd.Process.Kill()
	u, _ := a.Wait()
	return u
}

// Seen waits until the log has Options.Await, and returns how long that took
// since the start; false where the agent ended before it said so.
func (a *Agent) Seen() (after time.Duration, seen bool) {
	select {
	case at := <-a.log.seen:
		return at.Sub(a.began), true
	case <-a.done:
		return 0, false
	}
}

// Log is its output so far.
func (a *Agent) Log() string { return string(a.log.text()) }

// tailBytes of a log are about its last ten lines.
const tailBytes = 1500

func (a *Agent) tail() []byte {
	b := a.log.text()
	return b[max(0, len(b)-tailBytes):]
}
