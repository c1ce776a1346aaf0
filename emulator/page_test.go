package emulator_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/sftoken/sftoken/emulator"
)

// view is one page as a browser gets it.
type view struct {
	response *http.Response
	url      *url.URL
	doc      *html.Node
	text     string
}

type walk func(method, target string, form url.Values) view

// walker is a browser that follows redirects within the emulator and stops before it leaves it.
func walker(t *testing.T, b *bench, language string) walk {
	client := b.Client()
	client.Jar, _ = cookiejar.New(nil)
	client.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if r.URL.Port() != "" && !strings.HasPrefix(r.URL.String(), b.URL) {
			return http.ErrUseLastResponse
		}
		return nil
	}
	return func(method, target string, form url.Values) view {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept-Language", language)
		if form != nil {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		response, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := html.Parse(strings.NewReader(string(body)))
		if err != nil {
			t.Fatal(err)
		}
		return view{response, response.Request.URL, doc, string(body)}
	}
}

func (v view) form(changes ...string) url.Values {
	values := url.Values{}
	for node := range v.doc.Descendants() {
		if node.Data == "input" {
			values.Set(attribute(node, "name"), attribute(node, "value"))
		}
	}
	for i := 0; i < len(changes); i += 2 {
		values.Set(changes[i], changes[i+1])
	}
	return values
}

func attribute(node *html.Node, name string) string {
	for _, a := range node.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// Every page, in both languages: marked as emulator, in the right language, accessible, without scripts, with the headers
// that protect it (E-22).
func TestPages(t *testing.T) {
	t.Parallel()
	for language, mark := range map[string]string{"en": "Emulator", "ja": "エミュレーター"} {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			b := startWorld(t, func(c *emulator.Config) { c.Apps[1].DeviceFlow = true })
			walk := walker(t, b, language+";q=0.9, de;q=0.5")
			username := map[string]string{"en": emulator.Username, "ja": emulator.UsernameJa}[language]
			redirect := b.URL + "/services/oauth2/success"
			authorize := b.authorizeURL(emulator.ClientIDPublic, "redirect_uri", redirect)

			login := walk("GET", authorize, nil)
			wrong := walk("POST", b.URL+"/", login.form("username", username, "pw", "wrong"))
			consent := walk("POST", b.URL+"/", wrong.form("username", username, "pw", emulator.Password))
			denied := walk("POST", consent.url.String(), consent.form("decision", "deny"))
			again := walk("GET", authorize, nil)
			success := walk("POST", again.url.String(), again.form("decision", "allow"))
			forged := walk("POST", again.url.String(), url.Values{"decision": {"allow"}})
			if forged.response.StatusCode != http.StatusForbidden || forged.url.Query().Has("code") {
				t.Errorf("a consent form without its token: %s, ended at %s", forged.response.Status, forged.url)
			}
			views := map[string]view{
				"login": login, "wrong password": wrong, "consent": consent, "denied": denied, "success": success,
				"home":         walk("GET", b.URL+"/", nil),
				"error":        walk("GET", b.authorizeURL("unknown"), nil),
				"over":         walk("GET", b.URL+"/setup/secur/RemoteAccessAuthorizationPage.apexp?source=x", nil),
				"foreign form": forged,
				"SAML":         walk("GET", b.URL+"/setup/secur/SAMLValidationPage.apexp", nil),
			}
			addDevicePages(t, b, walk, views)
			addCodePages(t, b, walk, username, views)
			for name, v := range views {
				t.Run(name, func(t *testing.T) { checkPage(t, v, language, mark) })
			}
			if attributes := fmt.Sprint(find(wrong.doc, "input", "name", "pw").Attr); !strings.Contains(attributes, "{ aria-describedby problem}") || !strings.Contains(attributes, "{ aria-invalid true}") {
				t.Errorf("after a wrong password the field has %s, want it tied to the alert", attributes)
			}
			if !strings.Contains(login.text, emulator.Password) || !strings.Contains(login.text, emulator.UsernameSandbox) {
				t.Error("the login page does not show the test users")
			}
			if success.url.Query().Get("code") == "" || denied.url.Query().Get("error") != "access_denied" {
				t.Errorf("ended at %s and %s", success.url, denied.url)
			}
			if !strings.Contains(views["error"].text, "invalid_client_id : client identifier invalid") {
				t.Error("the error page does not show code and text")
			}
		})
	}
}

// addDevicePages walks through /setup/connect, logged in.
func addDevicePages(t *testing.T, b *bench, walk walk, views map[string]view) {
	t.Helper()
	started := b.success(b.post(tokenPath, url.Values{"response_type": {"device_code"}, "client_id": {emulator.ClientIDPublic}}))
	form := walk("GET", started["verification_uri"], nil)
	filled := walk("GET", started["verification_uri"]+"?user_code="+started["user_code"], nil)
	if got := filled.form().Get("user_code"); got != started["user_code"] {
		t.Errorf("the page fills in %q", got)
	}
	views["device"] = form
	views["device, wrong code"] = walk("POST", started["verification_uri"], form.form("user_code", "WRONG"))
	views["device, consent"] = walk("POST", started["verification_uri"], filled.form())
	views["device, allowed"] = walk("POST", started["verification_uri"], views["device, consent"].form("decision", "allow"))
	views["device, used code"] = walk("POST", started["verification_uri"], filled.form())
	views["device, foreign form"] = walk("POST", started["verification_uri"], url.Values{"user_code": {started["user_code"]}, "decision": {"allow"}})
	for name, want := range map[string]string{
		"device, wrong code": `role="alert"`, "device, consent": "<code>refresh_token</code>", "device, allowed": `role="status"`, "device, used code": `role="alert"`,
	} {
		if !strings.Contains(views[name].text, want) {
			t.Errorf("page %s lacks %s", name, want)
		}
	}
	if got := views["device, foreign form"].response.StatusCode; got != http.StatusForbidden {
		t.Errorf("a device form without its token: %d", got)
	}
}

// addCodePages logs in as a user who needs a code too.
func addCodePages(t *testing.T, b *bench, walk walk, username string, views map[string]view) {
	t.Helper()
	if err := b.Emulator().UpdateUser(username, func(u *emulator.User) { u.MFA = true }); err != nil {
		t.Fatal(err)
	}
	login := walk("GET", b.authorizeURL(emulator.ClientIDPublic, "prompt", "login"), nil)
	views["code"] = walk("POST", b.URL+"/", login.form("username", username, "pw", emulator.Password))
	views["wrong code"] = walk("POST", views["code"].url.String(), views["code"].form("smc", "000000"))
	if !strings.Contains(views["code"].text, emulator.VerificationCode) || !strings.Contains(views["wrong code"].text, `role="alert"`) {
		t.Error("the code page does not show the code, or not that one was wrong")
	}
}

func find(doc *html.Node, tag, key, value string) *html.Node {
	for node := range doc.Descendants() {
		if node.Data == tag && attribute(node, key) == value {
			return node
		}
	}
	return &html.Node{}
}

func checkPage(t *testing.T, v view, language, mark string) {
	h := v.response.Header
	for name, want := range map[string]string{
		"Content-Type": "text/html; charset=UTF-8", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff",
	} {
		if h.Get(name) != want {
			t.Errorf("%s = %q, want %q", name, h.Get(name), want)
		}
	}
	for _, part := range []string{"default-src 'none'", "frame-ancestors 'none'"} {
		if !strings.Contains(h.Get("Content-Security-Policy"), part) {
			t.Errorf("Content-Security-Policy lacks %s", part)
		}
	}
	if !strings.Contains(h.Get("Cache-Control"), "no-store") {
		t.Errorf("Cache-Control = %q", h.Get("Cache-Control"))
	}
	ids, labels := map[string]bool{}, map[string]bool{}
	headings, level, main := 0, 0, 0
	for node := range v.doc.Descendants() {
		if node.Type != html.ElementNode {
			continue
		}
		ids[attribute(node, "id")] = true
		labels[attribute(node, "for")] = true
		switch node.Data {
		case "html":
			if got := attribute(node, "lang"); got != language {
				t.Errorf("lang = %q, want %q", got, language)
			}
		case "h1", "h2", "h3":
			next := int(node.Data[1] - '0')
			if next > level+1 {
				t.Errorf("%s comes after h%d", node.Data, level)
			}
			level = next
			if next == 1 {
				headings++
			}
		case "main":
			main++
		case "script", "img", "iframe", "link":
			t.Errorf("there is a <%s>", node.Data)
		case "title":
			if !strings.Contains(node.FirstChild.Data, mark) {
				t.Errorf("title %q lacks the mark", node.FirstChild.Data)
			}
		}
	}
	if headings != 1 || main != 1 {
		t.Errorf("%d h1 and %d main, want one each", headings, main)
	}
	for node := range v.doc.Descendants() {
		for described := range strings.FieldsSeq(attribute(node, "aria-describedby")) {
			if !ids[described] {
				t.Errorf("aria-describedby names %q, which is not there", described)
			}
		}
		if node.Data == "input" && attribute(node, "type") != "hidden" && !labels[attribute(node, "id")] {
			t.Errorf("input %q has no label", attribute(node, "name"))
		}
		if node.Data == "form" && attribute(node, "method") != "post" {
			t.Error("a form that is not sent by POST")
		}
	}
	if !strings.Contains(v.text, "<strong>"+mark+"</strong>") {
		t.Error("the page is not marked as emulator")
	}
}

// E-23: nothing is reflected unescaped.
func TestNothingReflected(t *testing.T) {
	t.Parallel()
	b := start(t)
	const attack = `"><script>alert(1)</script>`
	for _, path := range []string{
		"/setup/secur/RemoteAccessErrorPage.apexp?error=", "/services/oauth2/success?error=", "/?startURL=", "/?un=",
		"/setup/connect?user_code=", "/services/oauth2/callback?error=",
	} {
		if a := b.get(path+url.QueryEscape(attack), ""); strings.Contains(a.body, "<script") {
			t.Errorf("%s reflects markup", path)
		}
	}
}
