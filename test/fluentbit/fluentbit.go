// Package fluentbit runs the real Fluent Bit for tests: the program that FLUENT_BIT names, or
// fluent-bit on PATH.
package fluentbit

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"out_es/test/support"
)

// Find returns the program's path.
func Find() (string, error) {
	program := os.Getenv("FLUENT_BIT")
	if program == "" {
		program = "fluent-bit"
	}
	path, err := exec.LookPath(program)
	if err != nil {
		return "", fmt.Errorf("no Fluent Bit: %w; put fluent-bit on PATH or name it in FLUENT_BIT", err)
	}
	return path, nil
}

// ForTest returns the program's path, or skips the test with the reason.
func ForTest(t testing.TB) string {
	t.Helper()
	path, err := Find()
	if err != nil {
		t.Skip(err)
	}
	return path
}

// Needs skips the test, with the remedy, if Fluent Bit is missing or was built without the plugin
// of that name. A build leaves a plugin out if its library is missing.
func Needs(t testing.TB, name, remedy string) {
	t.Helper()
	path := ForTest(t)
	help, err := exec.CommandContext(t.Context(), path, "--help").CombinedOutput()
	if err != nil {
		t.Fatalf("%s --help: %v\n%s", path, err, help)
	}
	if !regexp.MustCompile(`(?m)^  ` + regexp.QuoteMeta(name) + ` `).Match(help) {
		t.Skipf("this Fluent Bit has no plugin %s (%s)", name, remedy)
	}
}

// Agent is one running Fluent Bit.
type Agent struct {
	// Metrics is the address of its HTTP server.
	Metrics string
	cmd     *exec.Cmd
	done    chan struct{}
	err     error // its exit error; valid once done is closed
	log     support.Journal
}

// Start runs Fluent Bit with plugin and the classic configuration conf, to
// which the HTTP server is added. The test's end kills it.
func Start(t testing.TB, plugin, conf string) *Agent {
	t.Helper()
	ForTest(t)
	file := filepath.Join(t.TempDir(), "fluent-bit.conf")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	return StartFile(t, plugin, file)
}

// StartFile is Start for a file that exists, with environment, given as
// NAME=value, for its variables. HTTP_PORT is one of them.
func StartFile(t testing.TB, plugin, file string, environment ...string) *Agent {
	t.Helper()
	path := ForTest(t)
	port := support.FreePort(t)
	a := &Agent{Metrics: "http://127.0.0.1:" + port, done: make(chan struct{})}
	a.cmd = exec.Command(path, "-e", plugin, "-c", file, "-H", "-P", port)
	a.cmd.Env = append(append(os.Environ(), "HTTP_PORT="+port), environment...)
	a.cmd.Stdout, a.cmd.Stderr = &a.log, &a.log
	if err := a.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		a.err = a.cmd.Wait()
		close(a.done)
	}()
	t.Cleanup(func() {
		_ = a.cmd.Process.Kill()
		<-a.done
		if t.Failed() {
			t.Logf("the end of Fluent Bit's log:\n%s", a.log.Tail(60))
			if crash := a.crash(); crash != "" {
				t.Logf("Fluent Bit crashed:\n%s", crash)
			}
		}
	})
	return a
}

// crashLines are the lines of a crash that a failed test shows: Fluent Bit's stack, or the first
// goroutine of Go's dump.
const crashLines = 40

// crash returns the beginning of the stack that Fluent Bit or the Go runtime printed, if one did.
func (a *Agent) crash() string {
	log := a.Log()
	for _, mark := range []string{"caught signal (SIGSEGV)", "SIGABRT: abort", "fatal error: "} {
		if at := strings.Index(log, mark); at >= 0 {
			lines := strings.SplitAfterN(log[at:], "\n", crashLines+1)
			return strings.Join(lines[:min(len(lines), crashLines)], "")
		}
	}
	return ""
}

// PID is the process.
func (a *Agent) PID() int { return a.cmd.Process.Pid }

// Signal sends a signal.
func (a *Agent) Signal(t testing.TB, s syscall.Signal) {
	t.Helper()
	if err := a.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// exitPatience is far longer than an exit takes on a busy machine: it ends a test that hangs.
const exitPatience = 2 * time.Minute

// Stop sends SIGTERM and returns the time that the agent took to end, for tests that judge it. It
// fails the test if the agent hangs, or ends badly.
func (a *Agent) Stop(t testing.TB) time.Duration {
	t.Helper()
	began := time.Now()
	a.Signal(t, syscall.SIGTERM)
	if err := a.Wait(t, exitPatience); err != nil {
		t.Fatalf("Fluent Bit ended with %v", err)
	}
	return time.Since(began)
}

// Wait waits until the agent has ended by itself, and returns how.
func (a *Agent) Wait(t testing.TB, patience time.Duration) error {
	t.Helper()
	select {
	case <-a.done:
	case <-time.After(patience):
		t.Fatalf("Fluent Bit did not end within %s", patience)
	}
	return a.err
}

// Ended reports whether the agent has ended.
func (a *Agent) Ended() bool {
	select {
	case <-a.done:
		return true
	default:
		return false
	}
}

// Log is the agent's output so far.
func (a *Agent) Log() string { return a.log.String() }

// Scrape returns the agent's metrics as Prometheus reads them.
func (a *Agent) Scrape(ctx context.Context) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.Metrics+"/api/v2/metrics/prometheus", nil)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return string(text), err
}

// Metric returns the value of a series in Prometheus' notation, such as
// `fluentbit_output_es_go_records_total{name="es_go.0",outcome="accepted"}`, and -1 if it is
// missing.
func (a *Agent) Metric(t testing.TB, series string) float64 {
	t.Helper()
	text, err := a.Scrape(t.Context())
	if err != nil {
		return -1
	}
	return Value(text, series)
}

// Value finds a series in a scrape.
func Value(scrape, series string) float64 {
	for line := range strings.Lines(scrape) {
		if rest, found := strings.CutPrefix(line, series+" "); found {
			value, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
			if number, err := strconv.ParseFloat(value, 64); err == nil {
				return number
			}
		}
	}
	return -1
}
