// Package durable reads and writes private files: whole or not at all, safe on the disk when a write returns, and for no
// eyes but the owner's (requirement C-71).
//
// It refuses what it would not have made itself: a file or directory that others can open or that somebody else owns, a
// symbolic link, something that is no regular file. It never mends them on its own; the error says how. All errors are
// *store.Error with the path.
//
// It does not encrypt (package sealed does) and does not lock. For keys, store/file and internal packages.
package durable

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/sftoken/sftoken/store"
)

// MaxSize is the largest file that Read accepts. What it reads is a few kilobytes; anything near this is not ours.
const MaxSize = 16 << 20

// ErrUnsynced marks the error of a write whose file is in place, whole, but not proven to be on the disk.
var ErrUnsynced = errors.New("the file is in place but may not survive a power cut")

// Read returns the contents of a private file. A missing file is fs.ErrNotExist.
func Read(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|OpenFlags, 0)
	if errors.Is(err, fs.ErrPermission) {
		if info, statErr := os.Lstat(path); statErr == nil {
			err = cmp.Or(checkFile("read", path, info), err) // says whose it is, if that is why
		}
	}
	if err != nil {
		return nil, Failure("read", path, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, Failure("read", path, err)
	}
	if err := checkFile("read", path, info); err != nil {
		return nil, err
	}
	if info.Size() > MaxSize {
		return nil, &store.Error{Op: "read", Path: path, Kind: store.ErrDamaged, Detail: "damaged (far too large)"}
	}
	data := make([]byte, info.Size()) // the size is final: files are replaced, not written to
	if _, err := io.ReadFull(f, data); err != nil {
		return nil, Failure("read", path, err)
	}
	return data, nil
}

// Write puts data at path in one step: a reader, or a crash at any moment, finds the old contents or the new. When it
// returns nil the new ones are on the disk. The directory must exist. A crash may leave a temporary file behind, hidden
// and as private as the file itself.
func Write(path string, data []byte) error {
	dir, base := filepath.Split(path)
	p, err := Prepare(path, filepath.Join(dir, "."+base+"."+rand.Text()), 0)
	if err != nil {
		return err
	}
	return p.Commit(data)
}

// Pending is a temporary file that waits to take its target's place.
type Pending struct {
	path, temp string
	f          *os.File // nil once committed or discarded
}

// Prepare makes the temporary file temp, in the directory of path, and gives it size bytes of the disk. Where the file system
// writes in place (ext4, xfs, tmpfs; not btrfs or zfs) nobody else can take that space before Commit. A temp that exists is
// fs.ErrExist: who gives it a fixed name excludes others and has Sweep remove what a crash has left.
func Prepare(path, temp string, size int) (*Pending, error) {
	if err := checkTarget(path); err != nil {
		return nil, err
	}
	return create(path, temp, size)
}

func create(path, temp string, size int) (*Pending, error) {
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL|OpenFlags, 0o600)
	if err != nil {
		return nil, Failure("write", path, err)
	}
	p := &Pending{path: path, temp: temp, f: f}
	if size > 0 {
		if err := setAside(f, size); err != nil {
			p.Discard()
			return nil, Failure("write", path, err)
		}
	}
	return p, nil
}

// fill sets space aside where the system cannot without its being written. Some file systems find it only when they sync.
func fill(f *os.File, size int) error {
	if _, err := f.WriteAt(make([]byte, size), 0); err != nil {
		return err
	}
	return f.Sync()
}

// syncFile brings a file or directory to the disk. A test stands in for it, since no crash of a process can show that it is
// missing.
var syncFile = (*os.File).Sync

// Commit writes data and moves the file into its place. The Pending is used up, whatever comes of it.
func (p *Pending) Commit(data []byte) error {
	defer p.Discard()
	_, err := p.f.WriteAt(data, 0)
	if err == nil {
		err = p.f.Truncate(int64(len(data)))
	}
	if err == nil {
		err = syncFile(p.f)
	}
	if err == nil {
		err = p.f.Close() // Windows renames no open file
	}
	if err == nil {
		err = os.Rename(p.temp, p.path)
	}
	if err != nil {
		return Failure("write", p.path, err)
	}
	p.f = nil
	if err := syncDir(filepath.Dir(p.path)); err != nil {
		return Failure("write", p.path, fmt.Errorf("%w: %w", ErrUnsynced, err))
	}
	return nil
}

// Discard removes the temporary file. It does nothing after a Commit that held.
func (p *Pending) Discard() {
	if p.f == nil {
		return
	}
	_ = p.f.Close()
	_ = os.Remove(p.temp)
	p.f = nil
}

// Stamp is what Same compares: nil if there is no such file. What else may be wrong with it, reading or writing it will tell.
func Stamp(path string) fs.FileInfo {
	info, err := os.Lstat(path)
	if err != nil {
		return nil
	}
	return info
}

// Same tells whether two looks at a path saw the same file. Files are replaced, not written to.
func Same(a, b fs.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// Sweep removes a temporary file that a crash may have left. It looks first: to remove what is not there, the kernel locks
// the directory against everybody else all the same.
func Sweep(temp string) {
	if _, err := os.Lstat(temp); err == nil {
		_ = os.Remove(temp)
	}
}

// Remove deletes a file for good. A file that is not there is no error.
func Remove(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && info.IsDir() {
		return checkFile("remove", path, info) // os.Remove would take an empty one away
	}
	if err := os.Remove(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return Failure("remove", path, err)
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		return Failure("remove", path, err)
	}
	return nil
}

// Names are those of the files in a directory, hidden ones too. A missing directory has none.
func Names(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, Failure("open directory", dir, err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, nil
}
