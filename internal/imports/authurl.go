package imports

import (
	"strings"

	"github.com/sftoken/sftoken"
)

// authURL reads an SFDX auth URL: by itself, or in what the Salesforce CLI prints with --json.
func (t *text) authURL() ([]Login, error) {
	trimmed := strings.TrimSpace(string(t.data))
	if strings.HasPrefix(trimmed, "{") {
		return t.json()
	}
	login, err := t.parseAuthURL(trimmed)
	if err != nil {
		return nil, err
	}
	return []Login{login}, nil
}

func (t *text) parseAuthURL(value string) (Login, error) {
	if placeholder(value) {
		return Login{}, t.wrong(0, redacted)
	}
	url, err := t.rules.ParseAuthURL(value)
	if err != nil {
		return Login{}, err
	}
	return Login{
		App:          sftoken.App{ClientID: url.ClientID, ClientSecret: url.ClientSecret, Host: url.Host},
		RefreshToken: url.RefreshToken,
	}, nil
}
