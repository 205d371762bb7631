//go:build unix

package elasticsearch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// lockPoll is how often a waiting process asks again; flock's own wait can't be given up.
const lockPoll = 100 * time.Millisecond

// lock takes the lock file at path, waiting for whoever has it, in this process or another. The
// kernel releases it when its holder dies. Possible errors: the context ended; the file can't be
// made.
func lock(ctx context.Context, path string) (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("elasticsearch: %w", err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("elasticsearch: %w", err)
	}
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { file.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			file.Close()
			return nil, fmt.Errorf("elasticsearch: locking %s: %w", path, err)
		}
		select {
		case <-ctx.Done():
			file.Close()
			return nil, fmt.Errorf("elasticsearch: waiting for another process to release %s: %w", path, ctx.Err())
		case <-time.After(lockPoll):
		}
	}
}
