//go:build unix

package agent

import (
	"os/exec"
	"syscall"
)

// Detach has the process that cmd will be outlive the terminal that it is started from.
func Detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }
