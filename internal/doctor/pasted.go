package doctor

import (
	"context"
	"net/url"
	"strings"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/explain"
)

// Pasted is what a person saw: an error, the address of an error page, an authorize address, a callback. Nothing of it but
// what it names is kept.
type Pasted struct {
	Match *explain.Match // nil: no error that is known
	Code  bool           // it holds an authorization code: the login had worked so far

	// What an address says of the login that it belongs to.
	Host        sftoken.Host
	ClientID    string
	RedirectURI string
	Scopes      []string
}

// ReadPasted reads what a person pasted.
func ReadPasted(text string, hosts sftoken.HostRules) *Pasted {
	p := &Pasted{Match: explain.Text(text, "")}
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil || u.Scheme == "" || u.Host == "" {
		return p
	}
	query := u.Query()
	p.ClientID, p.RedirectURI = query.Get("client_id"), query.Get("redirect_uri")
	p.Scopes = strings.Fields(query.Get("scope"))
	switch {
	case strings.Contains(u.Path, "/services/oauth2/"), strings.Contains(u.Path, "/setup/"), strings.Contains(u.Path, "/identity/"):
		p.Host, _ = hosts.Parse(u.Scheme + "://" + u.Host + u.Path) // a host that is none of Salesforce's stays unknown
	case query.Has("code"), query.Has("error"):
		p.Code = query.Has("code")
		p.RedirectURI = u.Scheme + "://" + u.Host + u.EscapedPath()
	}
	return p
}

// final are entries of errors that name their cause. The others only say where a failure led, and what the checks find counts
// more.
func (p *Pasted) final() bool {
	return p.Match != nil && !p.Match.Yields() && p.Match.ID != "login-timeout"
}

func pasted(_ context.Context, x *examination) []Finding {
	switch {
	case x.Pasted == nil:
		return nil
	case x.Pasted.Match != nil:
		level := Unknown // it says where a failure led, and what the checks find says why
		if x.Pasted.final() {
			level = Failure
		}
		f := found(level, "pasted")
		f.Entry = x.Pasted.Match.Entry
		return []Finding{f}
	case x.Pasted.Code:
		return []Finding{found(Unknown, "pasted-code")}
	case x.Pasted.ClientID != "":
		return nil // an authorize address: its parts are checked
	}
	return []Finding{found(Unknown, "pasted-unknown")}
}
