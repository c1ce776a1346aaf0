package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/sftoken/sftoken/store"
)

// Files that another program keeps in its own way: readable to others, perhaps, or behind a symbolic link. That is its
// owner's affair, and neither refused nor changed.

// ReadShared returns the contents of another program's file. A missing file is fs.ErrNotExist.
func ReadShared(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, Failure("read", path, err)
	case !info.Mode().IsRegular():
		return nil, checkFile("read", path, info)
	case info.Size() > MaxSize:
		return nil, &store.Error{Op: "read", Path: path, Kind: store.ErrDamaged, Detail: "damaged (far too large)"}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, Failure("read", path, err)
	}
	return data, nil
}

// PrepareShared is Prepare for another program's file: a symbolic link is followed, and the mode stays what it is. A new file
// is private. temp names the temporary file, in the directory of the real one.
func PrepareShared(path, temp string, size int) (*Pending, error) {
	real, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		real, err = path, nil
	}
	if err != nil {
		return nil, Failure("write", path, err)
	}
	mode := fs.FileMode(0o600)
	switch info, err := os.Stat(real); {
	case err == nil && !info.Mode().IsRegular():
		return nil, checkFile("write", real, info)
	case err == nil:
		mode = info.Mode().Perm()
	case !errors.Is(err, fs.ErrNotExist):
		return nil, Failure("write", path, err)
	}
	p, err := create(real, filepath.Join(filepath.Dir(real), temp), size)
	if err != nil {
		return nil, err
	}
	if err := p.f.Chmod(mode); err != nil && mode != 0o600 {
		p.Discard()
		return nil, Failure("write", path, err)
	}
	return p, nil
}
