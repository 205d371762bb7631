// Package host loads a Fluent Bit output plugin over the C ABI, for tests on machines without
// Fluent Bit.
//
// A Go process must not dlopen a shared object that is written in Go: the two runtimes would share
// one process's signals and thread-local storage. So a small C program (folder c) loads it. It is
// compiled on first use, runs as a child, and is controlled over its stdin and stdout. It behaves
// like Fluent Bit 5.1.1 and is stricter where Fluent Bit would hide a mistake by luck: see
// c/host.c.
//
//	h, err := host.Start(t.Context(), host.Options{Plugin: "out_es.so"})
//	out, err := h.Init(host.Instance{Properties: [][2]string{{"Hosts", "http://127.0.0.1:9200"}}, Workers: 2})
//	code, err := out.Flush(ctx, "kube.app", chunk.Bytes)
//	err = out.Exit()
//	err = h.Unregister()
//	err = h.Close()
package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// ForeignMark ends each log line that the plugin wrote from a thread the host did not start. Fluent
// Bit sends such lines to stderr instead of its Log_File.
const ForeignMark = "[foreign thread]"

// ErrClosed is the error of calls that were still waiting when Close was called, and of all calls
// after it.
var ErrClosed = errors.New("host: closed")

// Options configure a host.
type Options struct {
	Plugin     string    // path of the .so; a bare name that is no file is left to the loader's library path, as with -e
	Bare       bool      // the host exports no symbols, so that the plugin's fall-back to standard error shows
	StackBytes int       // of the coroutine each flush runs on; 0 is 24 KB, Fluent Bit's smallest
	Log        io.Writer // gets the child's stderr, whole lines; nil drops them. It is called from one goroutine.
	LogFile    string    // Fluent Bit's Log_File; empty sends the log to stderr too
	LogLevel   string    // Fluent Bit's Log_Level: off, error, warn, info (the default), debug, trace
	Env        []string  // added to this process's environment, as NAME=value
	// For the plugin of another architecture: Compiler makes the host for it, and Runner, a program
	// with its arguments, runs it. Empty means the machine's own: CC or cc, and nothing.
	Compiler string
	Runner   []string
}

// Host is one child process with one plugin in it. All its methods may be called from many
// goroutines.
type Host struct {
	*process
	plugin string // path as given to dlopen
	name   string // as registered, such as es_go
}

// Start compiles the host if need be, starts it, loads the plugin and registers it. The child is
// killed when ctx ends.
//
// Possible errors: no C compiler (with the package to install), a plugin that does not load or that
// Fluent Bit would not register, and *CrashError when the child dies.
func Start(ctx context.Context, o Options) (*Host, error) {
	program, err := executable(ctx, o)
	if err != nil {
		return nil, err
	}
	var args []string
	if o.StackBytes > 0 {
		args = append(args, "-s", strconv.Itoa(o.StackBytes))
	}
	if o.LogFile != "" {
		args = append(args, "-l", o.LogFile)
	}
	if o.LogLevel != "" {
		args = append(args, "-v", o.LogLevel)
	}
	command := append(append(slices.Clone(o.Runner), program), args...)
	p, err := startProcess(ctx, command, o)
	if err != nil {
		return nil, err
	}
	h := &Host{process: p, plugin: pathForLoader(o.Plugin)}
	if err := h.Reload(); err != nil {
		_ = h.Close() // the plugin's error says more than the child's
		return nil, err
	}
	return h, nil
}

// pathForLoader makes a file's name absolute: dlopen looks a name without a slash up on the library
// path only.
func pathForLoader(name string) string {
	if _, err := os.Stat(name); err != nil {
		return name
	}
	if abs, err := filepath.Abs(name); err == nil {
		return abs
	}
	return name
}

// Reload loads and registers the plugin once more, as Fluent Bit's hot reload does while the old
// instances are alive. New instances belong to the new registration; Unregister ends the oldest.
func (h *Host) Reload() error {
	answer, err := h.call(context.Background(), opLoad, appendString(nil, h.plugin))
	if err != nil {
		return err
	}
	if answer.code < 0 {
		return fmt.Errorf("host: can't load the plugin %q: %s", h.plugin, answer.text)
	}
	h.name = answer.text
	return nil
}

// Name is the plugin's name as it registered itself.
func (h *Host) Name() string { return h.name }

// Unregister calls FLBPluginUnregister and closes the .so. Every instance of the registration must
// have exited.
func (h *Host) Unregister() error {
	answer, err := h.call(context.Background(), opUnload)
	if err == nil && answer.code < 0 {
		err = fmt.Errorf("host: can't unregister the plugin %s: %s", h.name, answer.text)
	}
	return err
}

// Scrape returns the metrics of all instances in Prometheus' text form, as Fluent Bit's
// /api/v2/metrics/prometheus does for the plugin's own.
func (h *Host) Scrape() (string, error) {
	answer, err := h.call(context.Background(), opScrape)
	return answer.text, err
}
