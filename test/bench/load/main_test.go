package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"out_es/test/bench/records"
	"out_es/test/support"
)

// TestSteadyRate waits until each file has the lines of two seconds, and checks that the end leaves
// them empty.
func TestSteadyRate(t *testing.T) {
	support.LongForm(t)
	for _, row := range []struct {
		files int
		rate  float64
		lines int // of one write
	}{{5, 20, 20}, {3, 0.5, 1}, {2, 1000, linesAtOnce}} {
		folder := t.TempDir()
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		began := time.Now()
		w := writer{files: row.files, rate: row.rate, maker: records.Kubernetes}
		go func() {
			lines, err := w.run(ctx, folder)
			if err == nil && lines < row.files*row.lines {
				err = fmt.Errorf("it says that it wrote %d lines", lines)
			}
			ended <- err
		}()
		var last int
		for pod := 0; pod < row.files; {
			text, err := os.ReadFile(filepath.Join(folder, records.Name(pod)))
			if last = bytes.Count(text, []byte("\n")); err != nil || last < row.lines {
				time.Sleep(5 * time.Millisecond)
				continue
			}
			pod++
		}
		took := time.Since(began)
		if most := int(took.Seconds()*row.rate) + 2*row.lines; last%row.lines != 0 || last > most {
			t.Errorf("%d files of %g lines/s: %d lines after %s, in writes of %d", row.files, row.rate, last, took, row.lines)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		for pod := range row.files {
			if file, err := os.Stat(filepath.Join(folder, records.Name(pod))); err != nil || file.Size() != 0 {
				t.Errorf("%v, %v", file, err)
			}
		}
	}
}
