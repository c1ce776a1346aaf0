package manage

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sftoken/sftoken/emulator"
)

// arrow is a request and its answer in the sequence diagram.
type arrow struct {
	Time, Method, Path string
	To, Lane           string // the text that names the server, and the class that places the arrow
	Facts              []string
	Status, Error      string
	Bad, Fault         bool
}

type grantRow struct {
	ID, Generation, Living           int
	Username, Org, App, State, Class string
	Ended, Reuse, Used               string
}

type userRow struct {
	Org, MyDomain, Username, Password string
	Switches                          []string
}

type appRow struct {
	Label, ClientID, Scopes string
	Switches                []string
}

// shown is how many of the newest requests and grants the page has.
const shown = 40

// told are the parameters that tell one request from another.
var told = []string{"grant_type", "response_type", "client_id", "username", "scope", "code", "refresh_token", "token", "assertion", "user_code", "device_code", "decision", "q"}

func (a *API) fill(v *view) {
	config := a.emulator.Config()
	names := map[string]string{}
	for _, app := range config.Apps {
		names[app.ClientID] = cmp.Or(app.Label, app.ClientID)
		v.Apps = append(v.Apps, appRow{names[app.ClientID], app.ClientID, strings.Join(app.Scopes, " "), switches(app, "client_id", "label", "scopes", "callbacks")})
	}
	for _, org := range config.Orgs {
		ofOrg := switches(org, "id", "my_domain", "name", "user", "edition", "instance")
		for _, user := range org.Users {
			ofUser := switches(user, "id", "username", "password", "first_name", "last_name", "email", "locale", "timezone")
			v.Users = append(v.Users, userRow{org.Name, org.MyDomain, user.Username, user.Password, slices.Concat(ofOrg, ofUser)})
		}
	}
	requests := a.emulator.Requests()
	for _, e := range requests[max(0, len(requests)-shown):] {
		v.Requests = append(v.Requests, newArrow(v, e, names))
	}
	grants := a.emulator.Grants(emulator.GrantFilter{Newest: shown})
	for _, g := range slices.Backward(grants) {
		v.Grants = append(v.Grants, newGrantRow(g, names))
	}
	for _, fault := range a.emulator.Faults() {
		v.Faults = append(v.Faults, strings.Join(switches(fault), ", "))
	}
}

func newArrow(v *view, e emulator.Request, names map[string]string) arrow {
	row := arrow{
		Time: e.Time.Format(time.TimeOnly), Method: e.Method, Path: e.Path, To: "login_server", Lane: "login",
		Status: strconv.Itoa(e.Status), Error: e.Error, Bad: e.Status == 0 || e.Status >= 400 || e.Error != "", Fault: e.Fault,
	}
	if e.Endpoint == emulator.Data {
		row.To, row.Lane = "api", "api"
	}
	if e.Status == 0 {
		row.Status, _ = v.T("unanswered") // there is one
	}
	for _, name := range told {
		if value := e.Form.Get(name); value != "" {
			if name == "client_id" {
				value = cmp.Or(names[value], value)
			}
			row.Facts = append(row.Facts, name+"="+value)
		}
	}
	if authorization := e.Header.Get("Authorization"); authorization != "" {
		row.Facts = append(row.Facts, authorization)
	}
	if e.Username != "" && e.Form.Get("username") == "" {
		row.Facts = append(row.Facts, e.Username)
	}
	return row
}

func newGrantRow(g emulator.Grant, names map[string]string) grantRow {
	row := grantRow{
		ID: g.ID, Generation: g.Generation, Living: len(g.AccessTokens), Username: g.Username, Org: g.Org, App: cmp.Or(names[g.ClientID], g.ClientID),
		Used: g.Used.Format(time.DateTime), State: "state_living", Class: "living",
	}
	switch {
	case g.RevokedBy != "":
		row.State, row.Class, row.Ended = "state_"+string(g.RevokedBy), "over", g.RevokedAt.Format(time.DateTime)
	case g.RefreshLives:
	case len(g.AccessTokens) > 0:
		row.State = "state_session"
	default:
		row.State, row.Class = "state_expired", "over"
	}
	if !g.ReuseSeen.IsZero() {
		row.Reuse = g.ReuseSeen.Format(time.DateTime)
	}
	return row
}
