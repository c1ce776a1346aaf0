package file_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/keys"
	"github.com/sftoken/sftoken/store"
	"github.com/sftoken/sftoken/store/file"
	"github.com/sftoken/sftoken/store/storetest"
	"github.com/sftoken/sftoken/test/need"
)

// smallDisk mounts a file system of 512 KiB.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	need.Disk(t, dir, "size=512k,mode=0700")
	return dir
}

// fill leaves no byte free, and returns what takes the room.
func fill(t *testing.T, dir string) (ballast string) {
	t.Helper()
	ballast = filepath.Join(dir, "ballast")
	f, err := os.Create(ballast)
	do(t, err)
	defer f.Close()
	for {
		if _, err := f.Write(make([]byte, 4096)); errors.Is(err, syscall.ENOSPC) {
			return ballast
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

func TestDiskFull(t *testing.T) {
	t.Parallel()
	disk := smallDisk(t)
	s, err := file.Open(t.Context(), file.Options{Dir: filepath.Join(disk, "data"), SpoolDir: filepath.Join(t.TempDir(), "spool"), Key: keys.Generate()})
	do(t, err)
	g := storetest.Grant("prod")
	save(t, s, g)
	before := g.Clone()
	ballast := fill(t, disk)

	l := lease(t, s, "prod")
	g.RefreshToken = sftoken.NewSecret("answer")
	for what, err := range map[string]error{"Save": l.Save(t.Context(), g), "Probe": l.Probe(t.Context())} {
		if !errors.Is(err, store.ErrNoSpace) || !strings.Contains(err.Error(), "make room") {
			t.Errorf("%s on a full disk: %v, want ErrNoSpace", what, err)
		}
	}
	if g.Generation != 1 {
		t.Errorf("a save that failed moved the generation to %d", g.Generation)
	}
	expect(t, s, before)

	do(t, s.Spool(t.Context(), g), l.Release())
	expect(t, s, g)
	do(t, lease(t, s, "prod").Release()) // cannot replay yet
	expect(t, s, g)
	do(t, os.Remove(ballast))
	l = lease(t, s, "prod")
	do(t, l.Delete(t.Context()), l.Save(t.Context(), storetest.Grant("prod")))
}

// What Probe has proved holds, even if the disk fills up afterwards: also for a mark saved in between, and a bigger grant.
func TestProbeKeepsTheRoom(t *testing.T) {
	t.Parallel()
	disk := smallDisk(t)
	s := open(t, filepath.Join(disk, "data"), keys.Generate())
	g := storetest.Grant("prod")
	save(t, s, g)
	l := lease(t, s, "prod")
	do(t, l.Probe(t.Context()))
	g.Spending = nil
	do(t, l.Save(t.Context(), g))
	fill(t, disk)
	g.AccessToken = sftoken.NewSecret(strings.Repeat("x", 16<<10))
	if err := l.Save(t.Context(), g); err != nil {
		t.Fatalf("Save on a disk that filled up after Probe: %v", err)
	}
	expect(t, s, g)
	if err := l.Save(t.Context(), g); !errors.Is(err, store.ErrNoSpace) && err != nil {
		t.Errorf("next Save: %v, want ErrNoSpace or nil", err)
	}
}

func TestReadOnlyDisk(t *testing.T) {
	t.Parallel()
	disk := smallDisk(t)
	s, err := file.Open(t.Context(), file.Options{Dir: filepath.Join(disk, "data"), SpoolDir: filepath.Join(t.TempDir(), "spool"), Key: keys.Generate()})
	do(t, err)
	g := storetest.Grant("prod")
	save(t, s, g)
	before := g.Clone()
	do(t, syscall.Mount("", disk, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
	l := lease(t, s, "prod") // its lock file is there already
	for what, err := range map[string]error{"Probe": l.Probe(t.Context()), "Save": l.Save(t.Context(), g), "Delete": l.Delete(t.Context())} {
		if !errors.Is(err, store.ErrReadOnly) {
			t.Errorf("%s on a read-only disk: %v, want ErrReadOnly", what, err)
		}
	}
	expect(t, s, before)
	if _, err := s.Lease(t.Context(), "new"); !errors.Is(err, store.ErrReadOnly) {
		t.Errorf("Lease of a new grant: %v, want ErrReadOnly", err)
	}
	g.RefreshToken = sftoken.NewSecret("answer")
	do(t, s.Spool(t.Context(), g))
	expect(t, s, g)
	_, _, err = keys.Create(t.Context(), keys.Options{Dir: filepath.Join(disk, "fresh"), Place: keys.File})
	if !errors.Is(err, store.ErrReadOnly) {
		t.Errorf("keys.Create: %v, want ErrReadOnly", err)
	}
}

// A directory without write permission; root is not bound by modes and has TestReadOnlyDisk.
func TestReadOnlyDirectory(t *testing.T) {
	t.Parallel()
	if os.Geteuid() == 0 {
		t.Skip("left out: modes do not bind root; TestReadOnlyDisk stands in")
	}
	s, path := filled(t, "prod")
	before, err := os.ReadFile(path)
	do(t, err, os.Chmod(filepath.Dir(path), 0o500))
	t.Cleanup(func() { _ = os.Chmod(filepath.Dir(path), 0o700) })
	l := lease(t, s, "prod")
	for what, err := range map[string]error{"Probe": l.Probe(t.Context()), "Delete": l.Delete(t.Context())} {
		if !errors.Is(err, store.ErrReadOnly) {
			t.Errorf("%s: %v, want ErrReadOnly", what, err)
		}
	}
	if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
		t.Error("the grant was changed")
	}
}
