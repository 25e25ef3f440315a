package redistest

import "syscall"

// dieWithParent makes the server end when the test process is killed, so that
// an interrupted test run leaves nothing behind.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
