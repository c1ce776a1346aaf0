package imports

import (
	"cmp"
	"maps"
	"slices"

	"github.com/sftoken/sftoken"
)

// forceClient is the app of ForceCLI, which its older files do not name (ForceCLI lib/force.go, ClientId).
const forceClient = "3MVG9ytVT1SanXDnX_hOa9Ys5NxVp5C26JlyQjwr.xTJtUqoKonXY.M8CcjoEknMrV4YUvPvXLiMyzI.Aw23C"

// forceEndpoints are the hosts that ForceCLI's files name by number.
var forceEndpoints = map[int]string{0: "login", 1: "test"}

// forceCLI reads an account of ForceCLI (lib/force.go, ForceSession).
func (t *text) forceCLI() ([]Login, error) {
	var account struct {
		InstanceURL   string `json:"instance_url"`
		ClientID      string `json:"ClientId"`
		RefreshToken  string `json:"RefreshToken"`
		Refresh       string `json:"refresh_token"`
		Endpoint      int    `json:"ForceEndpoint"`
		EndpointURL   string `json:"EndpointUrl"`
		EndpointOther string `json:"endpoint_url"`
		User          struct {
			Name string `json:"preferred_username"`
		} `json:"UserInfo"`
	}
	if err := t.decode(&account); err != nil {
		return nil, err
	}
	login := Login{Name: account.User.Name, Username: account.User.Name, InstanceURL: account.InstanceURL}
	var err error
	if login.RefreshToken, err = t.secret(cmp.Or(account.RefreshToken, account.Refresh), 0); err != nil {
		return nil, err
	}
	login.App.ClientID = cmp.Or(account.ClientID, forceClient)
	login.App.Host, err = t.host(account.EndpointURL, account.EndpointOther, forceEndpoints[account.Endpoint], account.InstanceURL)
	return []Login{login}, err
}

// jsforce reads the registry of jsforce (lib/registry/base.js): connections, and the clients that they name. Those without a
// refresh token are left out.
func (t *text) jsforce() ([]Login, error) {
	type client struct{ ClientID, ClientSecret, LoginURL string }
	var registry struct {
		Clients     map[string]client
		Connections map[string]struct {
			Client, Username, LoginURL, InstanceURL, RefreshToken string
			OAuth2                                                client
		}
	}
	if err := t.decode(&registry); err != nil {
		return nil, err
	}
	var all []Login
	for _, name := range slices.Sorted(maps.Keys(registry.Connections)) {
		c := registry.Connections[name]
		if c.RefreshToken == "" {
			continue
		}
		app := c.OAuth2
		if c.Client != "" {
			app = registry.Clients[c.Client]
		}
		login := Login{Name: name, Username: c.Username, InstanceURL: c.InstanceURL}
		var err error
		if login.RefreshToken, err = t.secret(c.RefreshToken, 0); err != nil {
			return nil, err
		}
		login.App = sftoken.App{ClientID: app.ClientID, ClientSecret: sftoken.NewSecret(app.ClientSecret)}
		// The refresh goes to the client's login host, which is the production pool unless it says otherwise.
		if login.App.Host, err = t.host(app.LoginURL, c.LoginURL, "login"); err != nil {
			return nil, err
		}
		all = append(all, login)
	}
	if len(all) == 0 {
		return nil, t.wrong(0, "no connection in it has a refresh token")
	}
	return all, nil
}
