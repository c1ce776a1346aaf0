package refresh

import "github.com/sftoken/sftoken"

// Kind is what an event tells.
type Kind string

// The kinds of events.
const (
	Refreshed Kind = "refreshed" // a new access token is saved
	Rotated   Kind = "rotated"   // and with it a new refresh token; the old one is dead
	Uncertain Kind = "uncertain" // the refresh token was sent and no answer came
	Dead      Kind = "dead"      // the grant is lost; told once
	Spooled   Kind = "spooled"   // the store failed; the answer is kept aside by store.Spooler
	Rejected  Kind = "rejected"  // an API rejected the access token
)

// Event is something that happened to a grant. Events of one grant carry its growing generation, by which to order them.
type Event struct {
	Kind         Kind
	Alias        string
	Generation   uint64
	RefreshToken sftoken.Secret // Rotated: the new one
	Err          error          // Uncertain, Dead, Spooled: why
}

func (a *attempt) tell(kind Kind, err error) {
	event := Event{Kind: kind, Alias: a.alias, Generation: a.grant.Generation, Err: err}
	if kind == Rotated {
		event.RefreshToken = a.grant.RefreshToken
	}
	a.events = append(a.events, event)
}
