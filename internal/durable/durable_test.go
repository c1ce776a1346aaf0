package durable_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sftoken/sftoken/internal/durable"
	"github.com/sftoken/sftoken/store"
)

func do(t testing.TB, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	do(t, err)
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

func TestWriteReadRemove(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	for _, text := range []string{"first", "", "a longer one than before", "short"} {
		do(t, durable.Write(path, []byte(text)))
		got, err := durable.Read(path)
		if err != nil || string(got) != text {
			t.Errorf("Read = %q, %v; want %q", got, err, text)
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("mode is %v, %v; want 0600", info.Mode(), err)
		}
	}
	for range 2 {
		do(t, durable.Remove(path))
	}
	if _, err := durable.Read(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Read of a removed file: %v, want fs.ErrNotExist", err)
	}
	if left := names(t, dir); len(left) != 0 {
		t.Errorf("left over: %q", left)
	}
}

func TestPending(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, temp := filepath.Join(dir, "file"), filepath.Join(dir, ".file.new")
	do(t, durable.Write(path, []byte("old")))

	p, err := durable.Prepare(path, temp, 4096)
	do(t, err)
	if info, err := os.Stat(temp); err != nil || info.Size() != 4096 || info.Mode().Perm() != 0o600 {
		t.Errorf("set aside: %v, %v; want 4096 bytes, mode 0600", info, err)
	}
	if _, err := durable.Prepare(path, temp, 0); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Prepare under a name in use: %v, want fs.ErrExist", err)
	}
	do(t, p.Commit([]byte("new")))
	p.Discard()
	if got, err := durable.Read(path); err != nil || string(got) != "new" {
		t.Errorf("Read = %q, %v; want new", got, err)
	}

	p, err = durable.Prepare(path, temp, 0)
	do(t, err)
	p.Discard()
	if got := names(t, dir); len(got) != 1 {
		t.Errorf("after Discard the directory holds %q", got)
	}
}

// C-71, B-15: what is not private is refused by readers and writers, and left as it is.
func TestUnsafeFiles(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(path string) error
		id    string
		text  string
	}{
		"mode 0604": {func(path string) error { return os.Chmod(path, 0o604) }, "store-unsafe-mode", "chmod 0600 "},
		"mode 0660": {func(path string) error { return os.Chmod(path, 0o660) }, "store-unsafe-mode", "chmod 0600 "},
		"link": {func(path string) error {
			return errors.Join(os.Rename(path, path+".real"), os.Symlink(path+".real", path))
		}, "store-unsafe-link", "symbolic link"},
		"link to nothing": {func(path string) error {
			return errors.Join(os.Remove(path), os.Symlink("nowhere", path))
		}, "store-unsafe-link", "symbolic link"},
		"directory": {func(path string) error {
			return errors.Join(os.Remove(path), os.Mkdir(path, 0o700))
		}, "store-unsafe-kind", "a directory is in the file's place"},
	} {
		path := filepath.Join(t.TempDir(), "file")
		do(t, durable.Write(path, []byte("text")), c.spoil(path))
		before, err := os.Lstat(path)
		do(t, err)
		_, readErr := durable.Read(path)
		for what, err := range map[string]error{"Read": readErr, "Write": durable.Write(path, []byte("new"))} {
			e, ok := errors.AsType[*store.Error](err)
			if !ok || !errors.Is(err, store.ErrUnsafe) || e.ErrorID() != c.id || e.Path != path || !strings.Contains(err.Error(), c.text) {
				t.Errorf("%s: %s: %v, want %s with %q", name, what, err, c.id, c.text)
			}
		}
		after, err := os.Lstat(path)
		if err != nil || after.Mode() != before.Mode() || after.Size() != before.Size() {
			t.Errorf("%s: what was refused has changed", name)
		}
	}
}

func TestRemoveLeavesADirectory(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "dir")
	do(t, os.Mkdir(dir, 0o700))
	if err := durable.Remove(dir); !errors.Is(err, store.ErrUnsafe) {
		t.Errorf("Remove of a directory: %v, want ErrUnsafe", err)
	}
	if _, err := os.Stat(dir); err != nil {
		t.Errorf("the directory is gone: %v", err)
	}
}

func TestMakeDir(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	private := filepath.Join(dir, "a", "b", "c")
	for range 2 {
		do(t, durable.MakeDir(private))
	}
	if info, err := os.Stat(private); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("made %v, %v; want mode 0700", info.Mode(), err)
	}
	do(t, os.Chmod(private, 0o755))
	if err := durable.MakeDir(private); !errors.Is(err, store.ErrUnsafe) || !strings.Contains(err.Error(), "chmod 0700 "+private) {
		t.Errorf("MakeDir of an open directory: %v, want ErrUnsafe with the cure", err)
	}
	do(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o600))
	if err := durable.MakeDir(filepath.Join(dir, "file")); !errors.Is(err, store.ErrUnsafe) {
		t.Errorf("MakeDir over a file: %v, want ErrUnsafe", err)
	}
	if err := durable.MakeDir(filepath.Join(dir, "file", "below")); err == nil || !strings.Contains(err.Error(), "not a directory") {
		t.Errorf("MakeDir below a file: %v, want the system's reason", err)
	}
	if err := durable.CheckDir(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("CheckDir of nothing: %v, want fs.ErrNotExist", err)
	}
}

func TestPathsInCommandsAreQuoted(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "it's mine; rm")
	do(t, durable.Write(path, nil), os.Chmod(path, 0o644))
	_, err := durable.Read(path)
	if want := `it'\''s mine; rm'`; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want the path quoted: %s", err, want)
	}
}
