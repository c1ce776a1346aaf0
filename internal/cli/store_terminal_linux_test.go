package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sftoken/sftoken/emulator"
	"github.com/sftoken/sftoken/emulator/emulatortest"
)

// A new passphrase is typed twice, and nothing of it is shown (C-70). A slip costs nothing.
func TestBackupPassphrase(t *testing.T) {
	t.Parallel()
	const passphrase = "correct horse"
	server := emulatortest.Start(t)
	s := sit(t, nil, "login", "mine", "--host", server.URL, "--client-id", emulator.ClientIDPublic, "--redirect-uri", redirectURI())
	s.answer(`Client secret`, "")
	s.wait(`Logged in as`)
	s.exit(5 * time.Second)
	path := filepath.Join(t.TempDir(), "logins.age")
	for _, row := range []struct {
		again string
		code  int
	}{{"another", exitUsage}, {passphrase, exitOK}} {
		again := sit(t, []string{"HOME=" + s.home}, "store", "backup", path)
		again.answer(`Passphrase:`, passphrase)
		again.answer(`Again:`, row.again)
		if got := again.exit(10 * time.Second); got != row.code {
			t.Fatalf("exit code %d, want %d: %s", got, row.code, again.seen())
		}
		if strings.Contains(again.seen(), passphrase) {
			t.Errorf("the terminal shows the passphrase: %s", again.seen())
		}
		if info, err := os.Stat(path); (err == nil) != (row.code == exitOK) || err == nil && info.Mode().Perm() != 0o600 {
			t.Errorf("exit code %d: the backup is %v, %v", row.code, info, err)
		}
	}
}
