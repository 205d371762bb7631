package spool

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// ErrLocked means that another instance, of this process or another one, uses the spool.
var ErrLocked = errors.New("another output uses this folder: give each its own Alias or Spool_Path")

const (
	lockName = "lock"
	// lockPatience covers a short check of whether a spool is in use, and an instance before a
	// reload that ends late.
	lockPatience = 2 * time.Second
	lockPause    = 20 * time.Millisecond
)

// takeLock locks the folder while the file is open. The system releases the lock when the process
// dies.
//
// Possible errors: ErrLocked; those of the file system.
func takeLock(dir string) (*os.File, error) {
	file, err := os.OpenFile(filepath.Join(dir, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	for began := time.Now(); ; time.Sleep(lockPause) {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return file, nil
		}
		if time.Since(began) > lockPatience || !errors.Is(err, syscall.EWOULDBLOCK) {
			_ = file.Close()
			if errors.Is(err, syscall.EWOULDBLOCK) {
				return nil, ErrLocked
			}
			return nil, fmt.Errorf("spool: %w", err)
		}
	}
}

// AbandonedSpool is a spool that no instance uses.
type AbandonedSpool struct {
	Dir   string
	Bytes int64
}

// Abandoned finds non-empty spools without an instance in the folders of root, except own.
//
// Possible errors: those of the file system.
func Abandoned(root, own string) ([]AbandonedSpool, error) {
	folders, err := os.ReadDir(root)
	if err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	var all []AbandonedSpool
	for _, folder := range folders {
		dir := filepath.Join(root, folder.Name())
		if !folder.IsDir() || dir == own {
			continue
		}
		if bytes := held(dir); bytes > 0 && !locked(dir) {
			all = append(all, AbandonedSpool{dir, bytes})
		}
	}
	return all, nil
}

// held is the length of all segments of a folder, of any version, including those of its queues.
func held(dir string) (bytes int64) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return 0
	}
	for _, file := range files {
		if file.IsDir() {
			bytes += held(filepath.Join(dir, file.Name()))
			continue
		}
		if _, _, _, isSegment := splitName(file.Name()); !isSegment {
			continue
		}
		if info, err := file.Info(); err == nil {
			bytes += info.Size()
		}
	}
	return bytes
}

// locked reports whether an instance uses a folder.
func locked(dir string) bool {
	file, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR, 0)
	if err != nil {
		return false
	}
	defer file.Close()
	return syscall.Flock(int(file.Fd()), syscall.LOCK_SH|syscall.LOCK_NB) != nil
}
