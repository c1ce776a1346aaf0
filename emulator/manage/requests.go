package manage

import (
	"net/http"
	"slices"
	"strings"

	"github.com/sftoken/sftoken/emulator"
)

// journal is what the emulator was asked, without secrets.
type journal struct {
	Requests      []emulator.Request `json:"requests"`
	TokenRequests int                `json:"token_requests"` // all since the journal was cleared, the forgotten ones too
}

// requests answers the journal from a number on, and of an endpoint, app or user only, if one wishes.
func (a *API) requests(w http.ResponseWriter, r *http.Request) {
	after, err := number(r, "after")
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	query := r.URL.Query()
	differs := func(parameter, value string) bool {
		wanted := query.Get(parameter)
		return wanted != "" && !strings.EqualFold(wanted, value)
	}
	list := slices.DeleteFunc(a.emulator.Requests(), func(e emulator.Request) bool {
		return e.Number <= after || differs("endpoint", string(e.Endpoint)) || differs("client_id", e.ClientID) ||
			differs("username", e.Username) || differs("grant_type", e.GrantType)
	})
	answer(w, http.StatusOK, journal{list, a.emulator.TokenRequests()})
}

func (a *API) clearRequests(w http.ResponseWriter, _ *http.Request) {
	a.emulator.ClearRequests()
	done(w)
}
