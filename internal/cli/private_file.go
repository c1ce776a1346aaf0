package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/sftoken/sftoken/internal/durable"
	"github.com/sftoken/sftoken/internal/worktree"
)

// mayWrite refuses, before anything is spent, a file that is there already and one that git would commit.
func (e *Env) mayWrite(ctx context.Context, path string, force bool) error {
	if _, err := os.Lstat(path); err == nil && !force {
		return fileExists(path)
	}
	root, err := worktree.Commits(ctx, path)
	if errors.Is(err, fs.ErrNotExist) && root == "" {
		return &localError{id: "output-unwritable", code: exitUsage, err: err}
	}
	if root == "" {
		return nil
	}
	data := map[string]any{"path": path, "root": root, "pattern": ignorePattern(root, path)}
	if err != nil {
		return &localError{id: "git-unsure", code: exitUsage, hints: true, data: data, err: err}
	}
	return &localError{id: "would-be-committed", code: exitUsage, hints: true, data: data}
}

// ignorePattern is the line of .gitignore that would keep the file out.
func ignorePattern(root, path string) string {
	absolute, err := filepath.Abs(path)
	if err == nil {
		if dir, linkErr := filepath.EvalSymlinks(filepath.Dir(absolute)); linkErr == nil {
			absolute = filepath.Join(dir, filepath.Base(absolute))
		}
		absolute, err = filepath.Rel(root, absolute)
	}
	if err != nil {
		return filepath.Base(path)
	}
	return "/" + filepath.ToSlash(absolute)
}

func fileExists(path string) error {
	return &localError{id: "output-exists", code: exitUsage, hints: true, data: map[string]any{"path": path}}
}

// writePrivate puts data at path in one step, readable by its owner only. Unless replace is set it never takes the place of a
// file, not even of one that came there just now: a link is made where nothing is, or not at all.
func writePrivate(path string, data []byte, replace bool) error {
	fail := func(err error) error { return &localError{id: "output-unwritable", code: exitFailed, err: err} }
	if replace {
		if err := durable.Write(path, data); err != nil {
			return fail(err)
		}
		return nil
	}
	temp := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+"."+rand.Text())
	if err := durable.Write(temp, data); err != nil {
		return fail(err)
	}
	defer os.Remove(temp)
	err := os.Link(temp, path)
	switch {
	case errors.Is(err, fs.ErrExist):
		return fileExists(path)
	case err != nil:
		return fail(err)
	}
	return nil
}
