//go:build unix

package proxy

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"
	"time"
)

// ListenSocket makes a Unix socket that nobody but its owner can open. One that a proxy has left behind is replaced; one that
// somebody listens on, or a file of another kind, is not.
func ListenSocket(ctx context.Context, path string) (net.Listener, error) {
	if err := clearAway(ctx, path); err != nil {
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	// The mode must be right from the first moment on, and only the mask sees to that. It is the process's own: a proxy is
	// started before anything else is.
	mask := syscall.Umask(0o177)
	defer syscall.Umask(mask)
	return new(net.ListenConfig).Listen(ctx, "unix", path)
}

func clearAway(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != fs.ModeSocket:
		return fs.ErrExist
	}
	dialer := net.Dialer{Timeout: time.Second}
	if peer, err := dialer.DialContext(ctx, "unix", path); err == nil {
		peer.Close()
		return syscall.EADDRINUSE
	}
	return os.Remove(path)
}
