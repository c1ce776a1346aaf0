package appsetup

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/explain"
	"github.com/sftoken/sftoken/internal/rest"
)

// script answers requests in their order: a body, a status before it ("403 …"), or an error ("! …"). The last goes on.
type script struct {
	answers []string
	asked   []string
	sent    []string
}

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	s.asked = append(s.asked, r.Method+" "+r.URL.RequestURI())
	if r.Body != nil {
		body, _ := io.ReadAll(r.Body)
		s.sent = append(s.sent, string(body))
	}
	answer := s.answers[0]
	if len(s.answers) > 1 {
		s.answers = s.answers[1:]
	}
	if text, lost := strings.CutPrefix(answer, "! "); lost {
		return nil, &sftoken.TransportError{Endpoint: "api", URL: r.URL.Path, Err: errors.New(text)}
	}
	status := http.StatusOK
	for code, text := range map[int]string{400: "400 ", 403: "403 ", 404: "404 ", 500: "500 "} {
		if rest, ok := strings.CutPrefix(answer, text); ok {
			status, answer = code, rest
		}
	}
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(answer)), Request: r}, nil
}

func orgOf(s *script) *Org {
	api := rest.New(s, "https://acme.my.salesforce.com")
	api.Version = "68.0"
	return &Org{API: api, Now: time.Now, Token: func(context.Context, sftoken.Secret) (sftoken.Secret, error) {
		return sftoken.NewSecret("00D000000000001!session"), nil
	}}
}

const (
	begun   = `{"id":"0Af000000000001AAA"}`
	pending = `{"deployResult":{"id":"0Af000000000001AAA","done":false,"status":"InProgress","numberComponentsDeployed":2,"numberComponentsTotal":5}}`
	done    = `{"deployResult":{"id":"0Af000000000001AAA","done":true,"success":true,"status":"Succeeded","details":{"componentSuccesses":[{"componentType":"","id":""},{"componentType":"ExternalClientApplication","fullName":"sftoken","id":"0xI000000000001AAA"}]}}}`
)

func failed(problems ...string) string {
	var list []string
	for _, p := range problems {
		kind, problem, _ := strings.Cut(p, "|")
		list = append(list, `{"componentType":"`+kind+`","fullName":"x","problem":"`+problem+`","problemType":"Error"}`)
	}
	return `{"deployResult":{"id":"0Af000000000001AAA","done":true,"status":"Failed","details":{"componentFailures":[` + strings.Join(list, ",") + `]}}}`
}

// The wait outlives lost connections, servers that are busy and answers that never come (proof 3), and tells of each.
func TestDeployOutlivesLostConnections(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &script{answers: []string{begun, pending, "! connection reset", `500 <html>`, pending, done}}
		lost, last := 0, Progress{}
		deployed, err := orgOf(s).Deploy(t.Context(), wanted(), DeployOptions{OnProgress: func(p Progress) {
			if p.Lost != nil {
				lost++
				return
			}
			last = p
		}})
		if err != nil || deployed.AppID != "0xI000000000001AAA" || lost != 2 || last.Status != "Succeeded" {
			t.Errorf("got %+v, %v; %d lost; last %+v", deployed, err, lost, last)
		}
		if s.asked[0] != "POST /services/data/v67.0/metadata/deployRequest" || s.asked[1] != "GET /services/data/v67.0/metadata/deployRequest/0Af000000000001AAA?includeDetails=true" {
			t.Errorf("asked %q", s.asked)
		}
		if !strings.HasSuffix(strings.TrimSpace(s.sent[0]), "--") || !strings.Contains(s.sent[0], `"rollbackOnError":true`) || !strings.Contains(s.sent[0], `"checkOnly":false`) {
			t.Errorf("sent %.900q", s.sent[0])
		}
	})
}

// A deployment that takes too long is left to itself, with its id; one that the person gives up is stopped.
func TestDeployEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &script{answers: []string{begun, pending}}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := orgOf(s).Deploy(ctx, wanted(), DeployOptions{})
		if !errors.Is(err, ErrDeployTimeout) || !errors.Is(err, sftoken.ErrTemporary) || !strings.Contains(err.Error(), "0Af000000000001AAA") {
			t.Errorf("got %v", err)
		}
		if n := len(s.asked); n > 25 || strings.HasPrefix(s.asked[n-1], "PATCH") {
			t.Errorf("asked %d times, the last %s", n, s.asked[n-1])
		}
	})
	synctest.Test(t, func(t *testing.T) {
		s := &script{answers: []string{begun, pending}}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(10*time.Second, cancel)
		_, err := orgOf(s).Deploy(ctx, wanted(), DeployOptions{})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		if last := s.asked[len(s.asked)-1]; last != "PATCH /services/data/v67.0/metadata/deployRequest/0Af000000000001AAA" || !strings.Contains(s.sent[1], "Canceling") {
			t.Errorf("the last request is %s", last)
		}
	})
}

// Each refusal is told with component and reason, and finds its explanation.
func TestDeployRefused(t *testing.T) {
	t.Parallel()
	for want, answers := range map[string][]string{
		"deploy-refused":             {begun, failed("ExternalClientApplication|Something new")},
		"deploy-app-incomplete":      {begun, failed("ExtlClntAppGlobalOauthSettings|The external client app configured in your global OAuth Settings doesn't have a valid OAuth settings configuration.")},
		"deploy-app-reference":       {begun, failed("ExtlClntAppOauthConfigurablePolicies|INVALID_FIELD: We couldn't find permission sets called Nope")},
		"deploy-app-scope":           {begun, failed("ExtlClntAppOauthSettings|'MCP' is not a valid value for the enum 'OauthScopes'")},
		"deploy-app-type-off":        {begun, failed("ExternalClientApplication|Not available for deploy for this organization")},
		"setup-no-new-connected-app": {begun, failed("ConnectedApp|You can't create a connected app. To enable connected app creation, contact Salesforce Customer Support.")},
		"deploy-no-permission":       {`403 [{"errorCode":"INSUFFICIENT_ACCESS","message":"use of the Metadata API requires a user with the ModifyAllData or ModifyMetadata permissions"}]`},
		"api-off":                    {`403 [{"errorCode":"API_DISABLED_FOR_ORG","message":"The REST API is not enabled for this Organization."}]`},
	} {
		synctest.Test(t, func(t *testing.T) {
			_, err := orgOf(&script{answers: answers}).Deploy(t.Context(), wanted(), DeployOptions{})
			refused, ok := errors.AsType[*DeployError](err)
			if !ok || len(refused.Failures) != 1 {
				t.Fatalf("%s: got %v", want, err)
			}
			entry := explain.Find(err)
			if entry == nil || entry.ID != want {
				t.Errorf("%s: explained by %+v", want, entry)
			}
			blocked := want == "deploy-no-permission" || want == "deploy-app-type-off" || want == "setup-no-new-connected-app"
			if errors.Is(err, sftoken.ErrBlocked) != blocked {
				t.Errorf("%s: blocked is %v", want, !blocked)
			}
		})
	}
}

// The org has policies of its own already: they are taken by the names that its refusal tells, once.
func TestDeployTakesTheOrgsNames(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		refusal := failed(
			"ExtlClntAppOauthConfigurablePolicies|DUPLICATE_VALUE: ExtlClntAppOauthSettingsId duplicates value on sftoken_oauthPlcy",
			"ExtlClntAppConfigurablePolicies|DUPLICATE_VALUE: ExternalClientApplicationId duplicates value on sftoken_plcy")
		s := &script{answers: []string{begun, refusal, begun, done}}
		if _, err := orgOf(s).Deploy(t.Context(), wanted(), DeployOptions{}); err != nil {
			t.Fatal(err)
		}
		s = &script{answers: []string{begun, refusal, begun, refusal}}
		if _, err := orgOf(s).Deploy(t.Context(), wanted(), DeployOptions{}); err == nil || len(s.asked) != 4 {
			t.Errorf("%d requests, %v", len(s.asked), err)
		}
	})
	names := defaultPolicyNames("a")
	if (&DeployError{Failures: []Failure{{"ExtlClntAppOauthSettings a", "duplicates value on b"}}}).rename(&names) || names != defaultPolicyNames("a") {
		t.Error("another component's name was taken")
	}
}

// Whatever an org says, nothing of it moves the cursor or floods the screen.
func TestRefusalIsTame(t *testing.T) {
	t.Parallel()
	d := &deployment{Status: "Failed"}
	d.Details.Failures = []componentResult{{Problem: "a\x1b[2J\u202eb" + strings.Repeat("x", 5000)}, {Problem: "only so", ProblemType: "Warning"}}
	e := refusal("x", d)
	if text := e.Error(); strings.ContainsAny(text, "\x1b\u202e") || len(text) > 800 || len(e.Failures) != 1 {
		t.Errorf("got %d characters: %.60q", len(text), text)
	}
}

func TestReady(t *testing.T) {
	t.Parallel()
	const address = "https://acme.my.salesforce.com/services/oauth2/authorize?client_id=x&state=SECRET"
	refused := "400 error=invalid_client_id&error_description=client%20identifier%20invalid"
	for name, c := range map[string]struct {
		answers []string
		asked   int
		id      string
	}{
		"known":        {[]string{"<html>login"}, 1, ""},
		"spreads":      {[]string{refused, "! dial", "400 error=redirect_uri_mismatch", "<html>"}, 4, ""},
		"page":         {[]string{`<script>location="\/setup\/secur\/RemoteAccessErrorPage.apexp?error=app_not_found&amp;error_description=x"</script>`, "<html>"}, 2, ""},
		"never":        {[]string{refused}, 0, "app-not-ready"},
		"another":      {[]string{"400 error=invalid_scope&error_description=the+requested+scope+is+not+allowed"}, 1, "scope-not-on-app"},
		"login script": {[]string{`<script>var x = "?error=invalid_client_id"</script>`}, 1, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &script{answers: c.answers}
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
			defer cancel()
			err := Ready(ctx, &http.Client{Transport: s}, address, func(error) {})
			id := ""
			if entry := explain.Find(err); entry != nil {
				id = entry.ID
			}
			if (err == nil) != (c.id == "") || id != c.id || c.asked > 0 && len(s.asked) != c.asked {
				t.Errorf("%s: %v (%s) after %d requests", name, err, id, len(s.asked))
			}
			if err != nil && strings.Contains(err.Error(), "SECRET") {
				t.Errorf("%s: the state is told", name)
			}
		})
	}
}

// The names under which an org keeps settings and policies are tried, and only what belongs to the app counts.
func TestCurrentAndCheck(t *testing.T) {
	t.Parallel()
	answer := func(records string) string {
		return `<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsi="x"><soapenv:Body><readMetadataResponse><result>` +
			records + `</result></readMetadataResponse></soapenv:Body></soapenv:Envelope>`
	}
	s := &script{answers: []string{
		answer(`<records xsi:type="ExternalClientApplication"><fullName>crm</fullName><distributionState>Local</distributionState><label>CRM</label></records>`),
		answer(`<records xsi:nil="true"/><records><fullName>crm_glbloauth</fullName><callbackUrl>https://a.example/cb/` + "\n" + `http://localhost:1717/x</callbackUrl><consumerKey>KEY</consumerKey><externalClientApplication>crm</externalClientApplication><isRefreshTokenRotationEnabled>false</isRefreshTokenRotationEnabled></records>`),
		answer(`<records><fullName>crm_oauth</fullName><externalClientApplication>crm</externalClientApplication><commaSeparatedOauthScopes>Api, Web</commaSeparatedOauthScopes></records>`),
		answer(`<records><fullName>other</fullName><externalClientApplication>other</externalClientApplication></records><records><fullName>crm_oauthPlcy</fullName><externalClientApplication>crm</externalClientApplication><permittedUsersPolicyType>AdminApprovedPreAuthorized</permittedUsersPolicyType><refreshTokenPolicyType>Zero</refreshTokenPolicyType></records>`),
		answer(`<records><fullName>crm_plcy</fullName><externalClientApplication>crm</externalClientApplication><isEnabled>false</isEnabled></records>`),
	}}
	c, err := orgOf(s).Current(t.Context(), "crm")
	if err != nil {
		t.Fatal(err)
	}
	pool, _ := sftoken.ParseHost("login")
	var ids []string
	use := Use{App: sftoken.App{ClientID: "OTHER", Host: pool, RedirectURI: "https://a.example/CB", Scopes: []string{"api", "refresh_token", "chatter_api"}}}
	use.Flows = []sftoken.Flow{sftoken.FlowWebServer, sftoken.FlowDevice, sftoken.FlowJWTBearer, sftoken.FlowClientCredentials}
	for _, f := range c.Check(use) {
		ids = append(ids, string(f.Level[0])+" "+f.ID)
	}
	want := []string{
		"p disabled", "p other-key", "p local-pool", "p scope-refresh", "p scope-asked", "p callback-near", "p secret-login", "p secret-refresh",
		"p device-off", "p jwt-certificate", "p client-credentials-off", "p run-as", "p no-secret", "p client-credentials-host", "p refresh-never",
		"p nobody", "a rotation",
	}
	if diff := cmp.Diff(want, ids); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
	if strings.Count(strings.Join(s.sent, ""), "00D000000000001!session") != 5 {
		t.Error("the session is not in the requests")
	}
	fine := &Current{Enabled: true, Scopes: []string{"api", "refresh_token"}, RedirectURIs: []string{sftoken.DefaultRedirectURI}, PKCE: true, Rotation: true}
	fine.policies(oauthPolicy{RefreshTokenPolicy: "SpecificInactivity", RefreshTokenValidity: 30, RefreshTokenUnit: "Days"})
	for _, f := range fine.Check(Use{App: sftoken.App{RedirectURI: sftoken.DefaultRedirectURI}}) {
		if f.Level == Problem {
			t.Errorf("a sound app has a problem: %s", f.ID)
		}
	}
}

// Staged credentials are understood in both forms that they come in, what stands in the way is told apart, and no error
// repeats a secret.
func TestStage(t *testing.T) {
	t.Parallel()
	consumer := Consumer{AppID: "0xI1", ID: "888", Key: "OLD"}
	for name, c := range map[string]struct {
		answers []string
		id      string
	}{
		"list":     {[]string{`404 [{"errorCode":"NOT_FOUND","message":"x"}]`, `{"stagedCredentials":[{"id":"1","key":"NEW","secret":"SECRET","state":"Active","expirationDate":"2026-12-20T10:00:00.000Z"}]}`}, ""},
		"one":      {[]string{`{"stagedCredentials":[]}`, `{"id":"1","key":"NEW","secret":"SECRET"}`}, ""},
		"expired":  {[]string{`{"stagedCredentials":[{"id":"0","key":"X","state":"Expired"}]}`, `{"id":"1","key":"NEW","secret":"SECRET"}`}, ""},
		"previous": {[]string{`{"stagedCredentials":[{"id":"0","key":"X","state":"Rotated"}]}`}, "app-secret-previous"},
		"foreign":  {[]string{`{"stagedCredentials":[{"id":"0","key":"X","state":"Active"}]}`}, "app-secret-staged"},
		"closed":   {[]string{`403 [{"errorCode":"FUNCTIONALITY_NOT_ENABLED","message":"not currently enabled"}]`}, "app-secret-unreadable"},
		"empty":    {[]string{`{"stagedCredentials":[]}`, `{}`}, "app-secret-unreadable"},
		"odd":      {[]string{`{"stagedCredentials":[]}`, `{"secret":{"SECRET":1}}`}, "-"},
	} {
		staged, err := orgOf(&script{answers: c.answers}).Stage(t.Context(), "crm", consumer)
		id := ""
		if named, ok := err.(interface{ ErrorID() string }); ok {
			id = named.ErrorID()
		} else if err != nil {
			id = "-"
		}
		if id != c.id || err == nil && (staged.ID != "1" || staged.Key != "NEW" || !staged.Secret.Equal(sftoken.NewSecret("SECRET"))) {
			t.Errorf("%s: %+v, %v", name, staged, err)
		}
		if err != nil && strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%s: the error tells the secret", name)
		}
	}
}

// Promoting again after a lost answer does nothing, and credentials that the org has forgotten are told.
func TestPromote(t *testing.T) {
	t.Parallel()
	consumer, staged := Consumer{AppID: "0xI1", ID: "888"}, &Staged{ID: "1", Key: "NEW"}
	s := &script{answers: []string{`{"id":"888","key":"NEW"}`}}
	if gone, err := orgOf(s).Promote(t.Context(), consumer, staged); gone || err != nil || len(s.asked) != 1 {
		t.Errorf("promoted already: %v, %v, %q", gone, err, s.asked)
	}
	s = &script{answers: []string{`{"id":"888","key":"OLD"}`, `{"id":"1","state":"Rotated"}`}}
	if gone, err := orgOf(s).Promote(t.Context(), consumer, staged); gone || err != nil || s.asked[1] != "PATCH /services/data/v67.0/apps/oauth/credentials/0xI1/888/staged/1" || s.sent[0] != `{"command":"rotate"}` {
		t.Errorf("to be promoted: %v, %v, %q %q", gone, err, s.asked, s.sent)
	}
	s = &script{answers: []string{`{"id":"888","key":"OLD"}`, `404 [{"errorCode":"NOT_FOUND","message":"x"}]`}}
	if gone, err := orgOf(s).Promote(t.Context(), consumer, staged); !gone || err != nil {
		t.Errorf("forgotten: %v, %v", gone, err)
	}
}

// The key is looked up by the app's name where the id of the deployment leads nowhere, and in the metadata where the list of
// credentials is closed.
func TestKey(t *testing.T) {
	t.Parallel()
	missing := `404 [{"errorCode":"NOT_FOUND","message":"x"}]`
	usage := `{"apps":[{"developerName":"other","identifier":"0xI9"},{"developerName":"crm","identifier":"0xI1"}],"nextPageUrl":null}`
	s := &script{answers: []string{missing, usage, `{"consumers":[{"id":"888"}]}`, `{"id":"888","key":"KEY"}`}}
	if c, err := orgOf(s).Key(t.Context(), "crm", "0XX1"); err != nil || c != (Consumer{"0xI1", "888", "KEY"}) {
		t.Errorf("by name: %+v, %v", c, err)
	}
	soap := `<E><Body><readMetadataResponse><result><records><fullName>crm</fullName><consumerKey>KEY</consumerKey><externalClientApplication>crm</externalClientApplication></records></result></readMetadataResponse></Body></E>`
	s = &script{answers: []string{`403 [{"errorCode":"INSUFFICIENT_ACCESS","message":"x"}]`, soap}}
	if c, err := orgOf(s).Key(t.Context(), "crm", ""); err != nil || c.Key != "KEY" {
		t.Errorf("by metadata: %+v, %v", c, err)
	}
	fault := `500 <E><Body><Fault><faultcode>sf:INSUFFICIENT_ACCESS</faultcode><faultstring>INSUFFICIENT_ACCESS: no</faultstring></Fault></Body></E>`
	s = &script{answers: []string{`403 [{"errorCode":"INSUFFICIENT_ACCESS","message":"x"}]`, fault}}
	if _, err := orgOf(s).Key(t.Context(), "crm", ""); explain.Find(err) == nil || explain.Find(err).ID != "app-key-unreadable" {
		t.Errorf("by neither: %v", err)
	}
}
