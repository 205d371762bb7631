// Package interrupt ends a command of this project at Ctrl-C and at SIGTERM. A killed `go run`
// passes no signal on to the command that it started, so the end of `go run` counts as well.
package interrupt

import (
	"context"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"syscall"
	"time"
)

// parentPoll is how often the parent is looked for; nothing tells a process portably that its
// parent has died.
const parentPoll = 250 * time.Millisecond

// Context returns a context that ends when the command should. stop frees its resources, and gives
// a second Ctrl-C back its usual effect.
func Context() (ctx context.Context, stop func()) {
	// A reader of our output that leaves early, as `head` does, must not kill us before we have
	// stopped our children.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	ctx, stopSignals := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	if !startedByGoRun() {
		return ctx, stopSignals
	}
	ctx, cancel := context.WithCancel(ctx)
	go watchParent(ctx, cancel, os.Getppid())
	return ctx, func() { cancel(); stopSignals() }
}

// goRunFolder is where `go run` keeps a program: a temporary build folder the first time, its cache
// later on.
var goRunFolder = regexp.MustCompile(`/go-build|/[0-9a-f]{64}-d/`)

// startedByGoRun reports whether the program's own path is one of go run. A program started
// otherwise may well outlive its parent, for instance under nohup.
func startedByGoRun() bool {
	path, err := os.Executable()
	return err == nil && goRunFolder.MatchString(filepath.ToSlash(path))
}

func watchParent(ctx context.Context, cancel func(), parent int) {
	ticker := time.NewTicker(parentPoll)
	defer ticker.Stop()
	for os.Getppid() == parent {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
	cancel()
}
