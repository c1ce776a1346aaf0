package refresh

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/store"
)

// Options say how an Engine works. Only Store must be set.
type Options struct {
	// Store keeps the grants. Its owner closes it, after the engine.
	Store store.Store
	// HTTP talks to the login hosts; nil: the default of sftoken.Client.
	HTTP *http.Client
	// Margin is how long before a known expiry a token is refreshed, at most a quarter of its life. 0: one minute.
	Margin time.Duration
	// SessionTimeout is the org's session time-out, for access tokens whose expiry nothing else tells. 0: unknown; such a
	// token is served until an API rejects it.
	SessionTimeout time.Duration
	// Ahead has nobody wait for a token that is due for a refresh but still lives: it is handed out while the refresh goes
	// on in the background, for at most 32 grants at once. Set a Margin that is longer than the pause between two calls.
	// Otherwise callers wait for the refresh, up to five seconds.
	Ahead bool
	// Deadline bounds the wait for a lease, and then once more the request to Salesforce. 0: one minute.
	Deadline time.Duration
	// OnEvent, if not nil, is told what happened to grants, after their callers were answered. It may be called from
	// several goroutines at once; Close waits for it.
	OnEvent func(Event)
	// Log, if not nil, hears of what is being repeated and of what failed without harm.
	Log *slog.Logger
}

// Access is an access token and what is known of it. It is shared between callers: do not change it.
type Access struct {
	Token       sftoken.Secret
	InstanceURL string // where the org's API answers
	Username    string
	OrgID       string
	Expiry      store.Expiry // zero: unknown
	Generation  uint64       // of the grant it belongs to
	Refreshed   bool         // a refresh, rather than the cache or the store, gave it to this caller
	Warning     error        // the token lives, but its grant is dead or uncertain or could not be refreshed early

	login sftoken.Host // for Transport: where the token may be sent
	allow []string
}

// Engine hands out access tokens of the grants in a store. All methods may be called from many goroutines.
type Engine struct {
	options Options
	owner   string // in spending marks, for people
	now     func() time.Time
	onStep  func(step) // tests only; nil otherwise

	entries  sync.Map      // alias → *entry
	learning chan struct{} // see maxLearning

	closing context.Context // ends flights that have not sent anything yet
	close   context.CancelFunc
	mu      sync.Mutex // orders closing with the start of flights
	flights sync.WaitGroup
	ahead   int // flights that nobody waits for; mu guards it
}

// New makes an engine. Close it.
func New(o Options) *Engine {
	if o.Margin <= 0 {
		o.Margin = time.Minute
	}
	if o.Deadline <= 0 {
		o.Deadline = time.Minute
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	e := &Engine{options: o, owner: owner(), now: time.Now, learning: make(chan struct{}, maxLearning)}
	e.closing, e.close = context.WithCancel(context.Background())
	return e
}

// Token returns an access token of the grant, refreshed if it must be. Its errors are *DeadError (log in again, or
// Salesforce blocks for good), those of the store, and those of sftoken.Client.Refresh, of which sftoken.ErrTemporary may
// pass. A token that still lives is returned even if its grant is in trouble, with Warning set.
func (e *Engine) Token(ctx context.Context, alias string) (*Access, error) {
	if access, err := e.cached(alias); access != nil || err != nil {
		return access, err
	}
	if e.options.Ahead {
		if access := e.flyAhead(ctx, alias); access != nil {
			return access, nil
		}
	}
	return e.fly(ctx, alias, need{})
}

// Refresh returns an access token that was obtained after the call, even if the cached one is valid. A grant that is dead
// because Salesforce blocked it is tried once more; one that needs a login is not.
func (e *Engine) Refresh(ctx context.Context, alias string) (*Access, error) {
	return e.fly(ctx, alias, need{kind: needRefresh})
}

// Reject says that an API answered 401 to the token rejected, and returns one to go on with. However many callers report
// the same token, in however many processes, it is refreshed once. A fresh token that is rejected like the one before it
// is refused by a policy, which no refresh cures: then the error is a *RejectedError.
func (e *Engine) Reject(ctx context.Context, alias string, rejected sftoken.Secret) (*Access, error) {
	if access, err := e.cached(alias); access != nil && !access.Token.Equal(rejected) {
		return access, nil
	} else if err != nil {
		return nil, err
	}
	e.entry(alias).drop(rejected)
	return e.fly(ctx, alias, need{kind: needOther, rejected: rejected})
}

// Forget drops what the engine remembers of a grant, so that the next call reads the store: after a login or logout
// elsewhere. "" is every grant. It is made to be handed to a store that tells of changes, as store/postgres does.
func (e *Engine) Forget(alias string) {
	if alias != "" {
		e.entry(alias).forget()
		return
	}
	e.entries.Range(func(_, found any) bool {
		found.(*entry).forget()
		return true
	})
}

// Close lets no new flight start and waits for those under way until ctx ends. Flights that have sent nothing give up.
func (e *Engine) Close(ctx context.Context) error {
	e.mu.Lock()
	e.close()
	e.mu.Unlock()
	landed := make(chan struct{})
	go func() {
		defer close(landed)
		e.flights.Wait()
	}()
	select {
	case <-landed:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("close refresh engine: %w", context.Cause(ctx))
	}
}

// owner names this process.
func owner() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown host"
	}
	return fmt.Sprintf("process %d on %s", os.Getpid(), host)
}
