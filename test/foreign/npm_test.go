package foreign

import (
	"net/http"
	"testing"

	"github.com/sftoken/sftoken/emulator"
	"github.com/sftoken/sftoken/emulator/emulatortest"
)

func nforce(t *testing.T) {
	s := emulatortest.Start(t)
	js := startScript(t, "nforce", "nforce")
	app := told{"url": s.URL, "clientId": emulator.ClientIDConfidential, "clientSecret": emulator.ClientSecretConfidential, "redirectUri": callbackURL}

	var begun struct{ AuthorizeURL string }
	js.tell(t, "begin", app, &begun)
	js.tell(t, "authenticate", told{"code": approve(t, s, begun.AuthorizeURL).Query().Get("code")}, nil)
	for round := range 3 {
		js.use(t, s)
		if got := counted(s, "refresh_token", http.StatusOK); got != round {
			t.Errorf("round %d: the emulator counted %d refreshes", round, got)
		}
		s.Emulator().ExpireSessions()
	}

	js.tell(t, "begin", app, nil)
	js.tell(t, "authenticate", told{"username": emulator.Username, "password": emulator.Password}, nil)
	js.use(t, s)
}

// openid-client knows OpenID Connect and nothing of Salesforce: it checks what a provider must keep to. It takes https only.
func openIDClient(t *testing.T) {
	s := emulatortest.StartTLS(t)
	withKey(t, s, emulator.ClientIDConfidential)
	js := startScript(t, "openid", "openid-client", "NODE_EXTRA_CA_CERTS="+s.CAFile)
	for name, app := range map[string]told{
		"public": {"issuer": s.URL, "clientId": emulator.ClientIDPublic},
		"secret": {"issuer": s.URL, "clientId": emulator.ClientIDConfidential, "secret": emulator.ClientSecretConfidential},
		"key":    {"issuer": s.URL + "/acme", "clientId": emulator.ClientIDConfidential, "key": signingKey().private},
	} {
		js.tell(t, "discover", app, nil)
		got := js.openIDLogin(t, s)
		var about struct {
			Active   bool
			Username string
		}
		// no public app may introspect
		if err := js.try("introspect", nil, &about); (err == nil) != (name != "public") || err == nil && about.Username != emulator.Username {
			t.Errorf("%s: introspection says %+v: %v", name, about, err)
		}
		js.tell(t, "revoke", nil, nil)
		if works(t, s, got.AccessToken) {
			t.Errorf("%s: the token lives after its grant was revoked", name)
		}
	}

	var got struct{ AccessToken string }
	js.tell(t, "discover", told{"issuer": s.URL + "/acme", "clientId": emulator.ClientIDConfidential, "secret": emulator.ClientSecretConfidential}, nil)
	js.tell(t, "clientCredentials", nil, &got)
	if !works(t, s, got.AccessToken) {
		t.Error("client credentials gave no token that works")
	}
	js.tell(t, "grant", told{"grantType": jwtGrant, "assertion": assertion(t, s.URL)}, &got)
	if !works(t, s, got.AccessToken) {
		t.Error("the JWT bearer flow gave no token that works")
	}

	if err := s.Emulator().UpdateOrg("acme", func(o *emulator.Org) { o.Registration = true }); err != nil {
		t.Fatal(err)
	}
	js.tell(t, "register", told{"issuer": s.URL, "redirectUri": callbackURL, "initialAccessToken": got.AccessToken}, nil)
	js.openIDLogin(t, s)
}

// openIDLogin goes from authorize to a refresh, with the checks of OpenID Connect that the client makes.
func (js *script) openIDLogin(t *testing.T, s *emulatortest.Server) (got struct{ AccessToken, Subject string }) {
	t.Helper()
	s.Emulator().ClearRequests()
	var begun struct{ AuthorizeURL string }
	js.tell(t, "begin", told{"redirectUri": callbackURL}, &begun)
	js.tell(t, "exchange", told{"callback": approve(t, s, begun.AuthorizeURL).String()}, &got)
	js.tell(t, "userinfo", told{"subject": got.Subject}, nil)
	s.Emulator().ExpireSessions()
	js.tell(t, "refresh", nil, &got)
	if !works(t, s, got.AccessToken) || counted(s, "refresh_token", http.StatusOK) != 1 {
		t.Error("the refresh gave no token that works")
	}
	return got
}

func simpleOAuth2(t *testing.T) {
	s := emulatortest.Start(t)
	js := startScript(t, "simple", "simple-oauth2")
	var got struct {
		AccessToken, RefreshToken string
		Expired                   bool
	}
	for _, method := range []string{"header", "body"} {
		s.Emulator().ClearRequests()
		begin := func(kind string, begun any) {
			js.tell(t, "begin", told{
				"kind": kind, "url": s.URL, "redirectUri": callbackURL, "authorizationMethod": method,
				"client": told{"id": emulator.ClientIDConfidential, "secret": emulator.ClientSecretConfidential},
			}, begun)
		}
		var begun struct{ AuthorizeURL string }
		begin("AuthorizationCode", &begun)
		js.tell(t, "get", told{"code": approve(t, s, begun.AuthorizeURL).Query().Get("code"), "redirect_uri": callbackURL}, &got)
		if !works(t, s, got.AccessToken) || got.RefreshToken == "" || got.Expired {
			t.Errorf("%s: no refresh token, or an access token that does not work or is thought expired", method)
		}
		js.tell(t, "refresh", nil, &got)
		if !works(t, s, got.AccessToken) || counted(s, "refresh_token", http.StatusOK) != 1 {
			t.Errorf("%s: the refresh gave no token that works", method)
		}
		js.tell(t, "revoke", told{"type": "access_token"}, nil)
		if works(t, s, got.AccessToken) {
			t.Errorf("%s: a revoked token works", method)
		}

		begin("ResourceOwnerPassword", nil)
		js.tell(t, "get", told{"username": emulator.Username, "password": emulator.Password}, &got)
		if !works(t, s, got.AccessToken) {
			t.Errorf("%s: password: a token that does not work", method)
		}
	}
	js.tell(t, "begin", told{
		"kind": "ClientCredentials", "url": s.URL + "/acme", "client": told{"id": emulator.ClientIDConfidential, "secret": emulator.ClientSecretConfidential},
		"authorizationMethod": "header",
	}, nil)
	js.tell(t, "get", told{}, &got)
	if !works(t, s, got.AccessToken) {
		t.Error("client credentials: a token that does not work")
	}
}

// client-oauth2 authenticates by Basic, also an app that has no secret.
func clientOAuth2(t *testing.T) {
	s := emulatortest.Start(t)
	withKey(t, s, emulator.ClientIDConfidential)
	js := startScript(t, "client", "client-oauth2")
	public := told{"url": s.URL, "clientId": emulator.ClientIDPublic, "redirectUri": callbackURL}
	confidential := told{
		"url": s.URL, "clientId": emulator.ClientIDConfidential, "clientSecret": emulator.ClientSecretConfidential, "redirectUri": callbackURL,
	}
	var got struct{ AccessToken, AuthorizeURL string }
	for flow, app := range map[string]told{"code": confidential, "token": public} {
		s.Emulator().ClearRequests()
		js.tell(t, "begin", app, nil)
		js.tell(t, "uri", told{"flow": flow, "scopes": []string{"api", "refresh_token"}}, &got)
		js.tell(t, "arrive", told{"flow": flow, "callback": approve(t, s, got.AuthorizeURL).String()}, &got)
		first := got.AccessToken
		js.tell(t, "refresh", nil, &got)
		if !works(t, s, first) || !works(t, s, got.AccessToken) || counted(s, "refresh_token", http.StatusOK) != 1 {
			t.Errorf("%s: tokens that do not work", flow)
		}
	}
	js.tell(t, "begin", confidential, nil)
	for step, with := range map[string]told{
		"owner": {"username": emulator.Username, "password": emulator.Password},
		"jwt":   {"assertion": assertion(t, s.URL)},
	} {
		js.tell(t, step, with, &got)
		if !works(t, s, got.AccessToken) {
			t.Errorf("%s: a token that does not work", step)
		}
	}
	confidential["url"] = s.URL + "/acme"
	js.tell(t, "begin", confidential, nil)
	js.tell(t, "credentials", nil, &got)
	if !works(t, s, got.AccessToken) {
		t.Error("credentials: a token that does not work")
	}
}
