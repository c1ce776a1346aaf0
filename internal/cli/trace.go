package cli

import (
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/internal/wire"
	"github.com/sftoken/sftoken/store"
)

// trace is what --trace asked for. Both files are there from the beginning, so that what cannot be written is known before
// anything is sent.
type trace struct {
	har, diagram *os.File

	mu        sync.Mutex
	exchanges []wire.Exchange // in the order in which they ended
}

func (t *trace) keep(x wire.Exchange) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.exchanges = append(t.exchanges, x)
}

// beginTrace makes the files: two that were not there, for the person's eyes only.
func (e *Env) beginTrace() (err error) {
	if e.Trace == "" || e.trace != nil {
		return nil
	}
	diagram := strings.TrimSuffix(e.Trace, filepath.Ext(e.Trace)) + ".mmd"
	if diagram == e.Trace {
		return &usageError{id: "trace-diagram", data: map[string]any{"path": e.Trace}, command: "sftoken"}
	}
	t := &trace{}
	if t.har, err = newFile(e.Trace); err != nil {
		return err
	}
	if t.diagram, err = newFile(diagram); err != nil {
		t.har.Close()
		_ = os.Remove(e.Trace)
		return err
	}
	e.trace = t
	return nil
}

func newFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, &localError{id: "trace-exists", code: exitUsage, hints: true, data: map[string]any{"path": path}}
	}
	if err != nil {
		return nil, &localError{id: "output-unwritable", code: exitUsage, err: err}
	}
	return f, nil
}

// http is the client of every request to a login host: nil, which means the library's own, or one that is recorded and does the
// same.
func (e *Env) http() *http.Client {
	if e.trace == nil {
		return nil
	}
	client := sftoken.DefaultHTTP()
	client.Transport = e.traced(client.Transport)
	return client
}

// traced is base, recorded if --trace was given.
func (e *Env) traced(base http.RoundTripper) http.RoundTripper {
	if e.trace == nil {
		return base
	}
	return &wire.Recorder{Base: base, OnExchange: e.trace.keep}
}

// client makes the requests of a grant's app.
func (e *Env) client(g *store.Grant) *sftoken.Client {
	return &sftoken.Client{App: g.App, Hosts: sftoken.HostRules{Allow: g.AllowHosts}, HTTP: e.http()}
}

// endTrace writes what was recorded, whatever became of the command: failures are what traces are for.
func (e *Env) endTrace() {
	if e.trace == nil {
		return
	}
	e.trace.mu.Lock()
	exchanges := e.trace.exchanges
	e.trace.mu.Unlock()
	archive, err := wire.HAR(exchanges, "sftoken", readVersion().Version)
	if err == nil {
		_, err = e.trace.har.Write(archive)
	}
	_, diagramErr := e.trace.diagram.WriteString(wire.Diagram(exchanges, "sftoken"))
	err = errors.Join(err, diagramErr, e.trace.har.Close(), e.trace.diagram.Close())
	data := map[string]any{"path": e.Trace, "count": len(exchanges), "reason": err}
	switch {
	case err != nil:
		e.Warn("trace.failed", data)
	case !e.JSON:
		e.Say("trace.written", data)
	}
	e.trace = nil
}
