package manage

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/sftoken/sftoken/emulator"
)

func (a *API) grants(w http.ResponseWriter, r *http.Request) {
	newest, err := number(r, "newest")
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	query := r.URL.Query()
	answer(w, http.StatusOK, a.emulator.Grants(emulator.GrantFilter{ClientID: query.Get("client_id"), Username: query.Get("username"), Newest: newest}))
}

// found is the grant that a request names; if there is none it has answered already.
func (a *API) found(w http.ResponseWriter, r *http.Request) *emulator.Grant {
	if id, err := strconv.Atoi(r.PathValue("id")); err == nil && id > 0 {
		if grants := a.emulator.Grants(emulator.GrantFilter{ID: id}); len(grants) == 1 {
			return &grants[0]
		}
	}
	refuse(w, http.StatusNotFound, fmt.Sprintf("no grant has the id %q", r.PathValue("id")))
	return nil
}

func (a *API) grant(w http.ResponseWriter, r *http.Request) {
	if g := a.found(w, r); g != nil {
		answer(w, http.StatusOK, g)
	}
}

func (a *API) revokeGrant(w http.ResponseWriter, r *http.Request) {
	g := a.found(w, r)
	if g == nil {
		return
	}
	if err := a.emulator.RevokeGrant(g.ID); err != nil {
		refuse(w, http.StatusNotFound, err.Error()) // gone since
		return
	}
	done(w)
}

// approve gives tokens without a login. They are the only ones that this API shows.
func (a *API) approve(w http.ResponseWriter, r *http.Request) {
	var body struct {
		ClientID string `json:"client_id"`
		Username string `json:"username"`
		Scopes   []string
	}
	if !read(w, r, &body) {
		return
	}
	tokens, err := a.emulator.Approve(body.ClientID, body.Username, body.Scopes...)
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	answer(w, http.StatusCreated, tokens)
}

func (a *API) expireSessions(w http.ResponseWriter, _ *http.Request) {
	a.emulator.ExpireSessions()
	done(w)
}
