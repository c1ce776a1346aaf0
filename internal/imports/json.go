package imports

import (
	"encoding/json"
	"errors"

	"github.com/sftoken/sftoken"
)

// object is a JSON object whose texts are asked for by any of their usual names.
type object map[string]json.RawMessage

func (o object) first(names ...string) string {
	for _, name := range names {
		var value string
		if json.Unmarshal(o[name], &value) == nil && value != "" {
			return value
		}
	}
	return ""
}

// decode reads JSON into v. The errors of package json quote the text, so only their place is told.
func (t *text) decode(v any) error {
	err := json.Unmarshal(t.data, v)
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return t.wrong(t.lineAt(syntax.Offset), "this is no JSON from here on")
	}
	if kind, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return t.wrong(t.lineAt(kind.Offset), "there is a JSON "+kind.Value+" where something else belongs")
	}
	if err != nil {
		return t.wrong(0, "it cannot be read as JSON")
	}
	return nil
}

// json reads an object as sftoken, the token endpoint, sf and most programs write it.
func (t *text) json() ([]Login, error) {
	var o object
	if err := t.decode(&o); err != nil {
		return nil, err
	}
	var result object // what sf --json answers is in there
	if json.Unmarshal(o["result"], &result) == nil && result != nil {
		o = result
	}
	if url := o.first("sfdxAuthUrl", "sfdx_auth_url"); url != "" {
		login, err := t.parseAuthURL(url)
		login.Name, login.Username = o.first("alias"), o.first("username")
		return []Login{login}, err
	}
	login, err := t.fromFields(o)
	if err != nil {
		return nil, err
	}
	return []Login{login}, nil
}

func (t *text) fromFields(o object) (login Login, err error) {
	if login.RefreshToken, err = t.secret(o.first("refresh_token", "refreshToken", "RefreshToken"), 0); err != nil {
		return login, err
	}
	login.Name = o.first("alias", "name")
	login.Username = o.first("username", "user_name", "userName")
	login.InstanceURL = o.first("instance_url", "instanceUrl")
	login.App.ClientID = o.first("client_id", "clientId", "consumer_key", "consumerKey")
	login.App.ClientSecret = sftoken.NewSecret(o.first("client_secret", "clientSecret", "consumer_secret", "consumerSecret"))
	login.App.Host, err = t.host(o.first("login_host", "login_url", "loginUrl"), login.InstanceURL)
	return login, err
}

// host takes the first of the texts that says anything. A refresh works at the login host and at the org's own.
func (t *text) host(texts ...string) (sftoken.Host, error) {
	for _, text := range texts {
		if text != "" {
			return t.rules.Parse(text)
		}
	}
	return sftoken.Host{}, nil
}
