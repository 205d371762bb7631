// Package filelimit knows how long a file of this process may become. A write
// beyond that ends the process with a signal (SIGXFSZ), which is not a
// library's to handle: in a Go shared object it ends the host.
package filelimit

import (
	"fmt"
	"math"
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
