// Package demo shows on one machine, in a second, how a Salesforce refresh token is got, kept, used and ended: against the
// emulator, by the same code as the real commands, and told as a story with every request and its answer.
//
// It keeps nothing: the store is a temporary one and the emulator ends with the story. It shows no secret, only
// placeholders by which a reader sees that a token changed. It reads no environment and opens no browser by itself.
// internal/cli imports it.
package demo

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/text/language"

	"github.com/sftoken/sftoken/internal/message"
)

//go:embed text
var files embed.FS

var catalogue = message.New(files)

// Texts are the texts of the demo and of the emulator command.
func Texts(tag language.Tag) message.Texts { return catalogue.For(tag) }

// DefaultTimeout is how long the demo waits for a person.
const DefaultTimeout = 3 * time.Minute

// Options say how the demo is played. The zero value plays it without a browser, silently, in English.
type Options struct {
	// Open shows the login page to the person, for instance in the browser. Nil, or an error, leaves the pages to the
	// built-in user agent.
	Open func(ctx context.Context, address string) error
	// Audience is told the story while it happens. May be nil.
	Audience Audience
	// Timeout bounds the wait for the person. 0: DefaultTimeout.
	Timeout time.Duration
	// Port is that of the callback URL on localhost. 0: a free one.
	Port int
	// Language of the texts.
	Language language.Tag

	wrap func(http.Handler) http.Handler // tests only; nil otherwise: around the emulator
}

// Audience hears the story. Its methods are called one after the other.
type Audience interface {
	Visit(Visit) // before Open is called: where the person should go and as whom to sign in
	Alone(error) // Open failed, and the built-in user agent goes instead
	Step(Step)   // a step is over
}

// Visit is what a person needs to sign in to the emulator.
type Visit struct {
	Address, Username, Password string
	Timeout                     time.Duration
}

// Story is what happened, in order, without secrets.
type Story struct {
	Emulator string    `json:"emulator"` // its address, gone when the story is told
	Steps    []Step    `json:"steps"`
	Result   Result    `json:"result"`
	Next     []Command `json:"next"`
	Seconds  float64   `json:"seconds"`
}

// Step is one numbered step.
type Step struct {
	Number    int        `json:"number"`
	ID        string     `json:"id"`
	Title     string     `json:"title"`
	Text      string     `json:"text"`
	Facts     []Fact     `json:"facts,omitempty"`
	Exchanges []Exchange `json:"exchanges,omitempty"`
	Changes   []Change   `json:"changes,omitempty"`
}

// Fact is something that a step makes known. ID is the same in every language.
type Fact struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Change is a token that was replaced by another.
type Change struct {
	Name string `json:"name"`
	From string `json:"from"`
	To   string `json:"to"`
}

// Result is the outcome for machines.
type Result struct {
	Username      string   `json:"username"`
	OrgID         string   `json:"org_id"`
	InstanceURL   string   `json:"instance_url"`
	Scopes        []string `json:"scopes"`
	RefreshTokens []string `json:"refresh_tokens"` // fingerprints, in the order in which they lived
	OldIsDead     bool     `json:"old_refresh_token_is_dead"`
	GrantLived    bool     `json:"grant_lived_on"`
	Revoked       bool     `json:"revoked"`
}

// Command is one to type next.
type Command struct {
	Line    string `json:"command"`
	Purpose string `json:"purpose"`
}

// Run plays the demo. An error means that something did not go as the story tells; what happened until then is returned
// with it.
func Run(ctx context.Context, o Options) (*Story, error) {
	began := time.Now()
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	p := &play{options: o, texts: Texts(o.Language), story: &Story{}}
	err := p.run(ctx)
	p.story.Seconds = time.Since(began).Seconds()
	if err != nil {
		return p.story, fmt.Errorf("play demo: %w", err)
	}
	p.story.Next = next(p.texts)
	return p.story, nil
}

func (p *play) run(ctx context.Context) (err error) {
	p.stage, err = newStage(ctx, p.options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stage.close()) }()
	p.story.Emulator = p.stage.address
	for _, act := range []func(context.Context) error{p.app, p.login, p.refreshTwice, p.oldToken, p.identity, p.revoke, p.over} {
		if err := act(ctx); err != nil {
			return err
		}
	}
	return nil
}

func next(texts message.Texts) []Command {
	var commands []Command
	for _, c := range []struct{ line, id string }{
		{"sftoken login prod", "next.login"},
		{"sftoken token prod", "next.token"},
		{"sftoken logout prod", "next.logout"},
		{"sftoken emulator", "next.emulator"},
	} {
		commands = append(commands, Command{c.line, texts.Text(c.id, nil)})
	}
	return commands
}
