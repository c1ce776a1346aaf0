//go:build !unix

package agent

import "os/exec"

// Detach does nothing: there is no agent on this system.
func Detach(*exec.Cmd) {}
