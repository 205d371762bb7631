// Package filelimit handles limits of files and disks: the maximum length of a file, a disk without
// room, and file names that survive a crash of the machine.
//
// A write beyond the limit on file sizes ends the process with a signal (SIGXFSZ). A library can't
// handle it: in a Go shared object it ends the host.
package filelimit

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"syscall"
)

// MaxBytes is the limit, math.MaxInt64 for none. It can be changed from outside at any time
// (prlimit), and reading it takes less than a microsecond.
func MaxBytes() int64 {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil || limit.Cur > math.MaxInt64 {
		return math.MaxInt64
	}
	return int64(limit.Cur)
}

// Check checks a file size against a limit.
//
// Possible errors: syscall.EFBIG, with the remedy.
func Check(limit, size int64) error {
	if size > limit {
		return fmt.Errorf("%d bytes for one file, of which this process may write %d (RLIMIT_FSIZE: ulimit -f, or LimitFSIZE of its unit): %w", size, limit, syscall.EFBIG)
	}
	return nil
}

// IsDiskFull reports whether an error is that of a full disk or quota: a retry may succeed after
// files were deleted.
func IsDiskFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// SyncFolder makes the names in a folder survive a crash of the machine. File systems that can't
// sync a folder keep its names by other means, or not at all.
//
// Possible errors: those of the file system.
func SyncFolder(dir string) error {
	folder, err := os.Open(filepath.Clean(dir))
	if err != nil {
		return err
	}
	defer folder.Close()
	err = folder.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		return nil
	}
	return err
}
