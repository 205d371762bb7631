package elastic

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// retryRead is how long a file that could not be used is left alone: a
// certificate may be there a moment before its key.
const retryRead = time.Second

// fileBytes bounds what is read of a file: a bundle of every public authority
// has 250 KB.
const fileBytes = 4 << 20

// stamp tells one state of a file from another. Kubernetes replaces a mounted
// secret by pointing a link elsewhere, which makes it another file.
type stamp struct{ info os.FileInfo }

func stampOf(path string) (stamp, error) {
	info, err := os.Stat(path)
	return stamp{info}, err
}

func (s stamp) equals(other stamp) bool {
	return s.info != nil && other.info != nil && os.SameFile(s.info, other.info) &&
		s.info.Size() == other.info.Size() && s.info.ModTime().Equal(other.info.ModTime())
}

// unreadable is what is wrong with an option's file. Its path is told as the
// option's value.
func unreadable(problem *os.PathError) error { return fmt.Errorf("can't be read: %w", problem.Err) }

// watched are files whose contents are used together, and read again when one
// of them changes. It is safe for concurrent use.
type watched struct {
	paths []string
	// use takes what the files hold now. Where it can't, what it took before
	// stays in force.
	use func(contents [][]byte) error
	// complain is told that a change could not be used.
	complain func(error)

	mu     sync.Mutex
	stamps []stamp
	again  time.Time // not tried before this
}

// check looks whether the files changed, and reads them if so. The error is
// that of the first time only; later ones go to complain.
func (w *watched) check() error {
	if len(w.paths) == 0 {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if time.Now().Before(w.again) {
		return nil
	}
	first := w.stamps == nil
	stamps, err := w.look()
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
		w.again = time.Now().Add(retryRead)
		w.complain(err)
	}
	return nil
}

// look returns the files' stamps, nil where they are as before.
func (w *watched) look() ([]stamp, error) {
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

func (w *watched) read() error {
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
	return w.use(contents)
}
