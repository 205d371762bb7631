//go:build unix && !linux

package support

import "syscall"

// DieWithParent does nothing on this kernel: a child survives us if we are killed with SIGKILL.
func DieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{}
}
