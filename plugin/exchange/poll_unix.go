//go:build unix

package exchange

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// readiness asks the kernel whether a socket is readable. It only ever looks: the read that follows
// is that of package net, with its deadlines, whatever the answer.
type readiness struct {
	raw     syscall.RawConn
	fds     [1]unix.PollFd
	timeout time.Duration
	ready   bool
	poll    func(fd uintptr)
}

func (r *readiness) init(raw syscall.RawConn) {
	r.raw = raw
	r.poll = r.wait
}

// within reports whether the socket became readable, was closed or failed within d. The descriptor
// stays open in between, even if the connection is closed.
func (r *readiness) within(d time.Duration) bool {
	r.timeout, r.ready = d, false
	return r.raw.Control(r.poll) != nil || r.ready
}

func (r *readiness) wait(fd uintptr) {
	r.fds[0] = unix.PollFd{Fd: int32(fd), Events: unix.POLLIN}
	var until time.Time
	if r.timeout > 0 {
		until = time.Now().Add(r.timeout)
	}
	for left := r.timeout; left >= 0; left = time.Until(until) {
		n, err := unix.Poll(r.fds[:], int(left.Milliseconds()))
		if err == nil {
			r.ready = n > 0
			return
		}
		if err != unix.EINTR { // the runtime's own signals interrupt it, too
			r.ready = true // the read returns the error
			return
		}
	}
}
