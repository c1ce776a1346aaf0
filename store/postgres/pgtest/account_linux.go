package pgtest

import (
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
	"testing"
)

// unprivileged runs cmd as the user postgres if this is root, as whom PostgreSQL refuses to run, and ends it with this
// process.
func unprivileged(t testing.TB, cmd *exec.Cmd) {
	t.Helper()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGQUIT}
	if uid, gid, ok := account(t); ok {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uid, Gid: gid}
	}
}

// own gives a directory to that user.
func own(t testing.TB, dir string) {
	t.Helper()
	if uid, gid, ok := account(t); ok {
		if err := os.Chown(dir, int(uid), int(gid)); err != nil {
			t.Fatal(err)
		}
	}
}

func account(t testing.TB) (uid, gid uint32, ok bool) {
	t.Helper()
	if os.Geteuid() != 0 {
		return 0, 0, false
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		t.Fatalf("run PostgreSQL as root: there must be an account postgres: %v", err)
	}
	ids := [2]uint32{}
	for i, text := range []string{u.Uid, u.Gid} {
		id, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			t.Fatal(err)
		}
		ids[i] = uint32(id)
	}
	return ids[0], ids[1], true
}
