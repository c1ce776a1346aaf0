package foreign

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"testing"

	"github.com/sftoken/sftoken/emulator"
	"github.com/sftoken/sftoken/emulator/emulatortest"
	"github.com/sftoken/sftoken/test/need"
)

// script is a program that answers each line of JSON with one.
type script struct {
	in  *json.Encoder
	out *json.Decoder
}

func startScript(t *testing.T, name string, args ...string) *script {
	t.Helper()
	command := exec.CommandContext(t.Context(), name, args...)
	command.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}
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

// tell sends one line and decodes the answer into v.
func (s *script) tell(t *testing.T, line, v any) {
	t.Helper()
	if err := s.in.Encode(line); err != nil {
		t.Fatal(err)
	}
	var raw json.RawMessage
	if err := s.out.Decode(&raw); err != nil {
		t.Fatal(err)
	}
	var failed struct{ Error string }
	if json.Unmarshal(raw, &failed) == nil && failed.Error != "" {
		t.Fatalf("the script: %s", failed.Error)
	}
	if err := json.Unmarshal(raw, v); err != nil {
		t.Fatal(err)
	}
}

func TestJSforce(t *testing.T) {
	t.Parallel()
	node, jsforce := need.Node(t), need.Package(t, "jsforce")
	s := emulatortest.Start(t)
	back := listen(t)
	js := startScript(t, node, "jsforce.js", jsforce)

	var begun struct{ AuthorizeURL string }
	js.tell(t, map[string]string{"loginUrl": s.URL, "clientId": emulator.ClientIDPublic, "redirectUri": back.URL}, &begun)
	code := back.code(t, s.Client().Transport, begun.AuthorizeURL, "a state")
	var user struct{ ID, OrganizationID string }
	js.tell(t, map[string]string{"code": code}, &user)
	if user.ID == "" || user.OrganizationID == "" {
		t.Errorf("authorize tells user %q of org %q", user.ID, user.OrganizationID)
	}

	for round := range 3 {
		var who struct {
			Username, AccessToken string
			Refreshes             int
		}
		js.tell(t, "query", &who)
		if who.Username != emulator.Username || who.Refreshes != round {
			t.Errorf("round %d: identity of %q after %d refreshes", round, who.Username, who.Refreshes)
		}
		if got := status(t, s.Client(), s.URL, who.AccessToken); got != http.StatusOK {
			t.Errorf("round %d: API answers %d to jsforce's token", round, got)
		}
		if got := counted(s, "refresh_token", http.StatusOK); got != round {
			t.Errorf("round %d: the emulator counted %d refreshes", round, got)
		}
		s.Emulator().ExpireSessions()
	}
}
