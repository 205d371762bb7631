package records

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// perSecond is how often WriteSteadily writes.
const perSecond = 10

// Writing is a running WriteSteadily.
type Writing struct {
	stop  context.CancelFunc
	ended sync.WaitGroup
	mu    sync.Mutex
	count int
}

// WriteSteadily makes empty files below folder and appends records to them at
// that rate, in all files together, until Stop or the end of the context.
//
// Possible errors: those of the file system.
func WriteSteadily(ctx context.Context, folder string, rate, files int) (*Writing, error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	open := make([]*os.File, files)
	for pod := range open {
		var err error
		if open[pod], err = os.Create(filepath.Join(folder, Name(pod))); err != nil {
			return nil, err
		}
	}
	ctx, stop := context.WithCancel(ctx)
	w := &Writing{stop: stop}
	w.ended.Go(func() {
		defer func() {
			for _, file := range open {
				_ = file.Close()
			}
		}()
		w.write(ctx, open, rate/perSecond/files)
	})
	return w, nil
}

// write appends each records to every file, perSecond times a second.
func (w *Writing) write(ctx context.Context, files []*os.File, each int) {
	ticker := time.NewTicker(time.Second / perSecond)
	defer ticker.Stop()
	var lines []byte
	for i := 0; ; i += each {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		for pod, file := range files {
			lines = lines[:0]
			for n := range each {
				lines = Kubernetes(lines, pod, i+n)
			}
			if _, err := file.Write(lines); err != nil {
				return // a full disk: the agents' counts will show it
			}
		}
		w.mu.Lock()
		w.count += each * len(files)
		w.mu.Unlock()
	}
}

// Stop ends the writing and returns how many records there are.
func (w *Writing) Stop() int {
	w.stop()
	w.ended.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.count
}
