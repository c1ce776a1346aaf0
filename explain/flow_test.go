package explain

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/text/language"

	"github.com/sftoken/sftoken"
)

// C-57: whose clock is off, by how much and in which direction, and nothing of it where it is not.
func TestClockSkewIsTold(t *testing.T) {
	t.Parallel()
	for skew, want := range map[time.Duration]string{
		0:                 "",
		4 * time.Minute:   "4m0s ahead",
		-90 * time.Second: "1m30s behind",
	} {
		err := &sftoken.Error{Endpoint: "token", GrantType: "urn:ietf:params:oauth:grant-type:jwt-bearer", Status: 400, Code: "invalid_grant", Description: "invalid assertion", ClockSkew: skew}
		hints := strings.Join(Find(err).Hints(language.English, nil), "\n")
		if !strings.Contains(hints, want) || strings.Contains(hints, "clock") != (want != "") || strings.Count(hints, "timedatectl") > 1 {
			t.Errorf("skew %v: hints\n%s", skew, hints)
		}
	}
}

// What flows refuse before the network leads to an entry of its own.
func TestRefusalsOfFlows(t *testing.T) {
	t.Parallel()
	pool, err := sftoken.ParseHost("login")
	if err != nil {
		t.Fatal(err)
	}
	secret := sftoken.NewSecret("0123456789ABCDEF")
	for want, err := range map[string]error{
		"client-credentials-host": sftoken.FlowClientCredentials.Validate(sftoken.App{ClientID: "key", ClientSecret: secret, Host: pool}),
		"flow-scopes":             sftoken.FlowJWTBearer.Validate(sftoken.App{ClientID: "key", Host: pool, Scopes: []string{"api"}}),
		"client-secret-empty":     sftoken.FlowClientCredentials.Validate(sftoken.App{ClientID: "key", Host: acme(t)}),
		"client-secret-public":    sftoken.FlowWebServer.Validate(sftoken.App{ClientID: "PlatformCLI", ClientSecret: secret, Host: pool, RedirectURI: sftoken.DefaultRedirectURI}),
		"private-key":             sftoken.FlowJWTBearer.Validate(sftoken.App{ClientID: "key", Host: pool}),
		"flow":                    sftoken.Flow("magic").Validate(sftoken.App{ClientID: "key", Host: pool}),
		"device-expired":          &sftoken.DeviceExpiredError{},
		"answer-headless":         &sftoken.UnexpectedError{ContentType: "text/html", ID: "answer-headless"},
	} {
		if got := idOf(Find(err)); got != want {
			t.Errorf("%v: entry %q, want %q", err, got, want)
		}
	}
}

func acme(t *testing.T) sftoken.Host {
	host, err := sftoken.ParseHost("acme")
	if err != nil {
		t.Fatal(err)
	}
	return host
}
