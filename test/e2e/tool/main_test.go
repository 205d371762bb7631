// Package tool runs out-es for real: beside the real Fluent Bit, before the real Elasticsearch.
package tool

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"out_es/test/e2e"
)

func TestMain(m *testing.M) { e2e.Main(m) }

// built is the program under test.
var built struct {
	once sync.Once
	path string
	err  error
}

// program builds out-es with the first call.
func program(t *testing.T) string {
	t.Helper()
	built.once.Do(func() {
		dir, err := os.MkdirTemp("", "out-es-")
		if err != nil {
			built.err = err
			return
		}
		built.path = filepath.Join(dir, "out-es")
		if text, err := exec.Command("go", "build", "-o", built.path, "out_es/cmd/out-es").CombinedOutput(); err != nil {
			built.err = errors.Join(err, errors.New(string(text)))
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.path
}

// outES runs out-es to its end and returns its exit code and output.
func outES(t *testing.T, in string, words ...string) (code int, out, problems string) {
	t.Helper()
	command := exec.Command(program(t), words...)
	var stdout, stderr bytes.Buffer
	command.Stdin, command.Stdout, command.Stderr = bytes.NewReader([]byte(in)), &stdout, &stderr
	err := command.Run()
	if exit, failed := errors.AsType[*exec.ExitError](err); failed {
		return exit.ExitCode(), stdout.String(), stderr.String()
	}
	if err != nil {
		t.Fatal(err)
	}
	return 0, stdout.String(), stderr.String()
}
