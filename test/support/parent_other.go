//go:build unix && !linux

package support

import "syscall"

// DieWithParent asks for nothing: this kernel has no such thing, so that a child outlives us where we are killed with SIGKILL.
func DieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{}
}
