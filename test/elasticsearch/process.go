package elasticsearch

import (
	"errors"
	"fmt"
	"io"
	"os/exec"
	"syscall"
	"time"
)

// stopPatience is how long a node may take to close; it takes 0.1 s when idle. Its own watchdog
// halts it at 25 s.
const stopPatience = 30 * time.Second

// process is a running launcher. It ends when stdin is closed, which the kernel does if this
// program dies.
type process struct {
	cmd     *exec.Cmd
	stdin   io.Closer
	address chan string   // one message: HOST:PORT, once HTTP answers
	done    chan struct{} // closed when it has ended
	err     error         // how it ended; valid once done is closed
	journal *journal
}

// startJVM starts a JVM in a process group of its own, so that a Ctrl-C at the terminal reaches
// only us, who stop it in order.
func startJVM(java, dir string, arguments []string, log io.Writer) (*process, error) {
	p := &process{
		cmd:     exec.Command(java, arguments...),
		address: make(chan string, 1),
		done:    make(chan struct{}),
		journal: &journal{to: log},
	}
	p.cmd.Dir = dir // where the JVM would leave a crash report
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.cmd.Stdout = &announcements{address: p.address, journal: p.journal}
	p.cmd.Stderr = p.journal
	stdin, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("elasticsearch: %w", err)
	}
	p.stdin = stdin
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("elasticsearch: starting %s: %w", java, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// stop ends it by closing its standard input, or by force when that takes longer than stopPatience.
func (p *process) stop() error {
	p.stdin.Close()
	select {
	case <-p.done:
	case <-time.After(stopPatience):
		p.kill()
		return fmt.Errorf("elasticsearch: killed, since it did not close within %s; its last lines:\n%s", stopPatience, p.journal.tail(20))
	}
	if p.err != nil {
		return fmt.Errorf("elasticsearch: it closed badly (%w); its last lines:\n%s", p.err, p.journal.tail(20))
	}
	return nil
}

// kill is SIGKILL, and waits until the kernel has taken it away.
func (p *process) kill() error {
	err := p.cmd.Process.Kill() // knows whether it has been waited for, so it never hits another process
	p.stdin.Close()
	<-p.done
	var exit *exec.ExitError
	if err != nil && !errors.As(p.err, &exit) {
		return fmt.Errorf("elasticsearch: %w", err)
	}
	return nil
}
