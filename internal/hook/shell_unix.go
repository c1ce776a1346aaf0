//go:build unix

package hook

import (
	"context"
	"os/exec"
	"syscall"
)

// shell makes the command a process group of its own, so that a Ctrl-C in the terminal does not reach it and its end
// takes its children along.
func shell(ctx context.Context, command string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", command)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	return cmd
}
