//go:build unix

package durable_test

import (
	"errors"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/sftoken/sftoken/internal/durable"
	"github.com/sftoken/sftoken/store"
)

func TestPipeDoesNotHang(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "pipe")
	do(t, syscall.Mkfifo(path, 0o600))
	if _, err := durable.Read(path); !errors.Is(err, store.ErrUnsafe) {
		t.Errorf("Read of a pipe: %v, want ErrUnsafe", err)
	}
}
