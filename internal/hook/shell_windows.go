package hook

import (
	"context"
	"os/exec"
	"syscall"
)

// shell gives the command line to cmd as it is: its quotes are not Go's.
func shell(ctx context.Context, command string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "cmd.exe")
	cmd.SysProcAttr = &syscall.SysProcAttr{CmdLine: `cmd.exe /d /s /c "` + command + `"`}
	return cmd
}
