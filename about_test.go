package sftoken_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sftoken/sftoken"
)

// C-55: any answer of status 200 means that the token is revoked.
func TestRevoke(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		status     int
		body, code string
	}{
		{200, "", ""},
		{200, "<html>", ""},
		{200, "fn({})", ""},
		{204, "", ""},
		{400, "error=invalid_token&error_description=invalid+token", "invalid_token"},
		{400, "error=unsupported_token_type&error_description=this+token+type+is+not+supported", "unsupported_token_type"},
		{404, "", "none"},
	} {
		err := newClient(t, answering(row.status, "", row.body)).Revoke(t.Context(), sftoken.NewSecret(refreshToken))
		var got *sftoken.Error
		switch {
		case row.code == "" && err != nil:
			t.Errorf("%d %q: %v", row.status, row.body, err)
		case row.code != "" && (!errors.As(err, &got) || got.Endpoint != "revoke" || got.Code != strings.TrimPrefix(row.code, "none")):
			t.Errorf("%d %q: %v", row.status, row.body, err)
		}
	}
}

// C-56: an inactive token is no error; an answer that does not say so is.
func TestIntrospect(t *testing.T) {
	t.Parallel()
	ask := func(status int, body string) (*sftoken.Introspection, error) {
		return newClient(t, answering(status, "application/json", body)).Introspect(t.Context(), sftoken.NewSecret(refreshToken), sftoken.RefreshTokenHint)
	}
	got, err := ask(200, `{"active":true,"scope":"api refresh_token","client_id":"`+clientID+`","username":"a@acme.example","sub":"`+identityURL+
		`","token_type":"refresh_token","exp":1700003600,"iat":1700000000,"nbf":"1700000001"}`)
	want := &sftoken.Introspection{
		Active: true, Scope: []string{"api", "refresh_token"}, ClientID: clientID, Username: "a@acme.example", Subject: identityURL,
		TokenType: "refresh_token", ExpiresAt: time.Unix(1700003600, 0).UTC(), IssuedAt: time.Unix(1700000000, 0).UTC(), NotBefore: time.Unix(1700000001, 0).UTC(),
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("active: %v (-want +got):\n%s", err, diff)
	}
	if got, err := ask(200, `{"active":false}`); err != nil || got.Active {
		t.Errorf("inactive: %+v, %v", got, err)
	}
	var unexpected *sftoken.UnexpectedError
	for _, body := range []string{`{}`, `{"active":"yes"}`, `[]`, "<html>", ""} {
		if got, err := ask(200, body); !errors.As(err, &unexpected) {
			t.Errorf("%q: %+v, %v", body, got, err)
		}
	}
	var wire *sftoken.Error
	if _, err := ask(400, `{"error":"invalid_client","error_description":"invalid client credentials"}`); !errors.As(err, &wire) || wire.Code != "invalid_client" {
		t.Errorf("a wrong secret: %v", err)
	}
}

func TestUserInfoAndIdentity(t *testing.T) {
	t.Parallel()
	token := &sftoken.Token{AccessToken: sftoken.NewSecret(accessToken), InstanceURL: acme, IdentityURL: identityURL}
	userinfo := `{"sub":"` + identityURL + `","user_id":"0056g0000049jc6AAA","organization_id":"00D6g000006wre4EAA","preferred_username":"a@acme.example",` +
		`"nickname":"a","name":"Amelia","email":"a@acme.example","zoneinfo":"Asia/Tokyo","language":"ja","locale":"ja_JP","user_type":"STANDARD","active":true,"photos":{}}`
	got, err := newClient(t, answering(200, "application/json", userinfo)).UserInfo(t.Context(), token)
	if err != nil || got.UserID != "0056g0000049jc6AAA" || got.Name != "Amelia" || got.Zoneinfo != "Asia/Tokyo" || string(got.Extra["active"]) != "true" || len(got.Extra) != 3 {
		t.Errorf("userinfo: %+v, %v", got, err)
	}
	identity := `{"id":"` + identityURL + `","user_id":"0056g0000049jc6AAA","organization_id":"00D6g000006wre4EAA","username":"a@acme.example",` +
		`"display_name":"Amelia","timezone":"Asia/Tokyo","urls":{"rest":"https://acme.my.salesforce.com/services/data/v{version}/"},"is_app_installed":true}`
	who, err := newClient(t, answering(200, "application/json", identity)).Identity(t.Context(), token)
	if err != nil || who.Username != "a@acme.example" || who.DisplayName != "Amelia" || !strings.HasSuffix(who.URLs["rest"], "v{version}/") || string(who.Extra["is_app_installed"]) != "true" {
		t.Errorf("identity: %+v, %v", who, err)
	}
	if _, err := newClient(t, answering(200, "", strings.Replace(identity, "0056g0000049jc6AAA\",\"org", "0056g0000000000AAA\",\"org", 1))).Identity(t.Context(), token); err == nil {
		t.Error("another user's identity was taken")
	}
	_, err = newClient(t, answering(403, "text/html", "Bad_OAuth_Token")).UserInfo(t.Context(), token)
	var wire *sftoken.Error
	if !errors.As(err, &wire) || wire.Code != "Bad_OAuth_Token" || wire.Status != 403 {
		t.Errorf("a dead token: %v", err)
	}
	var unexpected *sftoken.UnexpectedError
	if _, err := newClient(t, answering(200, "", `{"name":"x"}`)).UserInfo(t.Context(), token); !errors.As(err, &unexpected) {
		t.Errorf("nobody in particular: %v", err)
	}
	// Without an instance URL the login host and the identity URL itself are asked.
	var asked []string
	c := newClient(t, roundTrip(func(req *http.Request) (*http.Response, error) {
		asked = append(asked, req.URL.String())
		return answer(200, "", identity), nil
	}))
	token.InstanceURL = ""
	_, err1 := c.UserInfo(t.Context(), token)
	_, err2 := c.Identity(t.Context(), token)
	if diff := cmp.Diff([]string{acme + "/services/oauth2/userinfo", identityURL}, asked); diff != "" || err1 != nil || err2 != nil {
		t.Errorf("asked (-want +got): %v, %v\n%s", err1, err2, diff)
	}
}

// C-50: the issuer is the host that was asked, or the login pool where that is a My Domain.
func TestDiscover(t *testing.T) {
	t.Parallel()
	document := func(issuer, token string) string {
		return `{"issuer":"` + issuer + `","token_endpoint":"` + token + `","jwks_uri":"https://login.salesforce.com/id/keys","scopes_supported":["api","id"],"x":1}`
	}
	const endpoint = "https://login.salesforce.com/services/oauth2/token"
	for _, row := range []struct {
		host, issuer, token string
		ok                  bool
	}{
		{"acme", acme, acme + "/services/oauth2/token", true},
		{"acme", "https://login.salesforce.com", endpoint, true},
		{"https://acme.my.site.com/partners", "https://login.salesforce.com", endpoint, true},
		{"login", "https://login.salesforce.com", endpoint, true},
		{"acme", "https://login.salesforce.com/", endpoint, false},
		{"acme", "https://other.my.salesforce.com", endpoint, false},
		{"acme", "https://evil.example", endpoint, false},
		{"acme", "", endpoint, false},
		{"http://localhost:8080", "https://login.salesforce.com", endpoint, false},
		{"http://localhost:8080", "http://localhost:9090", endpoint, false},
		{"acme", acme, "https://evil.example/services/oauth2/token", false},
		{"acme", acme, "http://acme.my.salesforce.com/services/oauth2/token", false},
	} {
		c := newClient(t, answering(200, "application/json", document(row.issuer, row.token)))
		c.App.Host = parseHost(t, row.host)
		got, err := c.Discover(t.Context())
		if (err == nil) != row.ok {
			t.Errorf("%s: issuer %q, token endpoint %q: %v", row.host, row.issuer, row.token, err)
		}
		if row.ok && (got.TokenEndpoint != row.token || len(got.ScopesSupported) != 2 || string(got.Extra["x"]) != "1") {
			t.Errorf("%s: got %+v", row.host, got)
		}
	}
	var wire *sftoken.Error
	if _, err := newClient(t, answering(404, "text/html", "<html>")).Discover(t.Context()); !errors.As(err, &wire) || wire.Status != 404 {
		t.Errorf("no document: %v", err)
	}
}

func TestVersions(t *testing.T) {
	t.Parallel()
	got, err := newClient(t, answering(200, "application/json", `[{"label":"Winter '11","url":"/services/data/v20.0","version":"20.0"},{"version":"68.0"}]`)).Versions(t.Context(), acme)
	if err != nil || len(got) != 2 || got[0].Label != "Winter '11" || got[1].Version != "68.0" {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, body := range []string{"", "[]", "{}", "<html>"} {
		if got, err := newClient(t, answering(200, "", body)).Versions(t.Context(), acme); err == nil {
			t.Errorf("%q: %+v", body, got)
		}
	}
}
