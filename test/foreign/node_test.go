package foreign

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/sftoken/sftoken/test/need"
)

// script is a client in Node, which does a step for each line that it is told: see node/drive.js.
type script struct {
	in  *json.Encoder
	out *json.Decoder
}

// told are the arguments of a step.
type told map[string]any

// startScript starts node/NAME.js, which uses an npm package, with these settings in its environment.
func startScript(t *testing.T, name, npmPackage string, env ...string) *script {
	t.Helper()
	modules := filepath.Dir(need.Package(t, npmPackage))
	command := exec.CommandContext(t.Context(), need.Node(t), "--no-deprecation", filepath.Join("node", name+".js"), modules)
	command.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}
	command.Env = append(command.Env, env...)
	command.Stderr = os.Stderr
	in, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_, _ = io.Copy(io.Discard, out)
		_ = command.Wait()
	})
	return &script{in: json.NewEncoder(in), out: json.NewDecoder(out)}
}

// try has the script do a step. v takes the result, nil drops it.
func (s *script) try(step string, with told, v any) error {
	line := told{"step": step}
	maps.Copy(line, with)
	if err := s.in.Encode(line); err != nil {
		return err
	}
	var raw json.RawMessage
	if err := s.out.Decode(&raw); err != nil {
		return fmt.Errorf("%s: no answer: %w", step, err)
	}
	var failed struct{ Error, Description string }
	if json.Unmarshal(raw, &failed) == nil && failed.Error != "" {
		return fmt.Errorf("%s: %s: %s", step, failed.Error, failed.Description)
	}
	if v == nil {
		return nil
	}
	return json.Unmarshal(raw, v)
}

// tell is try for a step that must succeed.
func (s *script) tell(t *testing.T, step string, with told, v any) {
	t.Helper()
	if err := s.try(step, with, v); err != nil {
		t.Fatal(err)
	}
}
