package foreign

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/emulator"
	"github.com/sftoken/sftoken/emulator/emulatortest"
	"github.com/sftoken/sftoken/internal/proxy"
)

// The Salesforce CLI works with what sftoken exec puts into its environment, without a login of its own, and through sftoken
// proxy with the proxy's token in that place.
func TestSalesforceCLIUnderExec(t *testing.T) {
	t.Parallel()
	s := emulatortest.Start(t)
	platformCLI(t, s, false)
	back := listen(t)
	token := login(t, s, oauth2Config(s, emulator.ClientIDPlatformCLI, back.URL, "api", "web", "refresh_token"), back)
	const capability = "00DEMU000000001!ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	between := httptest.NewServer(proxy.New(proxy.Options{
		Transport: direct{s.URL, token.AccessToken}, Token: sftoken.NewSecret(capability),
	}))
	t.Cleanup(between.Close)
	for name, at := range map[string]struct{ url, token string }{
		"exec":  {s.URL, token.AccessToken},
		"proxy": {between.URL, capability},
	} {
		c := newCLI(t, "SF_TARGET_ORG="+at.token, "SF_ORG_INSTANCE_URL="+at.url)
		var found struct{ Records []json.RawMessage }
		if err := c.run(t.Context(), &found, "data", "query", "--query", "SELECT Id FROM Organization"); err != nil {
			t.Errorf("%s: %v", name, err)
		} else if len(found.Records) != 1 {
			t.Errorf("%s: %d records, want 1", name, len(found.Records))
		}
	}
	if got := counted(s, "refresh_token", http.StatusOK); got != 0 {
		t.Errorf("the CLI refreshed %d times, without a refresh token", got)
	}
}

// direct adds a token, as refresh.Transport does.
type direct struct{ url, token string }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	base, err := url.Parse(d.url)
	if err != nil {
		return nil, err
	}
	own := r.Clone(r.Context())
	own.URL = base.ResolveReference(r.URL)
	own.Header.Set("Authorization", "Bearer "+d.token)
	return http.DefaultTransport.RoundTrip(own)
}
