//go:build !unix

package exchange

import (
	"syscall"
	"time"
)

// readiness can't look at a socket on this system: every read waits in package net.
type readiness struct{}

func (*readiness) init(syscall.RawConn) {}

// within reports whether waiting beforehand makes no sense.
func (*readiness) within(d time.Duration) bool { return d > 0 }
