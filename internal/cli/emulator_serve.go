package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"
)

// serving is a handler and where it listens.
type serving struct {
	listener net.Listener
	handler  http.Handler
}

// listenEmulator listens on an address that a flag gave, and returns the host in it.
func (e *Env) listenEmulator(ctx context.Context, flag, address string, exposed bool) (net.Listener, string, error) {
	data := map[string]any{"address": address, "flag": flag}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, "", e.failEmulator("address", exitUsage, data)
	}
	if !isLoopback(host) && !exposed {
		return nil, "", e.failEmulator("loopback", exitUsage, data)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, "", e.failEmulator("busy", exitFailed, data)
	case err != nil:
		return nil, "", fmt.Errorf("start emulator: %w", err)
	}
	return listener, host, nil
}

// serveAll serves until ctx ends or one of them fails.
func serveAll(ctx context.Context, servers []serving) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error)
	for _, s := range servers {
		go func() { ended <- serveUntilDone(ctx, s.listener, s.handler) }()
	}
	var failed error
	for range servers {
		failed = errors.Join(failed, <-ended)
		stop()
	}
	return failed
}

// serveUntilDone serves until ctx ends, then lets the answers under way be finished for a moment.
func serveUntilDone(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          log.New(io.Discard, "", 0), // handshakes that clients break off
	}
	var serving sync.WaitGroup
	failed := make(chan error, 1)
	serving.Go(func() { failed <- server.Serve(listener) })
	defer serving.Wait()
	select {
	case err := <-failed:
		return fmt.Errorf("serve emulator: %w", err)
	case <-ctx.Done():
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if server.Shutdown(closing) != nil {
		return server.Close()
	}
	return nil
}
