//go:build unix

package hook_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/internal/hook"
)

const canary = "5Aep861CANARY"

func rotation(generation uint64) hook.Rotation {
	return hook.Rotation{Alias: "prod", Generation: generation, RefreshToken: sftoken.NewSecret(canary)}
}

// C-70: the token comes by standard input, and by nothing that others can see.
func TestTokenComesByStdin(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var said bytes.Buffer
	h := &hook.Hook{Command: "cat > '" + dir + "/in'; env > '" + dir + "/env'; tr '\\0' ' ' < /proc/$$/cmdline; echo done", Stderr: &said}
	if err := h.Run(t.Context(), rotation(7)); err != nil {
		t.Fatal(err)
	}
	in, err := os.ReadFile(filepath.Join(dir, "in"))
	if want := `{"alias":"prod","generation":7,"refresh_token":"` + canary + `"}` + "\n"; err != nil || string(in) != want {
		t.Errorf("stdin %q, %v; want %q", in, err, want)
	}
	environment, _ := os.ReadFile(filepath.Join(dir, "env"))
	if strings.Contains(string(environment)+said.String(), canary) {
		t.Error("the token is in the environment or the arguments")
	}
	if !strings.Contains(said.String(), "done") {
		t.Errorf("output %q", said.String())
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	for command, want := range map[string]string{
		"exit 3":                 "tell hook of prod: exit status 3",
		"no-such-command-at-all": "tell hook of prod: exit status 127",
		"sleep 60 & sleep 60":    "tell hook of prod: no end after 200ms",
	} {
		h := &hook.Hook{Command: command, Timeout: 200 * time.Millisecond}
		start := time.Now()
		err := h.Run(t.Context(), rotation(1))
		if _, ok := errors.AsType[*hook.Error](err); !ok || err.Error() != want {
			t.Errorf("%s: %v, want %q", command, err, want)
		}
		if strings.Contains(err.Error(), canary) {
			t.Errorf("%s: the error shows the token", command)
		}
		if took := time.Since(start); took > 30*time.Second {
			t.Errorf("%s took %v", command, took)
		}
	}
}

// A command need not read its input, and may leave something running.
func TestCarelessCommands(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"true", "exec 0<&-; true", "sleep 3 & exit 0"} {
		h := &hook.Hook{Command: command, Stderr: new(bytes.Buffer)}
		if err := h.Run(t.Context(), rotation(1)); err != nil {
			t.Errorf("%s: %v", command, err)
		}
	}
}

// Whoever keeps the last token told must not be left with an old one.
func TestOlderTokensAreLeftOut(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "out")
	h := &hook.Hook{Command: "cat >> '" + out + "'"}
	for _, generation := range []uint64{3, 9, 5, 11} {
		if err := h.Run(t.Context(), rotation(generation)); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(out)
	if err != nil || strings.Count(string(text), "\n") != 3 || strings.Contains(string(text), `"generation":5`) {
		t.Errorf("told %q, %v", text, err)
	}
}
