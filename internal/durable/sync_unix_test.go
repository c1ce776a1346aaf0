//go:build unix

package durable

import (
	"os"
	"path/filepath"
	"testing"
)

// A power cut at any moment leaves the old file or the new one, whole: the data is on the disk before the file takes its
// place, and its place before Write returns (C-71).
func TestWriteSyncsInOrder(t *testing.T) { // not parallel: it stands in for syncFile
	dir := t.TempDir()
	path := filepath.Join(dir, "grant")
	if err := Write(path, []byte("old")); err != nil {
		t.Fatal(err)
	}
	type sync struct{ written, inPlace string }
	var synced []sync
	syncFile = func(f *os.File) error {
		written, err := os.ReadFile(f.Name())
		if err != nil {
			written = []byte("the directory")
		}
		inPlace, err := os.ReadFile(path)
		if err != nil {
			t.Error(err)
		}
		synced = append(synced, sync{string(written), string(inPlace)})
		return f.Sync()
	}
	t.Cleanup(func() { syncFile = (*os.File).Sync })
	if err := Write(path, []byte("new")); err != nil {
		t.Fatal(err)
	}
	want := []sync{{"new", "old"}, {"the directory", "new"}}
	if len(synced) != 2 || synced[0] != want[0] || synced[1] != want[1] {
		t.Errorf("Write syncs %q, want %q", synced, want)
	}
}
