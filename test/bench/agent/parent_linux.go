package agent

import "syscall"

// diesWithUs has the kernel kill the child when we die, however we die.
func diesWithUs() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
