package manage

import (
	"net/http"

	"github.com/sftoken/sftoken/emulator"
)

func (a *API) faults(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, a.emulator.Faults())
}

func (a *API) addFault(w http.ResponseWriter, r *http.Request) {
	var fault emulator.Fault
	if read(w, r, &fault) && valid(w, &fault) {
		a.emulator.Fail(fault)
		done(w)
	}
}

// script replaces all faults.
func (a *API) script(w http.ResponseWriter, r *http.Request) {
	var list []emulator.Fault
	if !read(w, r, &list) {
		return
	}
	for i := range list {
		if !valid(w, &list[i]) {
			return
		}
	}
	a.emulator.Script(list...)
	done(w)
}

func (a *API) clearFaults(w http.ResponseWriter, _ *http.Request) {
	a.emulator.ClearFaults()
	done(w)
}

func valid(w http.ResponseWriter, f *emulator.Fault) bool {
	if err := f.Validate(); err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return false
	}
	return true
}
