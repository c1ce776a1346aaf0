package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/sftoken/sftoken/store"
)

// MakeDir makes a directory that only its owner can enter, and its parents, durably; one that exists must be such.
func MakeDir(path string) error {
	err := CheckDir(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := makeParents(filepath.Dir(path)); err != nil {
		return err
	}
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return Failure("make directory", path, err)
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		return Failure("make directory", path, err)
	}
	return CheckDir(path)
}

// makeParents makes what is missing above a private directory. What exists is the user's own affair: /home is not private.
func makeParents(path string) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return nil // if it is no directory, the Mkdir that follows says so
	}
	if err := makeParents(filepath.Dir(path)); err != nil {
		return err
	}
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return Failure("make directory", path, err)
	}
	return nil
}

// CheckDir reports why a directory is not private. A missing one is fs.ErrNotExist.
func CheckDir(path string) error {
	info, err := os.Lstat(path)
	switch {
	case err != nil:
		return Failure("open directory", path, err)
	case info.Mode()&fs.ModeSymlink != 0:
		return linkError("open directory", path)
	case !info.IsDir():
		return &store.Error{
			Op: "open directory", Path: path, Kind: store.ErrUnsafe, ID: "store-unsafe-kind",
			Detail: "there is something else in the directory's place", Mend: "move it away",
		}
	}
	return checkAccess("open directory", path, info, 0o700)
}

// CheckFile reports why a file that somebody else will open is not private. A missing one is fs.ErrNotExist.
func CheckFile(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return Failure("open", path, err)
	}
	return checkFile("open", path, info)
}

// checkFile reports why an open file is not a private regular file.
func checkFile(op, path string, info fs.FileInfo) error {
	if info.Mode()&fs.ModeSymlink != 0 {
		return linkError(op, path)
	}
	if !info.Mode().IsRegular() {
		what := "something that is no file"
		if info.IsDir() {
			what = "a directory"
		}
		return &store.Error{
			Op: op, Path: path, Kind: store.ErrUnsafe, ID: "store-unsafe-kind",
			Detail: what + " is in the file's place", Mend: "move it away",
		}
	}
	return checkAccess(op, path, info, 0o600)
}

// checkTarget refuses to write over something that Read would refuse: the rename would hide the trouble.
func checkTarget(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return Failure("write", path, err)
	}
	return checkFile("write", path, info)
}

func checkAccess(op, path string, info fs.FileInfo, want fs.FileMode) error {
	if runtime.GOOS == "windows" {
		return nil // the profile directory's access list keeps others out; mode bits mean nothing there
	}
	if uid := owner(info); uid >= 0 && uid != os.Geteuid() {
		return &store.Error{
			Op: op, Path: path, Kind: store.ErrUnsafe, ID: "store-unsafe-owner",
			Detail: fmt.Sprintf("it belongs to user %d, this is user %d", uid, os.Geteuid()),
			Mend:   fmt.Sprintf("run as its owner, or give it back: sudo chown %d %s", os.Geteuid(), shellQuote(path)),
		}
	}
	if got := info.Mode().Perm(); got&^want&0o077 != 0 {
		return &store.Error{
			Op: op, Path: path, Kind: store.ErrUnsafe, ID: "store-unsafe-mode",
			Detail: fmt.Sprintf("others may use it (mode %04o)", got),
			Mend:   fmt.Sprintf("close it: chmod %04o %s", want, shellQuote(path)),
		}
	}
	return nil
}

func linkError(op, path string) error {
	return &store.Error{
		Op: op, Path: path, Kind: store.ErrUnsafe, ID: "store-unsafe-link",
		Detail: "it is a symbolic link", Mend: "put the real thing in its place, or name the real directory",
	}
}
