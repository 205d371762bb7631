//go:build unix && !linux

package agent

import "syscall"

// diesWithUs can't be asked of this kernel: an agent is left over if we are killed with SIGKILL, and only then.
func diesWithUs() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{}
}
