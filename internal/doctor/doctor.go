// Package doctor finds out why a login or a token does not come, or that all is well: checks, each a value with an id, run
// over what was entered, this machine, the way to Salesforce, the app, and a grant that is kept.
//
// It looks and never treats. It gives nobody's approval, and sends the refresh token to the introspection endpoint only,
// which is not known to rotate it. Spending it is up to Subject.Refresh, which is nil unless the person asked for it. No
// token but the one that is kept now is ever sent.
//
// It reads no environment and writes to no terminal: internal/cli, which alone imports it, gives the facts and shows the
// findings. Page makes a web page of them that can be sent to an administrator.
package doctor

import (
	"context"
	"net/http"
	"time"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/explain"
	"github.com/sftoken/sftoken/internal/inspect"
	"github.com/sftoken/sftoken/store"
)

// Subject is what is to be examined. Everything may be missing: checks that need it are then left out.
type Subject struct {
	App      sftoken.App // without a host: none is known
	Hosts    sftoken.HostRules
	HostText string // the login host as it was entered; "" if it was not
	InputErr error  // why what was entered cannot be used

	Grant  *store.Grant
	Kept   *inspect.Findings // of the store and its keys; nil: nobody looked
	Pasted *Pasted           // what the person saw; nil: nothing

	// Refresh spends the refresh token and returns the grant as it was saved. Nil: it must not be spent.
	Refresh func(context.Context) (*store.Grant, error)

	Environment Environment
	Now         time.Time
	Transport   http.RoundTripper // nil: NewTransport
}

// Environment is what is known of this machine.
type Environment struct {
	NoBrowser string            // why no browser can be expected here: ssh, container, no-display; "" if one can
	WSL       bool              // the browser is on the Windows side
	Proxies   map[string]string // HTTPS_PROXY and its like, as they are set
	Direct    bool              // no proxy is used for the login host
}

// Need is what a check cannot do without. Checks with the same need run at once, and those with the next need after them.
type Need int

// The needs, in their order.
const (
	Nothing Need = iota // but this machine
	Host                // a login host
	Tried               // that a connection to it was tried
	App                 // a login host that answers
	Grant               // a grant that is kept
	Token               // its access token, and a login host that answers
	API                 // an access token that the API has taken
)

// Check is one look at something.
type Check struct {
	ID    string
	Needs Need
	look  func(context.Context, *examination) []Finding
}

// Checks returns all checks in the order in which causes come before effects.
func Checks() []Check {
	return []Check{
		{"input", Nothing, input},
		{"host", Nothing, hostClass},
		{"dns", Nothing, dns},
		{"connection", Host, connection},
		{"proxy", Tried, proxies},
		{"clock", App, clock},
		{"port", Nothing, port},
		{"environment", Nothing, environment},
		{"store", Nothing, kept},
		{"authorize", App, authorize},
		{"pkce", App, pkce},
		{"secret", App, secret},
		{"pasted", Nothing, pasted},
		{"refresh", App, refresh},
		{"grant", Grant, grant},
		{"refresh-token", Grant, refreshToken},
		{"idle", Grant, idle},
		{"rotation", Grant, rotation},
		{"identity", Token, identity},
		{"api", Token, api},
		{"approvals", API, approvalsUsed},
		{"history", API, history},
		{"ahead", Nothing, ahead},
	}
}

// Level says what a finding means.
type Level string

// The levels, from the best to the worst.
const (
	OK      Level = "ok"
	Note    Level = "note"    // worth knowing
	Unknown Level = "unknown" // could not be found out, though it matters
	Warning Level = "warning" // works, and will not for long or not everywhere
	Failure Level = "failure" // does not work
)

// Finding is what a check has seen.
type Finding struct {
	Check string
	ID    string // names the words, "found.<ID>" in the catalogue
	Level Level
	Entry *explain.Entry // what explains it; nil: its words do
	Err   error          // what it rests on, if an error
	Data  map[string]any // for the placeholders of the words
}

func found(level Level, id string, data ...any) Finding {
	f := Finding{ID: id, Level: level, Data: map[string]any{}}
	for i := 0; i+1 < len(data); i += 2 {
		f.Data[data[i].(string)] = data[i+1]
	}
	return f
}

// failed is a finding that an error stands behind.
func failed(level Level, id string, err error, data ...any) Finding {
	f := found(level, id, data...)
	f.Err, f.Entry = err, explain.Find(err)
	f.Data["error"] = err.Error()
	return f
}

// explained gives a finding an entry by its id.
func (f Finding) explained(entry string) Finding {
	f.Entry = explain.Lookup(entry)
	return f
}
