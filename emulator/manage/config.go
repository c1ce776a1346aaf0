package manage

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/sftoken/sftoken/emulator"
)

// config has the keys of the configuration file, passwords and client secrets included: they are the test server's own.
func (a *API) config(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, a.emulator.Config())
}

func (a *API) putApp(w http.ResponseWriter, r *http.Request) {
	a.saveApp(w, r, emulator.App{ClientID: r.PathValue("client_id")})
}

func (a *API) patchApp(w http.ResponseWriter, r *http.Request) {
	app, ok := a.emulator.App(r.PathValue("client_id"))
	if !ok {
		refuse(w, http.StatusNotFound, fmt.Sprintf("no app has the client_id %q: PUT makes one", r.PathValue("client_id")))
		return
	}
	a.saveApp(w, r, app)
}

func (a *API) saveApp(w http.ResponseWriter, r *http.Request, app emulator.App) {
	if !read(w, r, &app) || !sameName(w, "client_id", r.PathValue("client_id"), app.ClientID) {
		return
	}
	settle(w, a.emulator.PutApp(app))
}

func (a *API) putOrg(w http.ResponseWriter, r *http.Request) {
	a.saveOrg(w, r, emulator.Org{MyDomain: r.PathValue("my_domain")})
}

func (a *API) patchOrg(w http.ResponseWriter, r *http.Request) {
	if org := a.org(w, r); org != nil {
		org.Users = nil // they stay as they are
		a.saveOrg(w, r, *org)
	}
}

func (a *API) saveOrg(w http.ResponseWriter, r *http.Request, org emulator.Org) {
	if !read(w, r, &org) || !sameName(w, "my_domain", r.PathValue("my_domain"), org.MyDomain) {
		return
	}
	settle(w, a.emulator.PutOrg(org))
}

func (a *API) putUser(w http.ResponseWriter, r *http.Request) {
	a.saveUser(w, r, emulator.User{Username: r.PathValue("username")})
}

func (a *API) patchUser(w http.ResponseWriter, r *http.Request) {
	org := a.org(w, r)
	if org == nil {
		return
	}
	for _, user := range org.Users {
		if strings.EqualFold(user.Username, r.PathValue("username")) {
			a.saveUser(w, r, user)
			return
		}
	}
	refuse(w, http.StatusNotFound, fmt.Sprintf("no user of %s is called %q: PUT makes one", org.MyDomain, r.PathValue("username")))
}

func (a *API) saveUser(w http.ResponseWriter, r *http.Request, user emulator.User) {
	if !read(w, r, &user) || !sameName(w, "username", r.PathValue("username"), user.Username) {
		return
	}
	settle(w, a.emulator.PutUser(r.PathValue("my_domain"), user))
}

// org is the org that a request names; if there is none it has answered already.
func (a *API) org(w http.ResponseWriter, r *http.Request) *emulator.Org {
	for _, org := range a.emulator.Config().Orgs {
		if org.MyDomain == r.PathValue("my_domain") {
			return &org
		}
	}
	refuse(w, http.StatusNotFound, fmt.Sprintf("no org has the my_domain %q: PUT makes one", r.PathValue("my_domain")))
	return nil
}

// sameName refuses a body that names another thing than the path.
func sameName(w http.ResponseWriter, key, path, body string) bool {
	if strings.EqualFold(path, body) {
		return true
	}
	refuse(w, http.StatusBadRequest, fmt.Sprintf("%s: the path says %q, the body %q", key, path, body))
	return false
}

func settle(w http.ResponseWriter, err error) {
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	done(w)
}
