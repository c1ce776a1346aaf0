// Package worktree tells whether a file would be committed to git: whether it lies in a work tree and is not ignored there.
// Git itself is asked, by its own rules (.gitignore, .git/info/exclude, core.excludesFile; what is tracked is never ignored).
//
// It finds work trees by the .git that marks them, not those that only GIT_DIR or a bare repository's worktree setting know.
// For internal/cli.
package worktree

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Commits returns the root of the work tree that would commit the file at path, "" if none would. The file need not exist,
// its folder must. An error means that git could not say.
func Commits(ctx context.Context, path string) (root string, err error) {
	path, err = filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("find work tree: %w", err)
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil {
		return "", fmt.Errorf("find work tree: %w", err)
	}
	root = find(dir)
	if root == "" {
		return "", nil
	}
	// Named outright, the work tree is this one whatever GIT_DIR and GIT_WORK_TREE say, as in a git hook, and whoever owns it.
	git := exec.CommandContext(ctx, "git", "--git-dir="+filepath.Join(root, ".git"), "--work-tree="+root,
		"check-ignore", "--quiet", "--", filepath.Join(dir, filepath.Base(path)))
	git.Dir = root
	var said bytes.Buffer
	git.Stderr = &said
	err = git.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		if exit.ExitCode() == 1 { // git-check-ignore(1), EXIT STATUS: not ignored
			return root, nil
		}
		err = fmt.Errorf("%w: %s", err, strings.TrimSpace(said.String()))
	}
	if err != nil {
		return root, fmt.Errorf("ask git check-ignore: %w", err)
	}
	return "", nil
}

// find returns the nearest folder upwards that has a .git: a folder, or the file of a linked work tree or a submodule.
func find(dir string) string {
	for {
		if _, err := os.Lstat(filepath.Join(dir, ".git")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			return ""
		}
		dir = up
	}
}
