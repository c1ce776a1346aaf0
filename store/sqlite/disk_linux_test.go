package sqlite_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/keys"
	"github.com/sftoken/sftoken/store"
	"github.com/sftoken/sftoken/store/sqlite"
	"github.com/sftoken/sftoken/store/storetest"
	"github.com/sftoken/sftoken/test/need"
)

// smallDisk mounts a file system of 1 MiB.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	need.Disk(t, dir, "size=1m,mode=0700")
	return dir
}

// onDisk is a store whose spool is on another disk.
func onDisk(t *testing.T, disk string) (s *sqlite.Store, o sqlite.Options) {
	t.Helper()
	o = sqlite.Options{Path: filepath.Join(disk, "sftoken.db"), SpoolDir: filepath.Join(t.TempDir(), "spool"), Key: keys.Generate()}
	return reopened(t, o), o
}

func reopened(t *testing.T, o sqlite.Options) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), o)
	do(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
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
	s, o := onDisk(t, disk)
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
	do(t, os.Remove(ballast), s.Close())
	s = reopened(t, o)
	expect(t, s, g)
	l = lease(t, s, "prod")
	expect(t, s, g)
	if left, err := os.ReadDir(o.SpoolDir); err != nil || len(left) > 0 {
		t.Errorf("after a lease on a disk with room the spool holds %v, %v", left, err)
	}
	do(t, l.Delete(t.Context()), l.Save(t.Context(), storetest.Grant("prod")))
}

// What Probe has proved holds, even if the disk fills up afterwards: also for a mark saved in between, and a bigger grant.
func TestProbeKeepsTheRoom(t *testing.T) {
	t.Parallel()
	disk := smallDisk(t)
	s, o := onDisk(t, disk)
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
	do(t, l.Release(), s.Close())
	expect(t, reopened(t, o), g)
}

func TestReadOnlyDisk(t *testing.T) {
	t.Parallel()
	disk := smallDisk(t)
	s, o := onDisk(t, disk)
	save(t, s, storetest.Grant("prod"))
	do(t, s.Close(), syscall.Mount("", disk, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
	for _, path := range []string{o.Path, filepath.Join(disk, "new.db"), filepath.Join(disk, "new", "sftoken.db")} {
		_, err := sqlite.Open(t.Context(), sqlite.Options{Path: path, Key: o.Key})
		if !errors.Is(err, store.ErrReadOnly) || !strings.Contains(err.Error(), disk) {
			t.Errorf("Open of %s on a read-only disk: %v, want ErrReadOnly with the path", path, err)
		}
	}
	do(t, syscall.Mount("", disk, "", syscall.MS_REMOUNT, ""))
	if _, err := reopened(t, o).Get(t.Context(), "prod"); err != nil {
		t.Errorf("Get after the disk was writable again: %v", err)
	}
}
