package durable_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/sftoken/sftoken/internal/durable"
)

// used is how much of the disk the files take that this process holds open in dir, named or not.
func used(t *testing.T, dir string) (bytes int64) {
	t.Helper()
	open, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range open {
		if name, err := os.Readlink(fd); err != nil || filepath.Dir(name) != dir {
			continue
		}
		if info, err := os.Stat(fd); err == nil {
			bytes += info.Size()
		}
	}
	return bytes
}

func TestRoomIsSharedAndFreed(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "locks")
	if err := durable.MakeDir(dir); err != nil {
		t.Fatal(err)
	}
	room := durable.Room{Dir: dir, Share: 64 << 10}
	want := func(shares int64) {
		t.Helper()
		if got := used(t, dir); got != shares<<16 {
			t.Errorf("%d bytes set aside, want %d shares of 64 KiB", got, shares)
		}
		if named, err := os.ReadDir(dir); err != nil || len(named) > 0 {
			t.Errorf("a crash would leave %v, %v", named, err)
		}
	}
	take := func() {
		t.Helper()
		if err := room.Take(); err != nil {
			t.Fatal(err)
		}
	}
	take()
	take()
	want(2)
	room.Give()
	take()
	want(2) // what is there is used again
	room.Yield()
	want(0) // somebody needs it now
	take()
	want(3) // and the next one makes it for all
	for range 3 {
		room.Give()
	}
	want(0)
}
