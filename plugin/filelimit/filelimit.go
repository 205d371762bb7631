// Package filelimit knows what a disk and the process bound: how long a file may
// become, whether a disk is out of room, and when a new name outlives the machine.
//
// A write beyond the limit on files ends the process with a signal (SIGXFSZ),
// which is not a library's to handle: in a Go shared object it ends the host.
package filelimit

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"syscall"
)

// Bytes is the limit, math.MaxInt64 where there is none. It can be changed from
// outside at any time (prlimit), and asking costs less than a microsecond.
func Bytes() int64 {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil || limit.Cur > math.MaxInt64 {
		return math.MaxInt64
	}
	return int64(limit.Cur)
}

// Within says whether so many bytes may be in one file under a limit.
//
// Possible errors: syscall.EFBIG, with the remedy.
func Within(limit, size int64) error {
	if size > limit {
		return fmt.Errorf("%d bytes for one file, of which this process may write %d (RLIMIT_FSIZE: ulimit -f, or LimitFSIZE of its unit): %w", size, limit, syscall.EFBIG)
	}
	return nil
}

// OutOfRoom reports whether an error is a full disk's, or a quota's: what is
// needed may be created later, when something was deleted.
func OutOfRoom(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// SyncFolder makes the names in a folder outlive the machine. File systems that
// can't sync a folder keep its names by other means, or not at all.
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
