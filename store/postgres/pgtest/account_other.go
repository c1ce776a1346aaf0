//go:build !linux

package pgtest

import (
	"os/exec"
	"testing"
)

func unprivileged(testing.TB, *exec.Cmd) {}

func own(testing.TB, string) {}
