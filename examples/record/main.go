// Command record runs the real Fluent Bit over examples/logs with the inputs and filters of
// examples/fluent-bit.conf. It writes the chunks for the outputs to
// examples/records/chunks.msgpack.gz. Without an installed Fluent Bit, `make run` feeds them to the
// plugin, so that the documents are those of a real agent.
//
//	go run ./examples/record        # fluent-bit on PATH, or FLUENT_BIT
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"out_es/test/host"
)

func main() {
	examples := flag.String("examples", "examples", "folder of fluent-bit.conf, parsers.conf and logs/")
	out := flag.String("out", filepath.Join("examples", "records", "chunks.msgpack.gz"), "file to write")
	flag.Parse()
	if err := record(context.Background(), *examples, *out); err != nil {
		fmt.Fprintln(os.Stderr, "record:", err)
		os.Exit(1)
	}
}

// quiet is how long no chunk comes before everything counts as read: five flushes.
const quiet = 5 * time.Second

func record(ctx context.Context, examples, out string) error {
	chunks, err := chunksOf(ctx, examples)
	if err != nil {
		return err
	}
	file, err := os.Create(out)
	if err != nil {
		return err
	}
	if err := host.WriteRecorded(file, chunks); err != nil {
		file.Close()
		return err
	}
	return file.Close()
}

// chunksOf runs Fluent Bit until no more chunks come, and returns them by tag, those of one tag in
// the order in which they came.
func chunksOf(ctx context.Context, examples string) ([]host.Recorded, error) {
	program := os.Getenv("FLUENT_BIT")
	if program == "" {
		program = "fluent-bit"
	}
	state, err := os.MkdirTemp("", "out_es-record-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(state)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	received := &receiver{came: make(chan struct{}, 1)}
	server := &http.Server{Handler: received, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }()
	defer server.Close()
	examples, err = filepath.Abs(examples)
	if err != nil {
		return nil, err
	}
	conf, err := recordingConf(examples, state, listener.Addr().(*net.TCPAddr).Port)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, program, "-c", conf)
	cmd.Env = append(os.Environ(), "EXAMPLES_DIR="+examples, "STATE_DIR="+filepath.Join(state, "storage"), "ES_URL=unused", "INDEX_PREFIX=")
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	err = received.wait(ctx)
	_ = cmd.Process.Signal(os.Interrupt)
	if ended := cmd.Wait(); err == nil {
		err = ended
	}
	if err != nil {
		return nil, fmt.Errorf("%w; Fluent Bit said:\n%s", err, log.Bytes())
	}
	return received.sorted(), nil
}

// recordingConf writes fluent-bit.conf with one output for all that posts each chunk as it is to
// the recorder.
func recordingConf(examples, state string, port int) (path string, err error) {
	text, err := os.ReadFile(filepath.Join(examples, "fluent-bit.conf"))
	if err != nil {
		return "", err
	}
	before, _, found := strings.Cut(string(text), "\n[OUTPUT]")
	if !found {
		return "", fmt.Errorf("fluent-bit.conf has no [OUTPUT]")
	}
	before = strings.Replace(before, "parsers.conf", filepath.Join(examples, "parsers.conf"), 1)
	before = strings.Replace(before, "http_server               on", "http_server               off", 1)
	path = filepath.Join(state, "record.conf")
	text = fmt.Appendf(nil, "%s\n[OUTPUT]\n    name       http\n    match      *\n    host       127.0.0.1\n    port       %d\n    format     msgpack\n    header_tag X-Tag\n    workers    0\n", before, port)
	return path, os.WriteFile(path, text, 0o600)
}

// receiver keeps what is posted.
type receiver struct {
	came chan struct{} // has a token when something came

	mu     sync.Mutex
	chunks []host.Recorded
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	r.chunks = append(r.chunks, host.Recorded{Tag: request.Header.Get("X-Tag"), Chunk: host.Chunk{Bytes: body}})
	r.mu.Unlock()
	select {
	case r.came <- struct{}{}:
	default:
	}
}

// wait returns when something came and then nothing more for a while.
func (r *receiver) wait(ctx context.Context) error {
	timer := time.NewTimer(30 * time.Second)
	defer timer.Stop()
	for any := false; ; any = true {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
			if !any {
				return fmt.Errorf("no chunk came within 30 s")
			}
			return nil
		case <-r.came:
			timer.Reset(quiet)
		}
	}
}

func (r *receiver) sorted() []host.Recorded {
	r.mu.Lock()
	defer r.mu.Unlock()
	slices.SortStableFunc(r.chunks, func(a, b host.Recorded) int { return strings.Compare(a.Tag, b.Tag) })
	return r.chunks
}
