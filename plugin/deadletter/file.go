package deadletter

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"out_es/plugin/filelimit"
)

const (
	// fileBytes is how large the file grows before it is set aside as FILE.1,
	// FILE.1 as FILE.2 and so on.
	fileBytes = 64 << 20
	// keptFiles is how many are kept beside the one that is written: 512 MB in
	// all.
	keptFiles = 7
)

// File is a dead-letter file: a letter a line (NDJSON). It is 0600, since
// letters hold records, and its folder is made 0700 where it is not there. It
// is safe for concurrent use.
type File struct {
	path string
	lock *os.File

	mu   sync.Mutex
	file *os.File
	size int64
}

// Open opens the file, or makes it, and takes its lock.
//
// Possible errors: the file can't be written; another instance, or process,
// writes to it.
func Open(path string) (*File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("deadletter: %w", err)
	}
	lock, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("deadletter: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = lock.Close()
		return nil, errors.New("another output writes to this file: give each its own")
	}
	f := &File{path: path, lock: lock}
	if err := f.open(); err != nil {
		_ = lock.Close()
		return nil, err
	}
	return f, nil
}

func (f *File) open() error {
	file, err := os.OpenFile(f.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("deadletter: %w", err)
	}
	info, err := file.Stat()
	if err != nil {
		_ = file.Close()
		return fmt.Errorf("deadletter: %w", err)
	}
	f.file, f.size = file, info.Size()
	return nil
}

// Write appends whole lines and syncs them to disk: once it returns without an
// error they survive a crash of the machine. After an error none of them is
// there, so that they can be written again. removed says that the oldest
// letters had to go to make room.
//
// Possible errors: those of the file system.
func (f *File) Write(lines []byte) (removed bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.file != nil && !f.named() {
		_ = f.file.Close() // every write was synced
		f.file = nil
	}
	if f.file == nil {
		err = f.open() // somebody moved it away, or an earlier rotation failed half-way
	}
	limit := filelimit.Bytes()
	if err == nil {
		if err = filelimit.Within(limit, int64(len(lines))); err != nil {
			err = fmt.Errorf("deadletter: %w", err)
		}
	}
	if err == nil && f.size > 0 && f.size+int64(len(lines)) > min(fileBytes, limit) {
		removed, err = f.rotate()
	}
	if err != nil {
		return removed, err
	}
	if _, err = f.file.Write(lines); err == nil {
		err = f.file.Sync()
	}
	if err != nil {
		_ = f.file.Truncate(f.size)
		return removed, fmt.Errorf("deadletter: %w", err)
	}
	f.size += int64(len(lines))
	return removed, nil
}

// named says whether the open file is still the one of that name. Who moved it
// away to send its letters, and deletes it then, must not find more in it.
func (f *File) named() bool {
	open, err := f.file.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(f.path)
	return err == nil && os.SameFile(open, there)
}

// rotate sets the file aside and begins a new one.
func (f *File) rotate() (removed bool, err error) {
	_ = f.file.Close() // every write was synced
	f.file = nil
	oldest := f.aside(keptFiles)
	if err := os.Remove(oldest); err == nil {
		removed = true
	} else if !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("deadletter: %w", err)
	}
	for n := keptFiles; n > 0; n-- {
		if err := os.Rename(f.aside(n-1), f.aside(n)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return removed, fmt.Errorf("deadletter: %w", err)
		}
	}
	return removed, f.open()
}

// aside is the name of the nth older file, 0 for the one that is written.
func (f *File) aside(n int) string {
	if n == 0 {
		return f.path
	}
	return fmt.Sprintf("%s.%d", f.path, n)
}

// Close closes the file and gives its lock back.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var err error
	if f.file != nil {
		err = f.file.Close()
	}
	return errors.Join(err, f.lock.Close())
}
