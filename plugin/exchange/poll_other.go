//go:build !unix

package exchange

import (
	"syscall"
	"time"
)

// readiness can't check a socket on this system: every read waits in package net.
type readiness struct{}

func (*readiness) init(syscall.RawConn) {}

// within reports whether a read would be useful, without waiting.
func (*readiness) within(d time.Duration) bool { return d > 0 }
