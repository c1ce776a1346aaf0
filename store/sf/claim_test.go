package sf_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/store"
)

// sf's rotation lock: waited for while it is fresh, taken over when it is stale, and lost when somebody else takes it over.
func TestRotationLock(t *testing.T) {
	t.Parallel()
	dir := shared(t, keyV1)
	s := open(t, dir)
	path := filepath.Join(dir, user+".json.token-rotation.lock")
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := s.Lease(ctx, "acme"); !errors.Is(err, store.ErrLocked) {
		t.Errorf("Lease while sf refreshes: %v", err)
	}
	left := time.Now().Add(-11 * time.Second)
	if err := os.Chtimes(path, left, left); err != nil {
		t.Fatal(err)
	}
	l := lease(t, s, "acme")
	g := load(t, l)
	g.RefreshToken = sftoken.NewSecret("new")
	if info, err := os.Stat(path); err != nil || time.Since(info.ModTime()) > time.Minute {
		t.Errorf("the lock that is held: %v, %v", info, err)
	}
	// This process stands still for so long that sf takes over.
	if err := errors.Join(os.Remove(path), os.Mkdir(path, 0o755)); err != nil {
		t.Fatal(err)
	}
	if err := l.Save(t.Context(), g); !errors.Is(err, store.ErrLeaseLost) {
		t.Errorf("Save without the lock: %v", err)
	}
	if err := l.Release(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("sf's lock was taken away: %v", err)
	}
	if read(t, filepath.Join(dir, user+".json")) != loginText(keyV1) {
		t.Error("sf's file was written without the lock")
	}
}
