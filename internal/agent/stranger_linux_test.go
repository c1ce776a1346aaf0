package agent_test

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestMain lets the test binary be another user's process that asks the agent.
func TestMain(m *testing.M) {
	socket := os.Getenv("SFTOKEN_TEST_SOCKET")
	if socket == "" {
		os.Exit(m.Run())
	}
	conn, err := net.Dial("unix", socket)
	if err != nil {
		os.Exit(3)
	}
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	_, _ = conn.Write([]byte("GET /v1/status HTTP/1.1\r\nHost: agent\r\n\r\n"))
	if n, _ := conn.Read(make([]byte, 1)); n > 0 {
		os.Exit(4)
	}
	os.Exit(0)
}

// B-11: even where the folder lets others in, another user's process is cut off unheard.
func TestStranger(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("needs root, to be somebody else")
	}
	l, _ := serve(t, 0, func(w http.ResponseWriter, _ *http.Request) {
		t.Error("a stranger was heard")
		w.WriteHeader(http.StatusNoContent)
	})
	for path, mode := range map[string]os.FileMode{l.Path(): 0o777, filepath.Dir(l.Path()): 0o711, filepath.Dir(filepath.Dir(l.Path())): 0o711} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	program, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	stranger := filepath.Join(filepath.Dir(filepath.Dir(l.Path())), "stranger") // go test's own folder is closed to others
	if err := os.WriteFile(stranger, program, 0o755); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), stranger)
	command.Env = []string{"SFTOKEN_TEST_SOCKET=" + l.Path()}
	command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	if out, err := command.CombinedOutput(); err != nil {
		t.Errorf("%v: %s (3: it could not connect, 4: it was answered)", err, out)
	}
}
