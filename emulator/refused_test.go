package emulator_test

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sftoken/sftoken/emulator"
)

// provoke makes one refusal happen and returns how it arrived: "J code|text" for a JSON body with status 400, "R code|text"
// for the callback's query, "F code|text" for its fragment, "H code|text" for the error page, "T body" for a bare body, "W
// status word" for a word.
type provoke func(b *bench) string

func inJSON(a answer) string {
	if a.status != http.StatusBadRequest || a.header.Get("Content-Type") != "application/json;charset=UTF-8" {
		return strconv.Itoa(a.status) + " " + a.body
	}
	return "J " + a.fields["error"] + "|" + a.fields["error_description"]
}

func inBrowser(end *url.URL) string {
	values, kind := end.Query(), "R "
	switch fragment, _ := url.ParseQuery(end.EscapedFragment()); {
	case fragment.Has("error"):
		values, kind = fragment, "F "
	case strings.HasSuffix(end.Path, "RemoteAccessErrorPage.apexp"):
		kind = "H "
	}
	return kind + values.Get("error") + "|" + values.Get("error_description")
}

// at posts to the token endpoint below path.
func at(path string, form url.Values) provoke {
	return func(b *bench) string { return inJSON(b.post(path+tokenPath, form)) }
}

// asking opens authorize for the confidential app.
func asking(changes ...string) provoke {
	return func(b *bench) string {
		return inBrowser(b.approve(emulator.Username, emulator.ClientIDConfidential, changes...))
	}
}

// asserting sends a JWT after an approval.
func asserting(changes ...any) provoke {
	return func(b *bench) string {
		b.login(emulator.ClientIDConfidential)
		return inJSON(b.post(tokenPath, jwtForm(own().jwt(b.t, b.claims(changes...)))))
	}
}

func word(method, path string) provoke {
	return func(b *bench) string {
		a := b.do(b.request(method, path, nil))
		return "W " + strconv.Itoa(a.status) + " " + a.body
	}
}

// Every refusal of the login's endpoints, in Salesforce's words and brought in Salesforce's way: a row for each row of the
// reference, section 5.2. Left out are those that only a fault can make (unknown_error, server_error) and IP ranges.
func TestEveryRefusal(t *testing.T) {
	t.Parallel()
	const id = emulator.ClientIDConfidential
	exchange := func(pairs ...string) url.Values {
		return withSecret(append([]string{
			"grant_type", "urn:ietf:params:oauth:grant-type:token-exchange", "subject_token", "opaque-1", "subject_token_type", "urn:ietf:params:oauth:token-type:access_token",
		}, pairs...)...)
	}
	credentials := withSecret("grant_type", "client_credentials")
	password := withSecret("grant_type", "password", "username", emulator.Username, "password", emulator.Password)
	for _, row := range []struct {
		name   string
		change func(*emulator.Config)
		do     provoke
		want   string
	}{
		{"unknown client at token", nil, at("", url.Values{"grant_type": {"password"}, "client_id": {"3MVG9x"}}), "J invalid_client_id|client identifier invalid"},
		{"unknown issuer", nil, asserting("iss", "3MVG9x"), "J invalid_client_id|client identifier invalid"},
		{"unknown client at authorize", nil, asking("client_id", "3MVG9x"), "H invalid_client_id|client identifier invalid"},
		{"bad secret", nil, at("", url.Values{"grant_type": {"password"}, "client_id": {id}, "client_secret": {"x"}}), "J invalid_client|invalid client credentials"},
		{"foreign key", nil, func(b *bench) string {
			return inJSON(b.post(tokenPath, jwtForm(foreign().jwt(t, b.claims()))))
		}, "J invalid_client|invalid client credentials"},
		{"no certificate", ofApp(func(a *emulator.App) { a.Certificate = "" }), asserting(), "J invalid_client|invalid client credentials"},
		{"not installed", ofApp(func(a *emulator.App) { a.NotInstalled = true }), asking(), "H invalid_client|app must be installed into org"},
		{"not installed, at token", ofApp(func(a *emulator.App) { a.NotInstalled = true }), at("", password), "J invalid_client|app must be installed into org"},
		{"not installed, device", ofApp(func(a *emulator.App) { a.NotInstalled = true }), at("", withSecret("response_type", "device_code")), "J invalid_client|app must be installed into org"},
		{"external app not there", ofApp(func(a *emulator.App) { a.NotInstalled, a.External = true, true }), at("/acme", credentials), "J app_not_found|External client app is not installed in this org"},
		{"external app at the sandbox pool", ofApp(func(a *emulator.App) {
			a.External, a.AdminApproved, a.ApprovedUsers = true, true, []string{emulator.Username}
		}), func(b *bench) string {
			return inJSON(b.post(tokenPath, jwtForm(own().jwt(t, b.claims("aud", "https://test.salesforce.com")))))
		}, "J app_not_found|External client app is not installed in this org"},
		{"external app not there, browser", ofApp(func(a *emulator.App) { a.NotInstalled, a.External = true, true }), asking(), "R OAUTH_EC_APP_NOT_FOUND|External client app is not installed in this org"},
		{"local app elsewhere", ofApp(func(a *emulator.App) { a.LocalTo = "acme--dev.sandbox" }), asking(), "R OAUTH_AUTHORIZATION_BLOCKED|Cross-org OAuth flows are not supported for this external client app"},
		{"blocked", ofApp(func(a *emulator.App) { a.Blocked = true }), asking(), "H OAUTH_APP_BLOCKED|this app is blocked by admin"},
		{"not permitted, browser", ofApp(func(a *emulator.App) { a.AdminApproved = true }), asking(), "H OAUTH_APP_ACCESS_DENIED|user is not admin approved to access this app"},
		{"not permitted", ofApp(func(a *emulator.App) { a.AdminApproved = true }), func(b *bench) string {
			return inJSON(b.post(tokenPath, jwtForm(own().jwt(t, b.claims()))))
		}, "J invalid_app_access|user is not admin approved to access this app"},
		{"plugin off", ofApp(func(a *emulator.App) { a.Disabled = true }), at("/acme", credentials), "J oauth_flow_disabled|The external client app or the OAuth plugin is disabled."},
		{"never approved", nil, func(b *bench) string { return inJSON(b.post(tokenPath, jwtForm(own().jwt(t, b.claims())))) }, "J invalid_grant|user hasn't approved this consumer"},
		{"approved without refresh_token", nil, func(b *bench) string {
			b.success(b.post(tokenPath, codeForm(id, b.code(id, "scope", "api"))))
			return inJSON(b.post(tokenPath, jwtForm(own().jwt(t, b.claims()))))
		}, "J invalid_grant|user hasn't approved this consumer"},
		{"unknown user", nil, asserting("sub", "nobody@acme.example"), "J invalid_grant|user hasn't approved this consumer"},
		{"pre-approved without refresh_token", ofApp(func(a *emulator.App) {
			a.AdminApproved, a.ApprovedUsers, a.Scopes = true, []string{emulator.Username}, []string{"api"}
		}), func(b *bench) string { return inJSON(b.post(tokenPath, jwtForm(own().jwt(t, b.claims())))) }, "J invalid_request|refresh_token scope is required and the connected app should be installed and preauthorized."},
		{"wrong password", nil, at("", withSecret("grant_type", "password", "username", emulator.Username, "password", "x")), "J invalid_grant|authentication failure"},
		{"unknown username", nil, at("", withSecret("grant_type", "password", "username", "x", "password", "x")), "J invalid_grant|authentication failure"},
		{"no security token", ofOrg(func(o *emulator.Org) { o.Users[0].SecurityToken = "T0k3n" }), at("", password), "J invalid_grant|authentication failure"},
		{"password flow blocked", ofOrg(func(o *emulator.Org) { o.BlockPassword = true }), at("", password), "J invalid_grant|authentication failure"},
		{"password flow of an external app", ofApp(func(a *emulator.App) { a.External = true }), at("", password), "J unsupported_grant_type|grant type not supported"},
		{"dead refresh token", nil, at("", refreshForm(id, "5Aep861x")), "J invalid_grant|expired access/refresh token"},
		{"dead refresh token, hybrid", nil, at("", withSecret("grant_type", "hybrid_refresh", "refresh_token", "x")), "J invalid_grant|expired access/refresh token"},
		{"old code", nil, func(b *bench) string {
			form := codeForm(id, b.code(id))
			b.Emulator().Advance(15 * time.Minute)
			return inJSON(b.post(tokenPath, form))
		}, "J invalid_grant|expired authorization code"},
		{"unknown code", nil, at("", codeForm(id, wrongCode)), "J invalid_grant|invalid authorization code"},
		{"malformed JWT", nil, at("", jwtForm("x.y.z")), "J invalid_grant|invalid assertion"},
		{"no JWT", nil, at("", url.Values{"grant_type": {jwtGrant}}), "J invalid_grant|invalid assertion"},
		{"expired JWT", nil, asserting("exp", time.Now().Unix()-1), "J invalid_grant|invalid assertion"},
		{"JWT without exp", nil, asserting("exp", nil), "J invalid_grant|invalid assertion"},
		{"JWT without sub", nil, asserting("sub", nil), "J invalid_grant|invalid assertion"},
		{"JWT for others", nil, asserting("aud", "https://example.com"), "J invalid_grant|audience is invalid"},
		{"JWT for a path", nil, func(b *bench) string { return asserting("aud", b.URL+"/x")(b) }, "J invalid_grant|audience is invalid"},
		{"JWT for a look-alike", nil, asserting("aud", "https://login.example.com"), "J invalid_grant|audience is invalid"},
		{"JWT for the wrong pool", nil, asserting("aud", "https://test.salesforce.com"), "J invalid_grant|audience is invalid"},
		{"JWT without aud", nil, asserting("aud", nil), "J invalid_grant|audience is invalid"},
		{"SAML for others", nil, func(b *bench) string {
			return inJSON(b.post(tokenPath, samlForm(b, own(), saml{issuer: id, audience: "https://example.com"})))
		}, "J invalid_grant|Audience validation failed"},
		{"malformed SAML", nil, at("", url.Values{"grant_type": {samlGrant}, "assertion": {"PHg+"}}), "J invalid_grant|invalid assertion"},
		{"assertion type", nil, at("/acme", url.Values{"grant_type": {"assertion"}, "assertion_type": {"x"}}), "J invalid_assertion_type|invalid assertion type"},
		{"client credentials at a pool", nil, at("", credentials), "J invalid_grant|request not supported on this domain"},
		{"run-as user missing", ofApp(func(a *emulator.App) { a.ClientCredentialsUser = "" }), at("/acme", credentials), "J invalid_grant|no client credentials user enabled"},
		{"run-as user of another org", ofApp(func(a *emulator.App) { a.ClientCredentialsUser = emulator.UsernameSandbox }), at("/acme", credentials), "J invalid_grant|no client credentials user enabled"},
		{"run-as user of a site", ofApp(func(a *emulator.App) { a.ClientCredentialsUser = outsider }), at("/acme", credentials), "J access_denied|end-user denied authorization"},
		{"client credentials off", ofApp(func(a *emulator.App) { a.ClientCredentials = false }), at("/acme", credentials), "J invalid_grant|client credentials flow not enabled"},
		{"full alone", ofApp(func(a *emulator.App) { a.Scopes = []string{"full", "refresh_token"} }), at("/acme", credentials), "J invalid_grant|no valid scopes defined"},
		{"handler refuses", nil, at("/acme", exchange("subject_token", "x")), "J invalid_grant|token handler validation failed"},
		{"unknown handler", nil, at("/acme", exchange("token_handler", "x")), "J invalid_grant|token handler validation failed"},
		{"exchange without approval", nil, at("/acme", exchange()), "J invalid_grant|user hasn't approved this consumer"},
		{"scope for client credentials", nil, at("/acme", withSecret("grant_type", "client_credentials", "scope", "api")), "J invalid_request|scope parameter not supported"},
		{"scope for a JWT", nil, at("", url.Values{"grant_type": {jwtGrant}, "scope": {"api"}}), "J invalid_request|scope parameter not supported"},
		{"scope for a refresh", nil, at("", withSecret("grant_type", "refresh_token", "scope", "api")), "J invalid_request|scope parameter not supported"},
		{"scope for a code", nil, at("", withSecret("grant_type", "authorization_code", "scope", "api")), "J invalid_request|scope parameter not supported"},
		{"no challenge", ofApp(func(a *emulator.App) { a.PKCERequired = true }), func(b *bench) string {
			a := b.do(b.request(http.MethodGet, strings.TrimPrefix(b.authorizeURL(id, "code_challenge", ""), b.URL), nil))
			return "T " + a.header.Get("Content-Type") + a.body
		}, "T error=invalid_request&error_description=missing required code challenge"},
		{"plain http", ofOrg(func(o *emulator.Org) { o.HTTPSRequired = true }), asking(), "R invalid_request|HTTPS required"},
		{"PUT", nil, func(b *bench) string {
			a := b.do(b.request(http.MethodPut, strings.TrimPrefix(b.authorizeURL(id), b.URL), nil))
			end, err := url.Parse(a.header.Get("Location"))
			if err != nil {
				t.Fatal(err)
			}
			return inBrowser(end)
		}, "R invalid_request|must use HTTP GET"},
		{"out of band", nil, asking("redirect_uri", "urn:ietf:wg:oauth:2.0:oob"), "H invalid_request|out-of-band not supported"},
		{"wrong callback", nil, asking("redirect_uri", "https://example.com/"), "H redirect_uri_mismatch|redirect_uri must match configuration"},
		{"wrong callback at token", nil, func(b *bench) string {
			form := codeForm(id, b.code(id))
			form.Set("redirect_uri", callback+"/")
			return inJSON(b.post(tokenPath, form))
		}, "J redirect_uri_mismatch|redirect_uri must match configuration"},
		{"no callback", nil, asking("redirect_uri", ""), "H redirect_uri_missing|redirect_uri not provided"},
		{"response type", nil, asking("response_type", "id_token"), "R unsupported_response_type|response type not supported"},
		{"user-agent flow blocked", ofOrg(func(o *emulator.Org) { o.BlockUserAgent = true }), asking("response_type", "token"), "F unsupported_response_type|response type not supported"},
		{"hybrid token blocked", ofOrg(func(o *emulator.Org) { o.BlockUserAgent = true }), asking("response_type", "hybrid_token"), "F unsupported_response_type|response type not supported"},
		{"no grant type", nil, at("", url.Values{}), "J unsupported_grant_type|grant type not supported"},
		{"RFC 8628's grant type", nil, at("", withSecret("grant_type", "urn:ietf:params:oauth:grant-type:device_code")), "J unsupported_grant_type|grant type not supported"},
		{"unknown scope", nil, asking("scope", "x"), "R invalid_scope|the requested scope is invalid, unknown, or malformed"},
		{"scope of others", nil, asking("scope", "wave_api"), "R invalid_scope|the requested scope is not allowed"},
		{"scope in the fragment", nil, asking("scope", "x", "response_type", "token"), "F invalid_scope|the requested scope is invalid, unknown, or malformed"},
		{"deny", nil, denying(), "R access_denied|end-user denied authorization"},
		{"deny, token", nil, denying("response_type", "token"), "F access_denied|end-user denied authorization"},
		{"immediate", nil, asking("immediate", "true"), "R immediate_unsuccessful|immediate unsuccessful"},
		{"immediate, token", nil, asking("immediate", "true", "response_type", "token"), "F immediate_unsuccessful|immediate unsuccessful"},
		{"inactive user", ofOrg(func(o *emulator.Org) { o.Users[0].Inactive = true }), at("", password), "J inactive_user|user is inactive"},
		{"inactive user, browser", ofOrg(func(o *emulator.Org) { o.Users[0].Inactive = true }), asking(), "R inactive_user|user is inactive"},
		{"locked org", ofOrg(func(o *emulator.Org) { o.Locked = true }), at("/acme", credentials), "J inactive_org|org is locked, closed, or suspended"},
		{"locked org, browser", ofOrg(func(o *emulator.Org) { o.Locked = true }), asking(), "R inactive_org|org is locked, closed, or suspended"},
		{"too many logins", ofOrg(func(o *emulator.Org) { o.LoginsPerHour = 1 }), func(b *bench) string {
			b.success(b.post(tokenPath, password))
			return inJSON(b.post(tokenPath, password))
		}, "J rate_limit_exceeded|number of logins exceeded"},
		{"device waits", nil, polling(0), "J authorization_pending|user has not approved this device yet"},
		{"device too fast", nil, polling(time.Second), "J slow_down|polling too frequently"},
		{"device denied", nil, deniedDevice, "J access_denied|end-user denied authorization"},
		{"device code old", nil, polling(10 * time.Minute), "J invalid_grant|expired device code"},
		{"device code unknown", nil, at("", withSecret("grant_type", "device", "code", "x")), "J invalid_request|invalid device code"},
		{"device flow off", ofApp(func(a *emulator.App) { a.DeviceFlow = false }), at("", withSecret("response_type", "device_code")), "J invalid_grant|device flow is not enabled for the app"},
		{"revoke nothing", nil, func(b *bench) string { return "T " + b.post("/services/oauth2/revoke", url.Values{}).body }, "T error=unsupported_token_type&error_description=this%20token%20type%20is%20not%20supported"},
		{"revoke the unknown", nil, func(b *bench) string {
			return "T " + b.post("/services/oauth2/revoke", url.Values{"token": {"x"}}).body
		}, "T error=invalid_token&error_description=invalid%20token"},
		{"userinfo", nil, word("GET", "/services/oauth2/userinfo?access_token=x"), "W 403 Bad_OAuth_Token"},
		{"identity", nil, word("GET", "/id/00DEMU000000001/005EMU000000001?oauth_token=x"), "W 403 Bad_OAuth_Token"},
		{"singleaccess", nil, word("GET", "/services/oauth2/singleaccess?access_token=x"), "W 403 Bad_OAuth_Token"},
		{"identity without a token", nil, word("GET", "/id/00DEMU000000001/005EMU000000001"), "W 403 Missing_OAuth_Token"},
		{"headless password", nil, func(b *bench) string {
			r := headless(b, url.Values{})
			r.SetBasicAuth(outsider, "x")
			return inJSON(b.do(r))
		}, "J invalid_grant|invalid user credentials"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			b := startWorld(t, func(c *emulator.Config) {
				if row.change != nil {
					row.change(c)
				}
			})
			if got := row.do(b); got != row.want {
				t.Errorf("got  %s\nwant %s", got, row.want)
			}
		})
	}
}

func denying(changes ...string) provoke {
	return func(b *bench) string {
		browser := b.NewBrowser(emulator.Username)
		browser.Deny = true
		end, err := browser.Visit(b.authorizeURL(emulator.ClientIDConfidential, changes...))
		if err != nil {
			b.t.Fatal(err)
		}
		return inBrowser(end)
	}
}

// polling asks for a device's tokens, and once more after the wait, if there is one.
func polling(wait time.Duration) provoke {
	return func(b *bench) string {
		form := b.startDevice()
		a := b.post(tokenPath, form)
		if wait > 0 {
			b.Emulator().Advance(wait)
			a = b.post(tokenPath, form)
		}
		return inJSON(a)
	}
}

func deniedDevice(b *bench) string {
	started := b.success(b.post(tokenPath, withSecret("response_type", "device_code")))
	browser := b.NewBrowser(emulator.Username)
	browser.Deny = true
	if _, err := browser.Visit(started["verification_uri"] + "?user_code=" + started["user_code"]); err != nil {
		b.t.Fatal(err)
	}
	return inJSON(b.post(tokenPath, withSecret("grant_type", "device", "code", started["device_code"])))
}

// startDevice returns the form that polls.
func (b *bench) startDevice() url.Values {
	started := b.success(b.post(tokenPath, withSecret("response_type", "device_code")))
	return withSecret("grant_type", "device", "code", started["device_code"])
}
