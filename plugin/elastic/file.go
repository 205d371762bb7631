package elastic

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// retryRead is the pause after an unusable file: a certificate may arrive a moment before its key.
const retryRead = time.Second

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

// unreadable is the fault of an option's file. The path is the option's value, and in the message
// already.
func unreadable(problem *os.PathError) error { return fmt.Errorf("can't be read: %w", problem.Err) }

// watched are files that are used together, and read again when one of them changes. It is safe for
// concurrent use.
type watched struct {
	paths []string
	// use applies the files' contents. If it fails, the previous contents stay in force.
	use func(contents [][]byte) error
	// complain is called for a change that could not be used.
	complain func(error)

	mu     sync.Mutex
	stamps []stamp
	again  time.Time // not tried before this
}

// check reads the files if they have changed. It returns the error of the first time only; later
// ones go to complain.
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

// look returns the files' stamps, nil if they are unchanged.
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
