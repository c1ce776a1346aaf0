package emulator_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/sftoken/sftoken/emulator"
)

// headless is an authorize request as an app without a browser sends it: the user's name and password are still to be added.
func headless(b *bench, changes url.Values) *http.Request {
	form := url.Values{
		"response_type": {"code_credentials"}, "client_id": {emulator.ClientIDConfidential}, "redirect_uri": {callback}, "state": {"s1"},
		"code_challenge": {challenge(verifier)},
	}
	for name, values := range changes {
		form[name] = values
	}
	r := b.request(http.MethodPost, site+"/services/oauth2/authorize", form)
	r.Header.Set("Auth-Request-Type", "Named-User")
	return r
}

// exchange spends the code of a headless answer, at the site.
func (b *bench) exchange(a answer) map[string]string {
	b.t.Helper()
	code := b.success(a)["code"]
	return b.success(b.post(site+tokenPath, codeForm(emulator.ClientIDConfidential, code)))
}

func TestCodeCredentials(t *testing.T) {
	t.Parallel()
	b := startWorld(t)
	r := headless(b, nil)
	r.SetBasicAuth(outsider, emulator.Password)
	a := b.do(r)
	if got := names(b.success(a)); got != "code sfdc_community_id sfdc_community_url state" {
		t.Errorf("answer has %s", got)
	}
	tokens := b.exchange(a)
	if tokens["sfdc_community_url"] != b.URL+site || tokens["instance_url"] != b.URL+"/acme" || tokens["refresh_token"] == "" || len(tokens["sfdc_community_id"]) != 18 {
		t.Errorf("tokens %v", tokens)
	}
	if a := b.get(site+"/services/data/v64.0", tokens["access_token"]); a.status != http.StatusOK {
		t.Errorf("data API below the site: %d", a.status)
	}
	b.exchange(b.do(headless(b, url.Values{"username": {outsider}, "password": {emulator.Password}})))

	// What is not taken for headless gets the login page, with 200.
	for _, on := range []bool{false, true} {
		update(t, b, emulator.ClientIDConfidential, func(a *emulator.App) { a.CodeCredentials, a.CodeCredentialsPostOnly = on, true })
		r := headless(b, nil)
		r.SetBasicAuth(outsider, emulator.Password)
		if a := b.do(r); a.status != http.StatusOK || !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") {
			t.Errorf("on %t, credentials in the header: %d %s", on, a.status, a.header.Get("Content-Type"))
		}
	}
	b.exchange(b.do(headless(b, url.Values{"username": {outsider}, "password": {emulator.Password}})))
}

func TestHeadlessIdentity(t *testing.T) {
	t.Parallel()
	b := startWorld(t)
	const newcomer = "nora@partner.example"
	send := func(path, body string) answer {
		r := b.request(http.MethodPost, site+"/services/auth/headless/"+path, nil)
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
		r.Header.Set("Content-Type", "application/json")
		return b.do(r)
	}
	finish := func(kind, identifier, code string) answer {
		r := headless(b, nil)
		r.Header.Set("Auth-Request-Type", kind)
		r.Header.Set("Auth-Verification-Type", "email")
		r.SetBasicAuth(identifier, code)
		return b.do(r)
	}
	login := func(username, password string) answer {
		return b.do(headless(b, url.Values{"username": {username}, "password": {password}}))
	}
	registration := `{"userdata":{"firstName":"Nora","lastName":"New","email":"` + newcomer + `","username":"` + newcomer + `"},"customdata":{},"password":"first-1","recaptcha":"x","verificationmethod":"email"}`
	identifier := b.success(send("init/registration", registration))["identifier"]
	b.refused(finish("user-registration", identifier, "000000"), "invalid_otp", "invalid one-time password")
	b.refused(login(newcomer, "first-1"), "invalid_grant", "invalid user credentials")
	b.exchange(finish("user-registration", identifier, emulator.VerificationCode))
	b.refused(finish("user-registration", identifier, emulator.VerificationCode), "invalid_otp", "invalid one-time password")
	b.exchange(login(newcomer, "first-1"))
	b.refused(send("init/registration", registration), "failed_registration", "the user could not be registered")

	identifier = b.success(send("init/passwordless/login", `{"username":"`+newcomer+`","verificationmethod":"email"}`))["identifier"]
	b.exchange(finish("passwordless-login", identifier, emulator.VerificationCode))
	nobody := b.success(send("init/passwordless/login", `{"username":"nobody"}`))["identifier"]
	if len(nobody) != len(identifier) {
		t.Error("the answer tells whether a user exists")
	}
	b.refused(finish("passwordless-login", nobody, emulator.VerificationCode), "invalid_otp", "invalid one-time password")

	for _, name := range []string{newcomer, "nobody"} {
		if a := send("forgot_password", `{"username":"`+name+`"}`); a.body != `{"status_code":"otp_sent"}` {
			t.Errorf("forgot_password of %s: %s", name, a.body)
		}
	}
	b.refused(send("forgot_password", `{"username":"`+newcomer+`","newpassword":"second-2","otp":"1"}`), "invalid_otp", "invalid one-time password")
	if a := send("forgot_password", `{"username":"`+newcomer+`","newpassword":"second-2","otp":"`+emulator.VerificationCode+`"}`); a.body != `{"status_code":"success"}` {
		t.Errorf("forgot_password: %s", a.body)
	}
	b.exchange(login(newcomer, "second-2"))

	if a := b.get(site+"/services/oauth2/echo?code=c&state=s", ""); a.body != `{"code":"c","state":"s"}` {
		t.Errorf("echo: %s", a.body)
	}
	if a := b.post("/services/auth/headless/forgot_password", url.Values{}); a.status != http.StatusNotFound {
		t.Errorf("away from a site: %d", a.status)
	}
}
