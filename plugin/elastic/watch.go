package elastic

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// rereadPause is the pause after an unusable file: a certificate may arrive a moment before its
// key.
const rereadPause = time.Second

// fileBytes bounds the part of a file that is read: a bundle of every public authority has 250 KB.
const fileBytes = 4 << 20

// stamp identifies a state of a file. Kubernetes replaces a mounted secret by pointing a link
// elsewhere, which makes it another file.
type stamp struct{ info os.FileInfo }

func stampOf(path string) (stamp, error) {
	info, err := os.Stat(path)
	return stamp{info}, err
}

func (s stamp) equals(other stamp) bool {
	return s.info != nil && other.info != nil && os.SameFile(s.info, other.info) &&
		s.info.Size() == other.info.Size() && s.info.ModTime().Equal(other.info.ModTime())
}

// readError is the fault of an option's file. The path is the option's value, and in the message
// already.
func readError(problem *os.PathError) error { return fmt.Errorf("can't be read: %w", problem.Err) }

// watchedFiles are files that are used together, and read again when one of them changes. It is
// safe for concurrent use.
type watchedFiles struct {
	paths []string
	// apply applies the files' contents. If it fails, the previous contents stay in force.
	apply func(contents [][]byte) error
	// onError is called for a change that could not be used.
	onError func(error)

	mu      sync.Mutex
	stamps  []stamp
	retryAt time.Time // not tried before this
}

// check reads the files if they have changed. It returns the error of the first time only; later
// ones go to complain.
func (w *watchedFiles) check() error {
	if len(w.paths) == 0 {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if time.Now().Before(w.retryAt) {
		return nil
	}
	first := w.stamps == nil
	stamps, err := w.changed()
	if err == nil && stamps == nil {
		return nil
	}
	if err == nil {
		err = w.read()
	}
	switch {
	case err == nil:
		w.stamps = stamps
	case first:
		return err
	default:
		w.retryAt = time.Now().Add(rereadPause)
		w.onError(err)
	}
	return nil
}

// changed returns the files' stamps, nil if they are unchanged.
func (w *watchedFiles) changed() ([]stamp, error) {
	changed := w.stamps == nil
	for i, path := range w.paths {
		now, err := stampOf(path)
		if err != nil {
			return nil, err
		}
		changed = changed || !now.equals(w.stamps[i])
	}
	if !changed {
		return nil, nil
	}
	stamps := make([]stamp, len(w.paths))
	for i, path := range w.paths {
		now, err := stampOf(path)
		if err != nil {
			return nil, err
		}
		stamps[i] = now
	}
	return stamps, nil
}

func (w *watchedFiles) read() error {
	contents := make([][]byte, len(w.paths))
	for i, path := range w.paths {
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		contents[i], err = io.ReadAll(io.LimitReader(file, fileBytes))
		_ = file.Close() // it was only read
		if err != nil {
			return err
		}
	}
	return w.apply(contents)
}
