package emulator

import (
	"bytes"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Fault is misbehaviour to order, for [Server.Fail]. The zero value of a field leaves that part alone: a Fault with a Delay
// only makes the true answer late, one with AfterEffect and Cut only loses the true answer after it took effect.
type Fault struct {
	Endpoint  Endpoint // "": any
	ClientID  string   // "": any
	GrantType string   // "": any
	Skip      int      // let so many matching requests pass first
	Times     int      // how many requests to spoil; 0 means 1, negative means all

	// AfterEffect lets the request do its work first (rotate, revoke, …); then its answer is spoilt. Otherwise a Status,
	// Body or Cut means that nothing happens at all.
	AfterEffect bool

	Delay    time.Duration // before the answer
	Status   int           // 0 with a Body means 200
	Header   http.Header
	Body     string
	Cut      bool // close the connection after CutAfter bytes of the answer's body; at 0 not even a status line is sent
	CutAfter int
}

type faults struct {
	mu   sync.Mutex
	list []*Fault
}

// Fail makes coming requests fail as f says. Several faults may wait; the first that matches a request takes it.
func (s *Server) Fail(f Fault) {
	if f.Times == 0 {
		f.Times = 1
	}
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.list = append(s.faults.list, &f)
}

// ClearFaults forgets every fault that has not happened yet.
func (s *Server) ClearFaults() {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.list = nil
}

// take returns the fault for this request, if any.
func (f *faults) take(e *Request) *Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, fault := range f.list {
		if (fault.Endpoint != "" && fault.Endpoint != e.Endpoint) || (fault.ClientID != "" && fault.ClientID != e.ClientID) ||
			(fault.GrantType != "" && fault.GrantType != e.GrantType) {
			continue
		}
		if fault.Skip > 0 {
			fault.Skip--
			continue
		}
		if fault.Times > 0 {
			if fault.Times--; fault.Times == 0 {
				f.list = slices.Delete(f.list, i, i+1)
			}
		}
		return fault
	}
	return nil
}

// withFaults runs answer, spoilt by the fault that matches the request.
func (s *Server) withFaults(c *call, w http.ResponseWriter, answer func(http.ResponseWriter)) {
	fault := s.faults.take(c.entry)
	if fault == nil {
		answer(w)
		return
	}
	c.entry.Fault = true
	if !fault.AfterEffect {
		wait(c.r, fault.Delay)
		if fault.Status == 0 && fault.Body == "" && !fault.Cut {
			answer(w)
			return
		}
	}
	reply := &reply{header: http.Header{}, status: http.StatusOK}
	if fault.AfterEffect {
		answer(reply)
		wait(c.r, fault.Delay)
	}
	if fault.Status != 0 || fault.Body != "" {
		reply.replace(fault)
	}
	reply.send(w, fault)
}

// wait lasts d or until the client has gone.
func wait(r *http.Request, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
	}
}

// reply is an answer held back.
type reply struct {
	header http.Header
	status int
	body   bytes.Buffer
	wrote  bool
}

func (a *reply) Header() http.Header { return a.header }
func (a *reply) WriteHeader(status int) {
	if !a.wrote {
		a.status, a.wrote = status, true
	}
}
func (a *reply) Write(p []byte) (int, error) { a.wrote = true; return a.body.Write(p) }

func (a *reply) replace(f *Fault) {
	a.header, a.status = http.Header{}, http.StatusOK
	if f.Status != 0 {
		a.status = f.Status
	}
	maps.Copy(a.header, f.Header)
	a.body.Reset()
	a.body.WriteString(f.Body)
}

func (a *reply) send(w http.ResponseWriter, f *Fault) {
	if f.Cut && f.CutAfter == 0 {
		panic(http.ErrAbortHandler)
	}
	body := a.body.Bytes()
	maps.Copy(w.Header(), a.header)
	if f.Cut {
		// The promised length makes the client see that something is missing.
		w.Header().Set("Content-Length", strconv.Itoa(max(len(body), f.CutAfter+1)))
		body = body[:min(len(body), f.CutAfter)]
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(body) // the client may have gone; there is nobody to tell
	if f.Cut {
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}
