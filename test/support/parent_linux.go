package support

import "syscall"

// DieWithParent has the kernel kill a child process when the thread that started it ends, however
// that ends.
func DieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
