package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// ErrNotLoopback is the error of an address that other machines could reach.
var ErrNotLoopback = errors.New("not an address of loopback")

// ListenTCP listens on an address of loopback and returns the names by which callers may call it. A port of 0 is any that is
// free.
func ListenTCP(ctx context.Context, address string) (listener net.Listener, hosts []string, err error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, nil, fmt.Errorf("listen on %s: %w", address, ErrNotLoopback)
	}
	if host == "localhost" { // a resolver may think otherwise
		address = strings.Replace(address, "localhost", "127.0.0.1", 1)
	}
	listener, err = new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, nil, err
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	return listener, []string{listener.Addr().String(), "localhost:" + port}, err
}

// Serve serves until ctx ends, then lets the answers under way be finished for ten seconds.
func Serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second, // bodies may take as long as they do
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          silent,
	}
	var serving sync.WaitGroup
	failed := make(chan error, 1)
	serving.Go(func() { failed <- server.Serve(listener) })
	defer serving.Wait()
	select {
	case err := <-failed:
		return fmt.Errorf("serve proxy: %w", err)
	case <-ctx.Done():
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if server.Shutdown(closing) != nil {
		return server.Close()
	}
	return nil
}
