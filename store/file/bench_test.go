package file_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/sftoken/sftoken/keys"
	"github.com/sftoken/sftoken/store"
	"github.com/sftoken/sftoken/store/storetest"
)

func BenchmarkGet(b *testing.B) {
	s, _ := filled(b, "prod")
	b.ReportAllocs()
	for b.Loop() {
		_, err := s.Get(b.Context(), "prod")
		do(b, err)
	}
}

func BenchmarkLease(b *testing.B) {
	s, _ := filled(b, "prod")
	b.ReportAllocs()
	for b.Loop() {
		l, err := s.Lease(b.Context(), "prod")
		do(b, err, l.Release())
	}
}

// BenchmarkSave is to be held against BenchmarkFsync of the same run, which writes as many bytes to one open file, and
// BenchmarkReplace, which does what any atomic write has to do.
func BenchmarkSave(b *testing.B) {
	s, _ := filled(b, "prod")
	l := lease(b, s, "prod")
	g, err := l.Load(b.Context())
	do(b, err)
	b.ReportAllocs()
	for b.Loop() {
		do(b, l.Save(b.Context(), g))
	}
}

func BenchmarkProbeAndSave(b *testing.B) {
	s, _ := filled(b, "prod")
	for b.Loop() {
		l, err := s.Lease(b.Context(), "prod")
		do(b, err, l.Probe(b.Context()))
		g, err := l.Load(b.Context())
		do(b, err, l.Save(b.Context(), g), l.Release())
	}
}

func record(b *testing.B) []byte {
	b.Helper()
	plaintext, err := store.Encode(storetest.Grant("prod"))
	do(b, err)
	return keys.Generate().Seal(plaintext, nil)
}

func BenchmarkFsync(b *testing.B) {
	data := record(b)
	f, err := os.Create(filepath.Join(b.TempDir(), "bare"))
	do(b, err)
	defer f.Close()
	for b.Loop() {
		_, err := f.WriteAt(data, 0)
		do(b, err, f.Sync())
	}
}

func BenchmarkReplace(b *testing.B) {
	data, dir := record(b), b.TempDir()
	d, err := os.Open(dir)
	do(b, err)
	defer d.Close()
	temp, path := filepath.Join(dir, "temp"), filepath.Join(dir, "bare")
	for b.Loop() {
		f, err := os.Create(temp)
		do(b, err)
		_, err = f.Write(data)
		do(b, err, f.Sync(), f.Close(), os.Rename(temp, path), d.Sync())
	}
}
