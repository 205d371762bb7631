// Command load writes container logs at a steady rate, like many containers with a few lines a
// second each. Each file gets its lines of a second in one write, files in turn, so that Fluent Bit
// makes one chunk per file and second. It is a separate process, so that its CPU is not counted,
// and truncates the files at its end.
//
//	load -folder F -files 100 -rate 20
//
// It prints "ready" once the files are there, and at its end the number of written lines.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"out_es/test/bench/records"
)

func main() {
	folder := flag.String("folder", "", "where the files are, or are made")
	files := flag.Int("files", 100, "number of files")
	rate := flag.Float64("rate", 20, "lines a second of each file")
	small := flag.Bool("small", false, "lines of a tenth of the size, for what lasts long")
	keep := flag.Bool("keep", false, "leave the files as they are at the end, for who reads on")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	w := writer{files: *files, rate: *rate, maker: records.Kubernetes, keep: *keep}
	if *small {
		w.maker = records.Flat(smallFields)
	}
	lines, err := w.run(ctx, *folder)
	fmt.Println(lines)
	if err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

// tick is how often the files that are due are written to.
const tick = 10 * time.Millisecond

// linesAtOnce bounds one write: a file that has more lines a second is written to more often.
const linesAtOnce = 100

// smallFields make a line of 80 bytes.
const smallFields = 3

// writer says what to write.
type writer struct {
	files int
	rate  float64
	maker records.Maker
	keep  bool
}

// run writes until the end of the context, and returns how many lines.
func (w writer) run(ctx context.Context, folder string) (lines int, err error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return 0, err
	}
	files := make([]*os.File, w.files)
	for pod := range files {
		var err error
		if files[pod], err = os.OpenFile(filepath.Join(folder, records.Name(pod)), os.O_CREATE|os.O_WRONLY|os.O_APPEND|os.O_TRUNC, 0o644); err != nil {
			return 0, err
		}
		defer files[pod].Close()
		if !w.keep {
			defer files[pod].Truncate(0)
		}
	}
	fmt.Println("ready") // the files are there: an agent that starts now finds all of them
	atOnce := min(max(1, int(w.rate)), linesAtOnce)
	every := time.Duration(float64(atOnce) / w.rate * float64(time.Second))
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	began, written := time.Now(), 0
	var batch []byte
	for {
		select {
		case <-ctx.Done():
			return written * atOnce, nil
		case <-ticker.C:
		}
		// File number i of its turn is due at a share i/files of the time between two writes to it.
		for due := int(float64(time.Since(began)) / float64(every) * float64(w.files)); written < due; written++ {
			pod, turn := written%w.files, written/w.files
			batch = batch[:0]
			for n := range atOnce {
				batch = w.maker(batch, pod, turn*atOnce+n)
			}
			if _, err := files[pod].Write(batch); err != nil {
				return written * atOnce, err
			}
		}
	}
}
