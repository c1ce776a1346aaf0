package emulator_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sftoken/sftoken/emulator"
)

// E-12: POST and GET, token alone; an access token ends alone, a refresh token takes all; refusals as form text.
func TestRevoke(t *testing.T) {
	t.Parallel()
	b := start(t)
	const path, id = "/services/oauth2/revoke", emulator.ClientIDPublic
	tokens := b.login(id)
	other := b.success(b.refresh(id, tokens["refresh_token"]))["access_token"]
	if a := b.post(path, url.Values{"token": {tokens["access_token"]}}); a.status != http.StatusOK || a.body != "" {
		t.Errorf("revoke access token: %d %q, want 200 and nothing", a.status, a.body)
	}
	if b.alive(tokens["access_token"]) || !b.alive(other) {
		t.Error("revoking an access token must end that one only")
	}
	b.success(b.refresh(id, tokens["refresh_token"]))
	b.success(b.get(path+"?token="+url.QueryEscape(tokens["refresh_token"]), ""))
	if b.alive(other) {
		t.Error("an access token outlived its refresh token")
	}
	b.refused(b.refresh(id, tokens["refresh_token"]), "invalid_grant", expired)
	for token, want := range map[string]string{
		tokens["refresh_token"]: "error=invalid_token&error_description=invalid%20token",
		"unknown":               "error=invalid_token&error_description=invalid%20token",
		"":                      "error=unsupported_token_type&error_description=this%20token%20type%20is%20not%20supported",
	} {
		if a := b.post(path, url.Values{"token": {token}}); a.status != http.StatusBadRequest || a.body != want {
			t.Errorf("revoke %.10q: %d %s, want 400 %s", token, a.status, a.body, want)
		}
	}
	live := b.login(id)["refresh_token"]
	if a := b.get(path+"?callback=a.b&token="+live, ""); a.body != "a.b({})" {
		t.Errorf("JSONP: %s", a.body)
	}
	if a := b.get(path+"?callback=a.b&token="+live, ""); a.body != `a.b({"error":"invalid_token"})` {
		t.Errorf("JSONP refusal: %s", a.body)
	}
	if a := b.get(path+"?callback=alert(1)//&token=x", ""); strings.Contains(a.body, "alert") {
		t.Errorf("JSONP with a script for a name: %s", a.body)
	}
}

// E-13: the app must authenticate, sees its own tokens only, and looking changes nothing.
func TestIntrospect(t *testing.T) {
	t.Parallel()
	b := start(t)
	update(t, b, emulator.ClientIDRotating, func(a *emulator.App) { a.SecretlessIntrospection = true })
	ask := func(clientID, secret, token string) answer {
		return b.post("/services/oauth2/introspect", url.Values{"client_id": {clientID}, "client_secret": {secret}, "token": {token}})
	}
	const id, secret = emulator.ClientIDConfidential, emulator.ClientSecretConfidential
	tokens := b.login(id)
	for kind, token := range map[string]string{"access_token": tokens["access_token"], "refresh_token": tokens["refresh_token"]} {
		a := ask(id, secret, token)
		var got map[string]any
		if err := json.Unmarshal([]byte(a.body), &got); err != nil {
			t.Fatal(err)
		}
		want := []string{"active", "client_id", "iat", "nbf", "scope", "sub", "token_type", "username"}
		if kind == "access_token" {
			want = []string{"active", "client_id", "exp", "iat", "nbf", "scope", "sub", "token_type", "username"}
			if got["exp"].(float64)-got["iat"].(float64) != 7200 {
				t.Errorf("access token lives %v to %v, want two hours", got["iat"], got["exp"])
			}
		}
		if diff := cmp.Diff(want, slices.Sorted(maps.Keys(got))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", kind, diff)
		}
		if got["token_type"] != kind || got["username"] != emulator.Username || got["sub"] != tokens["id"] {
			t.Errorf("%s: %v", kind, got)
		}
		if a := ask(emulator.ClientIDRotating, "", token); a.body != `{"active":false}` {
			t.Errorf("another app asks: %s", a.body)
		}
	}
	b.refused(ask(id, "", "x"), "invalid_client", "invalid client credentials")
	b.refused(ask(id, "wrong", "x"), "invalid_client", "invalid client credentials")
	b.refused(ask(emulator.ClientIDPublic, "", "x"), "invalid_client", "invalid client credentials")

	// A spent token is inactive, and asking about it does not kill the grant.
	first := b.login(emulator.ClientIDRotating)["refresh_token"]
	second := b.success(b.refresh(emulator.ClientIDRotating, first))["refresh_token"]
	if a := ask(emulator.ClientIDRotating, "", first); a.body != `{"active":false}` {
		t.Errorf("spent token: %s", a.body)
	}
	if a := ask(emulator.ClientIDRotating, "", second); !strings.Contains(a.body, `"active":true`) {
		t.Errorf("living token: %s", a.body)
	}
	b.success(b.refresh(emulator.ClientIDRotating, second))
}

// E-14, and the shape jsforce asks for.
func TestUserinfoAndIdentity(t *testing.T) {
	t.Parallel()
	b := start(t)
	tokens := b.success(b.post("/services/oauth2/token", codeForm(emulator.ClientIDPublic, b.code(emulator.ClientIDPublic, "scope", "api"))))
	token, path := tokens["access_token"], strings.TrimPrefix(tokens["id"], b.URL)
	var info, identity map[string]any
	if err := json.Unmarshal([]byte(b.get("/services/oauth2/userinfo", token).body), &info); err != nil {
		t.Fatal(err)
	}
	if info["sub"] != tokens["id"] || info["preferred_username"] != emulator.Username || info["organization_id"] == "" || info["utcOffset"] == nil {
		t.Errorf("userinfo: %v", info)
	}
	if err := json.Unmarshal([]byte(b.get(path+"?format=json&version=latest&oauth_token="+url.QueryEscape(token), "").body), &identity); err != nil {
		t.Fatal(err)
	}
	links := identity["urls"].(map[string]any)
	if identity["username"] != emulator.Username || links["rest"] != b.URL+"/services/data/v68.0/" || len(links) != 17 {
		t.Errorf("identity: %v", identity)
	}
	foreign := strings.Replace(path, "00DEMU000000001", "00DEMU000000002", 1)[:len("/id/00DEMU000000002")] + path[len("/id/00DEMU000000001MAA"):]
	for _, row := range []struct {
		path, token string
		status      int
		want        string
	}{
		{"/services/oauth2/userinfo", "", 403, "Missing_OAuth_Token"},
		{"/services/oauth2/userinfo", "dead", 403, "Bad_OAuth_Token"},
		{path, "dead", 403, "Bad_OAuth_Token"},
		{foreign, token, 403, "Wrong_Org"},
		{path[:len(path)-18] + "005EMU000000002", token, 403, "No_Access"},
		{"/id/x/y", token, 404, "Bad_Id"},
		{path + "?version=x", token, 406, "Invalid_Version"},
		{path + "?format=jsonp&callback=1", token, 406, "Invalid_Callback"},
		{"/services/oauth2/singleaccess", token, 403, "Invalid_Scope"},
	} {
		if a := b.get(row.path, row.token); a.status != row.status || a.body != row.want {
			t.Errorf("GET %s: %d %.60s, want %d %s", row.path, a.status, a.body, row.status, row.want)
		}
	}
}

func TestSingleAccess(t *testing.T) {
	t.Parallel()
	b := start(t)
	token := b.login(emulator.ClientIDPublic)["access_token"]
	target := b.success(b.get("/services/oauth2/singleaccess?redirect_uri=/x", token))["frontdoor_uri"]
	pass := strings.TrimPrefix(target, b.URL)
	a := b.get(pass, "")
	if a.header.Get("Location") != "/x" || a.header.Get("Set-Cookie") == "" {
		t.Errorf("frontdoor: Location %q, cookie %t", a.header.Get("Location"), a.header.Get("Set-Cookie") != "")
	}
	if a := b.get(pass, ""); a.header.Get("Set-Cookie") != "" {
		t.Error("the pass worked twice")
	}
	if a := b.get("/services/oauth2/singleaccess?redirect_uri=https://x/", token); a.body != "Invalid_Param" {
		t.Errorf("absolute redirect: %s", a.body)
	}
	late := strings.TrimPrefix(b.success(b.get("/services/oauth2/singleaccess", token))["frontdoor_uri"], b.URL)
	b.Emulator().Advance(61e9)
	if a := b.get(late, ""); a.header.Get("Set-Cookie") != "" {
		t.Error("the pass worked after 61 seconds")
	}
}

// E-15: the members of the captured documents and no others.
func TestDiscovery(t *testing.T) {
	t.Parallel()
	b := start(t)
	for path, want := range map[string]string{
		"/.well-known/openid-configuration": "authorization_endpoint claims_supported display_values_supported id_token_signing_alg_values_supported " +
			"introspection_endpoint issuer jwks_uri registration_endpoint response_types_supported revocation_endpoint scopes_supported " +
			"subject_types_supported token_endpoint token_endpoint_auth_methods_supported userinfo_endpoint",
		"/.well-known/oauth-authorization-server": "authorization_endpoint code_challenge_methods_supported grant_types_supported issuer response_types_supported " +
			"scopes_supported token_endpoint token_endpoint_auth_methods_supported",
	} {
		var document map[string]any
		a := b.get(path, "")
		if err := json.Unmarshal([]byte(a.body), &document); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(slices.Sorted(maps.Keys(document)), " "); got != want {
			t.Errorf("%s has %s, want %s", path, got, want)
		}
		if document["issuer"] != b.URL || a.header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: issuer %v, CORS %q", path, document["issuer"], a.header.Get("Access-Control-Allow-Origin"))
		}
		if scopes := document["scopes_supported"].([]any); strings.Contains(path, "openid") && len(scopes) != 36 {
			t.Errorf("%d scopes, want 36", len(scopes))
		}
	}
}

// E-25: what the Salesforce CLI asks after a login, in its spellings (clients.md 3.3 to 3.6, 3.22 to 3.26).
func TestDataAPI(t *testing.T) {
	t.Parallel()
	b := start(t)
	tokens := b.login(emulator.ClientIDPlatformCLI)
	token := tokens["access_token"]
	user := tokens["id"][len(tokens["id"])-18:]
	soql := func(q string) string { return "/services/data/v51.0/query?q=" + url.QueryEscape(q) }
	organization := "SELECT Name, InstanceName, IsSandbox, TrialExpirationDate, NamespacePrefix, OrganizationType FROM Organization"
	for _, row := range []struct {
		path, token string
		status      int
		want        string // in the body
	}{
		{"/services/data", "", 200, `{"label":"Winter '27","url":"/services/data/v68.0","version":"68.0"}`},
		{"/services/data/", "", 200, `{"label":"Spring '26","url":"/services/data/v66.0","version":"66.0"}`},
		{"/services/data/v64.0", "", 401, "INVALID_SESSION_ID"},
		{"/services/data/v64.0", token, 200, `"query":"/services/data/v64.0/query"`},
		{"/services/data/v50.0/", token, 200, `"limits"`},
		{"//services/data/v64.0/limits", token, 200, "DailyApiRequests"},
		{"/services/data/v51.0/sobjects/User/" + user, token, 200, `"Username":"amelia@acme.example"`},
		{"/services/data/v51.0/sobjects/User/005000000000000", token, 404, `"errorCode":"NOT_FOUND"`},
		{soql("SELECT Id FROM ScratchOrgInfo limit 1"), token, 400, `[{"message":"sObject type 'ScratchOrgInfo' is not supported. If you`},
		{soql(organization), token, 200, `"totalSize":1`},
		{soql(organization) + "&columns=true", token, 200, `"columnMetadata":[]`},
		{strings.Replace(soql(organization), "query?", "query/?", 1), token, 200, `"Name":"Acme"`},
		{soql("select Id, Username from User where Username = 'hanako@acme.example'"), token, 200, `"totalSize":1`},
		{soql("SELECT Nonsense FROM User"), token, 400, "INVALID_FIELD"},
		{soql("DELETE"), token, 400, "MALFORMED_QUERY"},
		{"/services/data/v51.0/tooling/query?q=" + url.QueryEscape("SELECT Id FROM SandboxProcess WHERE SandboxOrganization='00DEMU000000001'"), token, 200, `"totalSize":0`},
		{"/services/data/v64.0/nonsense", token, 404, "NOT_FOUND"},
	} {
		a := b.get(row.path, row.token)
		if a.status != row.status || !strings.Contains(a.body, row.want) {
			t.Errorf("GET %s: %d %.200s, want %d %s", row.path, a.status, a.body, row.status, row.want)
		}
	}
	for header, want := range map[string]int{"OAuth " + token: 200, "bearer " + token: 200, "OAuth ": 401, "Basic " + token: 401} {
		r := b.request(http.MethodGet, "/services/data/v64.0", nil)
		r.Header.Set("Authorization", header)
		if a := b.do(r); a.status != want {
			t.Errorf("Authorization %.8s: %d, want %d", header, a.status, want)
		}
	}
	web := b.success(b.post("/services/oauth2/token", codeForm(emulator.ClientIDPublic, b.code(emulator.ClientIDPublic, "scope", "web"))))
	if a := b.get("/services/data/v64.0", web["access_token"]); a.status != 401 || !strings.Contains(a.body, "This session is not valid for use with the REST API") {
		t.Errorf("token without api: %d %s", a.status, a.body)
	}
	if err := b.Emulator().UpdateOrg("acme", func(o *emulator.Org) { o.DevHub = true }); err != nil {
		t.Fatal(err)
	}
	b.success(b.get(soql("SELECT Id FROM ScratchOrgInfo limit 1"), token))
}
