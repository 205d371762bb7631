package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"out_es/test/support"
)

// The logs in the state folder.
const (
	agentLog         = "agent.log"
	elasticsearchLog = "elasticsearch.log"
)

// storageFolder is where the agent keeps its chunks, in the state folder.
const storageFolder = "storage"

// stopPatience is longer than the example's grace of 5 s, in which Fluent Bit sends its remaining
// chunks.
const stopPatience = 15 * time.Second

// agent is the running program that has loaded the plugin: Fluent Bit, or the project's own host.
type agent struct {
	name    string
	log     string // path
	metrics string // address of Fluent Bit's HTTP server; empty: it has none
	records int    // number of recorded records that it gets instead of the logs; 0: it reads the logs
	cmd     *exec.Cmd
	cleanUp func()        // removes the leftovers of killing cmd; nil: nothing
	done    chan struct{} // closed when it has ended
	err     error         // its exit error; valid once done is closed
}

// startAgent runs Fluent Bit if there is one, as a program or an image, else the host. Its state is
// in the state folder.
func startAgent(ctx context.Context, s settings, state, url, prefix string) (*agent, error) {
	a := &agent{log: filepath.Join(state, agentLog), done: make(chan struct{})}
	storage := filepath.Join(state, storageFolder)
	if err := os.Mkdir(storage, 0o755); err != nil {
		return nil, err
	}
	if err := a.choose(ctx, s, state); err != nil {
		return nil, err
	}
	log, err := os.Create(a.log)
	if err != nil {
		return nil, err
	}
	defer log.Close() // the agent has its own
	a.cmd.Stdout, a.cmd.Stderr = log, log
	a.cmd.Env = append(os.Environ(), "ES_URL="+url, "EXAMPLES_DIR="+s.examples, "STATE_DIR="+storage, "INDEX_PREFIX="+prefix)
	a.cmd.SysProcAttr = support.DieWithParent()
	a.cmd.SysProcAttr.Setpgid = true // a Ctrl-C at the terminal is ours to pass on
	if err := a.start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", a.cmd.Path, err)
	}
	fmt.Fprintf(s.out, "%s with %s\n", a.name, s.plugin)
	return a, nil
}

// choose sets the command: FLUENT_BIT, fluent-bit on PATH, the official image where a Docker engine
// answers, or the host.
func (a *agent) choose(ctx context.Context, s settings, state string) error {
	program := os.Getenv("FLUENT_BIT")
	if program == "" {
		program = "fluent-bit"
	}
	ports, err := support.FreePorts(1)
	if err != nil {
		return err
	}
	path, err := exec.LookPath(program)
	switch {
	case err == nil:
		a.name, a.metrics = "Fluent Bit ("+path+")", "http://127.0.0.1:"+strconv.Itoa(ports[0])
		a.cmd = exec.Command(path, "-e", s.plugin, "-c", s.conf, "-P", strconv.Itoa(ports[0]))
		return nil
	case os.Getenv("FLUENT_BIT") != "":
		return fmt.Errorf("FLUENT_BIT=%s: %w; correct it, or unset it to use the one on PATH, the official image or the project's own host", program, err)
	case engineAnswers(ctx):
		err := a.chooseImage(ctx, s, state, ports[0])
		if err == nil || ctx.Err() != nil {
			return err
		}
		fmt.Fprintf(s.out, "The image can't be had (%v)\n", err)
	}
	return a.chooseHost(ctx, s, state)
}

// start runs the command on an operating system thread with the same lifetime: Linux signals a
// child that its parent died when the thread that started it ends.
func (a *agent) start() error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		err := a.cmd.Start()
		started <- err
		if err == nil {
			a.err = a.cmd.Wait()
			close(a.done)
		}
	}()
	return <-started
}

func (a *agent) ended() bool {
	select {
	case <-a.done:
		return true
	default:
		return false
	}
}

// stop asks the agent to send its remaining chunks and to end, and waits for that.
func (a *agent) stop(ctx context.Context) error {
	if !a.ended() {
		a.cmd.Process.Signal(syscall.SIGTERM)
	}
	select {
	case <-a.done:
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(stopPatience):
		a.kill()
		return fmt.Errorf("%s did not end within %s of being asked to", a.name, stopPatience)
	}
	var exit *exec.ExitError
	if errors.As(a.err, &exit) {
		return fmt.Errorf("%s ended with %w", a.name, a.err)
	}
	return nil
}

// kill ends it at once, if it hasn't ended.
func (a *agent) kill() {
	a.cmd.Process.Kill() // it never hits another process: Kill knows whether it was waited for
	<-a.done
	if a.cleanUp != nil {
		a.cleanUp()
	}
}
