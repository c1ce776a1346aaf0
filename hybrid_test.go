package sftoken_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sftoken/sftoken"
)

const hybridToken = `{"access_token":"` + accessToken + `","instance_url":"` + acme + `","id":"` + identityURL + `",` +
	`"lightning_domain":"acme.lightning.force.com","lightning_sid":"l","visualforce_domain":"acme.vf.force.com","visualforce_sid":"v",` +
	`"content_domain":"acme.file.force.com","content_sid":"c","parent_sid":"p","csrf_token":"x","cookie-clientSrc":"src",` +
	`"cookie-sid_Client":"cl","sidCookieName":"sid"}`

func TestHybridAnswer(t *testing.T) {
	t.Parallel()
	token, err := refreshHybrid(t, hybridToken)
	if err != nil {
		t.Fatal(err)
	}
	s := sftoken.NewSecret
	want := &sftoken.Hybrid{
		LightningDomain: "acme.lightning.force.com", LightningSID: s("l"),
		VisualforceDomain: "acme.vf.force.com", VisualforceSID: s("v"),
		ContentDomain: "acme.file.force.com", ContentSID: s("c"),
		ParentSID: s("p"), CSRFToken: s("x"), ClientSrc: s("src"), SIDClient: s("cl"), SIDCookieName: "sid",
	}
	if diff := cmp.Diff(want, token.Hybrid); diff != "" || token.Extra != nil {
		t.Errorf("extra %v, hybrid (-want +got):\n%s", token.Extra, diff)
	}
	if plain, err := refreshHybrid(t, goodToken); err != nil || plain.Hybrid != nil {
		t.Errorf("an answer without session ids: %+v, %v", plain.Hybrid, err)
	}
}

// C-44: a session id is as good as a token, so the same holds for where it may go.
func TestHybridDomainIsChecked(t *testing.T) {
	t.Parallel()
	for _, domain := range []string{"acme.lightning.force.com.evil.example", "http://acme.lightning.force.com", "localhost", "evil.example/force.com"} {
		_, err := refreshHybrid(t, strings.Replace(hybridToken, "acme.lightning.force.com", domain, 1))
		if e, ok := errors.AsType[*sftoken.UnexpectedError](err); !ok || e.ID != "answer-untrusted" {
			t.Errorf("%s: %v", domain, err)
		}
	}
}

// A hybrid refresh that is refused is dead like any other.
func TestHybridRefused(t *testing.T) {
	t.Parallel()
	c := newClient(t, answering(400, "application/json", `{"error":"invalid_grant","error_description":"something new"}`))
	if _, err := c.RefreshHybrid(t.Context(), sftoken.NewSecret(refreshToken)); !errors.Is(err, sftoken.ErrLoginRequired) {
		t.Errorf("%v, want ErrLoginRequired", err)
	}
}

func refreshHybrid(t *testing.T, body string) (*sftoken.Token, error) {
	return newClient(t, answering(200, "application/json", body)).RefreshHybrid(t.Context(), sftoken.NewSecret(refreshToken))
}
