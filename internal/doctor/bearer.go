package doctor

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/sftoken/sftoken"
)

// bearer sends requests that name a path only to the org, with the access token that is kept. It refreshes nothing.
type bearer struct {
	next     http.RoundTripper
	token    sftoken.Secret
	instance string
	login    sftoken.Host
	hosts    sftoken.HostRules
}

func (b *bearer) RoundTrip(request *http.Request) (*http.Response, error) {
	if err := b.hosts.Trusts(b.login, b.instance); err != nil {
		return nil, err
	}
	target, err := http.NewRequestWithContext(request.Context(), request.Method, strings.TrimRight(b.instance, "/")+request.URL.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("ask the org: %w", err)
	}
	target.Header = request.Header.Clone()
	target.Header.Set("Authorization", "Bearer "+b.token.Reveal())
	return b.next.RoundTrip(target)
}
