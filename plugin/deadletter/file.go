package deadletter

import (
	"bytes"
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
	// maxRotatedFiles is how many are kept beside the one that is written: 512 MB in
	// all.
	maxRotatedFiles = 7
	// LockSuffix ends the name of the lock beside a dead-letter file.
	LockSuffix = ".lock"
)

// ErrClosed means that the file was closed, and that its lock may be another's.
var ErrClosed = errors.New("deadletter: the file is closed")

// File is a dead-letter file: one record a line (NDJSON). It has mode 0600, since it contains
// records, and a missing folder is created with 0700. It is safe for concurrent use.
//
// The file ends in a newline before anything is appended to it: Open cuts off the unfinished line
// of a process that died, Write the remains of its own failures.
type File struct {
	path string
	// syncFolder makes the names in a folder safe: filelimit.SyncFolder.
	syncFolder func(dir string) error

	mu     sync.Mutex
	lock   *os.File
	file   *os.File // nil where the next write opens it
	size   int64    // of whole lines that were synced
	torn   bool     // there may be more than size: a failed write that could not be cut off
	closed bool
}

// Open opens or creates the file, and takes its lock. On a disk without room for a new file, the
// first Write that finds room creates it: an agent that can't start could free none.
//
// Possible errors: the file can't be written; another instance, or process, writes to it.
func Open(path string) (*File, error) {
	f := &File{path: path, syncFolder: filelimit.SyncFolder}
	if err := f.open(); err != nil && !filelimit.IsDiskFull(err) {
		f.unlock()
		return nil, err
	}
	return f, nil
}

// open takes the lock, unless it is held, and opens the file behind its last
// whole line. An older file of that name is cut back to there: its torn end was
// never acknowledged, and would swallow the line that follows.
func (f *File) open() error {
	if err := os.MkdirAll(filepath.Dir(f.path), 0o700); err != nil {
		return fmt.Errorf("deadletter: %w", err)
	}
	if err := f.takeLock(); err != nil {
		return err
	}
	file, err := os.OpenFile(f.path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("deadletter: %w", err)
	}
	size, err := truncateToLastLine(file)
	if err == nil {
		err = f.syncFolder(filepath.Dir(f.path))
	}
	if err != nil {
		_ = file.Close()
		return fmt.Errorf("deadletter: %w", err)
	}
	f.file, f.size, f.torn = file, size, false
	return nil
}

// InUse reports whether an output writes to the dead-letter file at path. It must be able to read
// the lock's file, and else reports false.
func InUse(path string) bool {
	lock, err := os.Open(path + LockSuffix)
	if err != nil {
		return false
	}
	defer lock.Close()
	return syscall.Flock(int(lock.Fd()), syscall.LOCK_SH|syscall.LOCK_NB) != nil
}

// takeLock takes the lock, again where its file is gone: whoever removed the
// folder must not open a second writer's way.
func (f *File) takeLock() error {
	path := f.path + LockSuffix
	if f.lock != nil && hasPath(f.lock, path) {
		return nil
	}
	lock, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("deadletter: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = lock.Close()
		return errors.New("another output writes to this file: give each its own")
	}
	f.unlock()
	f.lock = lock
	return nil
}

func (f *File) unlock() {
	if f.lock != nil {
		_ = f.lock.Close()
		f.lock = nil
	}
}

// searchWindow is how much of a file is searched for a newline at a time.
const searchWindow = 64 << 10

// truncateToLastLine truncates a file behind its last newline and returns its length.
//
// Possible errors: those of the file system.
func truncateToLastLine(file *os.File) (size int64, err error) {
	info, err := file.Stat()
	if err != nil {
		return 0, err
	}
	length := info.Size()
	var window [searchWindow]byte
	for end := length; end > 0; {
		start := max(0, end-searchWindow)
		part := window[:end-start]
		if _, err := file.ReadAt(part, start); err != nil {
			return 0, err
		}
		if i := bytes.LastIndexByte(part, '\n'); i >= 0 {
			size = start + int64(i) + 1
			break
		}
		end = start
	}
	if size == length {
		return size, nil
	}
	if err := file.Truncate(size); err != nil {
		return 0, err
	}
	return size, file.Sync()
}

// Write appends whole lines and syncs them to disk: once it returns without an
// error they survive a crash of the machine. After an error none of them is
// there, so that they can be written again. removed reports whether the oldest
// dead-letter records had to go to make room.
//
// Possible errors: ErrClosed; those of the file system.
func (f *File) Write(lines []byte) (removed bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return false, ErrClosed
	}
	if err := f.reopen(); err != nil {
		return false, err
	}
	limit := filelimit.MaxBytes()
	if err = filelimit.Check(limit, int64(len(lines))); err != nil {
		return false, fmt.Errorf("deadletter: %w", err)
	}
	if f.size > 0 && f.size+int64(len(lines)) > min(fileBytes, limit) {
		if removed, err = f.rotate(); err != nil {
			return removed, err
		}
	}
	if _, err = f.file.Write(lines); err == nil {
		err = f.file.Sync()
	}
	if err != nil {
		f.torn = f.file.Truncate(f.size) != nil
		return removed, fmt.Errorf("deadletter: %w", err)
	}
	f.size += int64(len(lines))
	return removed, nil
}

// reopen opens the file if it is not open: it was moved away, an earlier rotation failed half-way,
// or there was no room for it. It cuts off the remains of a failed write behind the last line.
func (f *File) reopen() error {
	if f.file != nil && !hasPath(f.file, f.path) {
		_ = f.file.Close() // every write was synced
		f.file = nil
	}
	if f.file == nil {
		return f.open()
	}
	if f.torn {
		if err := f.file.Truncate(f.size); err != nil {
			return fmt.Errorf("deadletter: %w", err)
		}
		f.torn = false
	}
	return nil
}

// hasPath reports whether an open file is still the one of that name. Whoever
// moved it away to send its records, and deletes it then, must not find more in
// it.
func hasPath(file *os.File, path string) bool {
	open, err := file.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(path)
	return err == nil && os.SameFile(open, there)
}

// rotate sets the file aside and begins a new one.
func (f *File) rotate() (removed bool, err error) {
	_ = f.file.Close() // every write was synced
	f.file = nil
	oldest := f.rotatedPath(maxRotatedFiles)
	if err := os.Remove(oldest); err == nil {
		removed = true
	} else if !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("deadletter: %w", err)
	}
	for n := maxRotatedFiles; n > 0; n-- {
		if err := os.Rename(f.rotatedPath(n-1), f.rotatedPath(n)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return removed, fmt.Errorf("deadletter: %w", err)
		}
	}
	return removed, f.open()
}

// rotatedPath is the name of the nth older file, 0 for the one that is written.
func (f *File) rotatedPath(n int) string {
	if n == 0 {
		return f.path
	}
	return fmt.Sprintf("%s.%d", f.path, n)
}

// Close closes the file and gives its lock back. Nothing is written after it.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil
	}
	f.closed = true
	var err error
	if f.file != nil {
		err = f.file.Close()
	}
	f.unlock()
	return err
}
