package worktree_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/sftoken/sftoken/internal/worktree"
	"github.com/sftoken/sftoken/test/need"
)

func git(t *testing.T, dir string, args ...string) {
	t.Helper()
	need.Git(t)
	c := exec.Command("git", append([]string{"-c", "user.name=a", "-c", "user.email=a@b"}, args...)...)
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("git %q: %v: %s", args, err, out)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestCommits(t *testing.T) {
	t.Parallel()
	base, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	repo := filepath.Join(base, "repo")
	write(t, filepath.Join(repo, ".gitignore"), "*.secret\n/private/\n")
	write(t, filepath.Join(repo, "tracked.secret"), "")
	write(t, filepath.Join(repo, "private", "x"), "")
	write(t, filepath.Join(repo, "sub", "x"), "")
	git(t, repo, "init", "-q")
	git(t, repo, "add", "-f", "tracked.secret", "sub")
	git(t, repo, "commit", "-qm", "a")
	git(t, repo, "worktree", "add", "-q", filepath.Join(base, "linked"))
	if err := os.Symlink(filepath.Join(repo, "sub"), filepath.Join(base, "link")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ path, want string }{
		{"outside", ""},
		{"repo/a.env", repo},
		{"repo/sub/a.env", repo},
		{"repo/a.secret", ""},
		{"repo/private/a.env", ""},
		{"repo/tracked.secret", repo}, // ignored by name, but committed all the same
		{"repo/-q", repo},
		{"linked/a.env", filepath.Join(base, "linked")},
		{"link/a.env", repo},
	} {
		got, err := worktree.Commits(t.Context(), filepath.Join(base, c.path))
		if err != nil || got != c.want {
			t.Errorf("Commits(%q) = %q, %v, want %q", c.path, got, err, c.want)
		}
	}
}

// What git cannot say is an error: a folder called .git that is none of its own.
func TestNotSaid(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, ".git", "x"), "")
	if root, err := worktree.Commits(t.Context(), filepath.Join(dir, "a")); err == nil || root == "" {
		t.Errorf("Commits = %q, %v, want the root and an error", root, err)
	}
	if _, err := worktree.Commits(t.Context(), filepath.Join(dir, "nowhere", "a")); err == nil {
		t.Error("no error for a folder that is not there")
	}
}
