package manage

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/sftoken/sftoken/emulator"
)

// now is the emulator's clock, and the seed that its faults fall by.
type now struct {
	Now  time.Time `json:"now"`
	Seed string    `json:"seed"` // text: it has 64 bits, of which JavaScript would lose some
}

func (a *API) clock(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, now{a.emulator.Now(), strconv.FormatUint(a.emulator.Seed(), 10)})
}

func (a *API) advance(w http.ResponseWriter, r *http.Request) {
	var body struct{ Advance string }
	if !read(w, r, &body) {
		return
	}
	by, err := time.ParseDuration(body.Advance)
	if err != nil || by < 0 {
		refuse(w, http.StatusBadRequest, fmt.Sprintf("advance clock: %q: want a duration such as \"90s\" or \"2h\"", body.Advance))
		return
	}
	a.emulator.Advance(by)
	a.clock(w, r)
}

// reset forgets the snapshots too.
func (a *API) reset(w http.ResponseWriter, _ *http.Request) {
	a.mu.Lock()
	clear(a.snapshots)
	a.mu.Unlock()
	a.emulator.Reset()
	done(w)
}

// maxSnapshots is how many may be kept: each is a copy of all that the emulator knows.
const maxSnapshots = 32

type snapshot struct {
	ID string `json:"id"`
}

func (a *API) takeSnapshot(w http.ResponseWriter, _ *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.snapshots) >= maxSnapshots {
		refuse(w, http.StatusConflict, fmt.Sprintf("take snapshot: there are %d, which is the limit: DELETE one", maxSnapshots))
		return
	}
	a.taken++
	id := strconv.Itoa(a.taken)
	a.snapshots[id] = a.emulator.Snapshot()
	answer(w, http.StatusCreated, snapshot{id})
}

func (a *API) listSnapshots(w http.ResponseWriter, _ *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := []snapshot{}
	for _, id := range slices.Sorted(maps.Keys(a.snapshots)) {
		list = append(list, snapshot{id})
	}
	answer(w, http.StatusOK, list)
}

func (a *API) restore(w http.ResponseWriter, r *http.Request) {
	if kept := a.kept(w, r); kept != nil {
		a.emulator.Restore(kept)
		done(w)
	}
}

func (a *API) dropSnapshot(w http.ResponseWriter, r *http.Request) {
	if a.kept(w, r) != nil {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.snapshots, r.PathValue("id"))
		done(w)
	}
}

// kept is the snapshot that a request names; if there is none it has answered already.
func (a *API) kept(w http.ResponseWriter, r *http.Request) *emulator.Snapshot {
	a.mu.Lock()
	defer a.mu.Unlock()
	kept := a.snapshots[r.PathValue("id")]
	if kept == nil {
		refuse(w, http.StatusNotFound, fmt.Sprintf("no snapshot has the id %q", r.PathValue("id")))
	}
	return kept
}
