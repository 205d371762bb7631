package host

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	lastLines     = 40              // of stderr that a crash report quotes: a Go traceback's first goroutine fits
	closePatience = 5 * time.Second // a child that doesn't end by itself after its stdin closed is killed
)

// CrashError means that the child ended before Close: the plugin crashed, exited or was killed.
type CrashError struct {
	State  string   // such as "signal: segmentation fault"
	Stderr []string // the last lines it wrote
}

func (e *CrashError) Error() string {
	return fmt.Sprintf("host: the process with the plugin ended (%s); its last lines:\n%s", e.State, strings.Join(e.Stderr, "\n"))
}

// process is the child and the callers that wait for its answers.
type process struct {
	cmd     *exec.Cmd
	stdin   io.WriteCloser
	ended   chan struct{} // closed when the child has ended; err is set before
	err     error
	writing sync.Mutex // one frame at a time

	mu      sync.Mutex // guards the fields below
	closing bool
	nextID  uint32
	waiting map[uint32]chan answer // each with room for its one answer
}

func startProcess(ctx context.Context, command []string, o Options) (*process, error) {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Env = append(os.Environ(), o.Env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a Ctrl-C is for us alone: the child ends when we close its stdin
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("host: %w", err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("host: %w", err)
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return nil, fmt.Errorf("host: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("host: %w", err)
	}
	p := &process{cmd: cmd, stdin: stdin, ended: make(chan struct{}), waiting: map[uint32]chan answer{}}
	tail := make(chan []string, 1)
	go func() { tail <- copyLines(o.Log, stderr) }()
	go func() {
		p.readAnswers(stdout)
		last := <-tail
		p.end(context.Cause(ctx), cmd.Wait(), last)
	}()
	return p, nil
}

// copyLines copies whole lines to w, which may be nil, and returns the last of them at the end.
func copyLines(w io.Writer, r io.Reader) (last []string) {
	in := bufio.NewReader(r)
	for {
		line, err := in.ReadBytes('\n')
		if len(line) > 0 {
			if w != nil {
				_, _ = w.Write(line) // a log that can't be written must not stop the child
			}
			if last = append(last, strings.TrimRight(string(line), "\n")); len(last) > lastLines {
				last = last[1:]
			}
		}
		if err != nil {
			return last
		}
	}
}

func (p *process) readAnswers(stdout io.Reader) {
	in := bufio.NewReader(stdout)
	for {
		id, a, err := readAnswer(in)
		if err != nil {
			return
		}
		p.mu.Lock()
		waiting := p.waiting[id]
		delete(p.waiting, id)
		p.mu.Unlock()
		if waiting != nil {
			waiting <- a
		}
	}
}

func (p *process) end(cause, waitErr error, last []string) {
	p.mu.Lock()
	closing := p.closing
	p.mu.Unlock()
	switch state := p.cmd.ProcessState.String(); {
	case closing && waitErr == nil:
		p.err = ErrClosed
	case cause != nil:
		p.err = fmt.Errorf("host: killed, since its context ended: %w", cause)
	default:
		p.err = &CrashError{State: state, Stderr: last}
	}
	close(p.ended)
}

// call sends a command and waits for its answer. When ctx ends first the command goes on in the
// child, unobserved.
func (p *process) call(ctx context.Context, o op, parts ...[]byte) (answer, error) {
	got := make(chan answer, 1)
	p.mu.Lock()
	p.nextID++
	id := p.nextID
	p.waiting[id] = got
	p.mu.Unlock()

	p.writing.Lock()
	writeErr := writeFrame(p.stdin, id, o, parts)
	p.writing.Unlock()
	if writeErr != nil { // the child is gone, or going
		<-p.ended
		return answer{}, p.err
	}
	select {
	case a := <-got:
		return a, nil
	case <-ctx.Done():
		return answer{}, context.Cause(ctx)
	case <-p.ended:
		select {
		case a := <-got: // it answered before it went
			return a, nil
		default:
			return answer{}, p.err
		}
	}
}

// Pid is the child's process id, to look at its memory and threads.
func (p *process) Pid() int { return p.cmd.Process.Pid }

// Close ends the child without calling the plugin, as a killed Fluent Bit would: Exit and
// Unregister are the caller's. It may be called twice. Its error is a *CrashError if the child had
// ended irregularly.
func (p *process) Close() error {
	p.mu.Lock()
	p.closing = true
	p.mu.Unlock()
	p.stdin.Close()
	select {
	case <-p.ended:
	case <-time.After(closePatience):
		_ = p.cmd.Process.Kill() // it may just have ended
		<-p.ended
	}
	if errors.Is(p.err, ErrClosed) {
		return nil
	}
	return p.err
}
