package emulator

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Fault is misbehaviour to order, for [Server.Fail]. The zero value of a field leaves that part alone: a Fault with a Delay
// only makes the true answer late, one with AfterEffect and Cut only loses the true answer after it took effect, and one
// that spoils nothing lets a request pass.
//
// "The third refresh of this user answers 503 after rotating" is
//
//	Fault{GrantType: "refresh_token", Username: user, Skip: 2, AfterEffect: true, Status: 503}
type Fault struct {
	Endpoint  Endpoint `toml:"endpoint"`   // "": any
	ClientID  string   `toml:"client_id"`  // "": any
	GrantType string   `toml:"grant_type"` // the flow, by its grant_type at the token endpoint; "": any
	Username  string   `toml:"username"`   // whose code, token or login it is; "": any
	Skip      int      `toml:"skip"`       // let so many matching requests pass first
	Times     int      `toml:"times"`      // how many requests to spoil; 0 means 1, negative means all
	Percent   float64  `toml:"percent"`    // spoil only so many of the matching requests, by the dice; 0 means all

	// AfterEffect lets the request do its work first (rotate, revoke, …); then its answer is spoilt. Otherwise a Status,
	// Body or Cut means that nothing happens at all.
	AfterEffect bool `toml:"after_effect"`

	Delay    time.Duration `toml:"delay"`  // before the answer
	Status   int           `toml:"status"` // 0 with a Body means 200
	Header   http.Header   `toml:"header"`
	Body     string        `toml:"body"`
	Cut      bool          `toml:"cut"` // close the connection after CutAfter bytes of the answer's body; at 0 not even a status line is sent
	CutAfter int           `toml:"cut_after"`
}

// Validate reports the first field that no request could match or no answer could have.
func (f *Fault) Validate() error {
	switch {
	case f.Endpoint != "" && !slices.Contains(endpoints, f.Endpoint):
		return fmt.Errorf("check fault: endpoint %q: want one of %q", f.Endpoint, endpoints)
	case f.Skip < 0:
		return fmt.Errorf("check fault: skip %d: want 0 or more", f.Skip)
	case f.Percent < 0 || f.Percent > 100:
		return fmt.Errorf("check fault: percent %v: want 0 to 100", f.Percent)
	case f.Status != 0 && (f.Status < 200 || f.Status > 599):
		return fmt.Errorf("check fault: status %d: want 200 to 599", f.Status)
	case f.Delay < 0:
		return fmt.Errorf("check fault: delay %v: want 0 or more", f.Delay)
	case f.CutAfter < 0 || f.CutAfter > 0 && !f.Cut:
		return fmt.Errorf("check fault: cut_after %d: want 0 or more, with cut", f.CutAfter)
	}
	return nil
}

type faults struct {
	mu      sync.Mutex
	list    []*waiting
	ordered uint64 // since the plan was last empty: names the dice of the next
}

// waiting is a fault that has not happened as often as it shall.
type waiting struct {
	Fault
	dice *rand.Rand // of its own, so that its throws do not depend on what else happens
}

// Fail makes coming requests fail as f says. Several faults may wait; the first that matches a request takes it.
func (s *Server) Fail(f Fault) {
	if f.Times == 0 {
		f.Times = 1
	}
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.list = append(s.faults.list, &waiting{f, rand.New(rand.NewPCG(s.seed, s.faults.ordered))})
	s.faults.ordered++
}

// Script replaces the faults that wait by these, in this order. The dice begin anew.
func (s *Server) Script(list ...Fault) {
	s.ClearFaults()
	for _, f := range list {
		s.Fail(f)
	}
}

// Faults returns the faults that wait, with Skip and Times counted down.
func (s *Server) Faults() []Fault {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	list := []Fault{}
	for _, w := range s.faults.list {
		list = append(list, w.Fault)
	}
	return list
}

// ClearFaults forgets every fault that has not happened yet.
func (s *Server) ClearFaults() {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.list, s.faults.ordered = nil, 0
}

// Seed is what the dice of [Fault.Percent] fall by: Options.Seed, or a random number. A server with this Options.Seed, the same
// faults and the same requests in the same order spoils the same ones.
func (s *Server) Seed() uint64 { return s.seed }

// take returns the fault for this request, if any.
func (f *faults) take(e *Request) *Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, w := range f.list {
		switch {
		case !w.matches(e):
		case w.Skip > 0:
			w.Skip--
		case w.Percent > 0 && w.dice.Float64()*100 >= w.Percent:
		default:
			if w.Times > 0 {
				if w.Times--; w.Times == 0 {
					f.list = slices.Delete(f.list, i, i+1)
				}
			}
			return &w.Fault
		}
	}
	return nil
}

func (f *Fault) matches(e *Request) bool {
	return (f.Endpoint == "" || f.Endpoint == e.Endpoint) && (f.ClientID == "" || f.ClientID == e.ClientID) &&
		(f.GrantType == "" || f.GrantType == e.GrantType) && (f.Username == "" || strings.EqualFold(f.Username, e.Username))
}

// withFaults runs answer, spoilt by the fault that matches the request.
func (s *Server) withFaults(c *call, w http.ResponseWriter, answer func(http.ResponseWriter)) {
	fault := s.faults.take(&c.entry.Request)
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
	reply := &reply{call: c, header: http.Header{}, status: http.StatusOK}
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
	call   *call
	header http.Header
	status int
	body   bytes.Buffer
	wrote  bool
}

func (a *reply) carried() *call      { return a.call }
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
