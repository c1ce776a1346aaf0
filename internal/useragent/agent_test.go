package useragent_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sftoken/sftoken/internal/useragent"
)

const loginPage = `<!doctype html><title>Log in</title><style>p{}</style>
<form action="/search"><input name="q"></form>
<form method="post" action="/login?source=%s">
 <input type="hidden" name="csrf" value="c&amp;1"><input type="email" name="username" value="hint">
 <input type="password" name="pw"><input type="checkbox" name="remember"><input type="submit" name="Login" value="Log In">
</form>%s`

const consentPage = `<title>Allow access?</title><form method="POST"><input type="hidden" name="csrf" value="c&amp;2">
<button name="decision" value="deny">Deny</button><button name="decision" value="allow">Allow</button></form>`

// site is a login server with a callback, as small as it can be. Its cookie proves that the agent keeps cookies.
func site(t *testing.T) *httptest.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /authorize", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "visit", Value: "1", Path: "/"})
		fmt.Fprintf(w, loginPage, "a", "")
	})
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("csrf") != "c&1" || r.FormValue("Login") != "Log In" || r.URL.Query().Get("source") != "a" || r.PostForm.Has("remember") {
			t.Errorf("the login form was sent as %v, a browser would have sent its hidden field and its button", r.Form)
		}
		if _, err := r.Cookie("visit"); err != nil {
			t.Error("the login form came without the page's cookie")
		}
		if r.PostFormValue("username") != "amelia@acme.example" || r.PostFormValue("pw") != "correct-horse" {
			fmt.Fprintf(w, loginPage, "a", "<p role=alert>Please check your username and password.</p>")
			return
		}
		http.Redirect(w, r, "/consent", http.StatusFound)
	})
	mux.HandleFunc("GET /consent", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, consentPage) })
	mux.HandleFunc("POST /consent", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("csrf") != "c&2" {
			t.Errorf("the consent form was sent as %v", r.Form)
		}
		http.Redirect(w, r, "/callback?decision="+r.FormValue("decision")+"&code=aPrxSECRET", http.StatusFound)
	})
	mux.HandleFunc("GET /callback", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/done?"+r.FormValue("decision"), http.StatusSeeOther)
	})
	mux.HandleFunc("GET /done", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery == "deny" {
			w.WriteHeader(http.StatusBadRequest)
		}
		fmt.Fprintf(w, "<title>Done</title><script>no()</script><p>You chose <b>%s</b>.</p>", r.URL.RawQuery)
	})
	mux.HandleFunc("GET /away", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://login.salesforce.com/?code=aPrxSECRET", http.StatusFound)
	})
	mux.HandleFunc("GET /round", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/round?code=aPrxSECRET", http.StatusFound)
	})
	mux.HandleFunc("GET /consents", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, consentPage) })
	mux.HandleFunc("POST /consents", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, consentPage) })
	mux.HandleFunc("GET /leaky", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `<form action="/x"><input name=username><input type=password name=pw></form>`)
	})
	mux.HandleFunc("GET /elsewhere", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `<form method=post action="http://acme.my.salesforce.com/"><input name=username><input type=password name=pw></form>`)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server
}

func TestVisit(t *testing.T) {
	t.Parallel()
	s := site(t)
	for decision, want := range map[useragent.Decision]int{"": 200, useragent.Allow: 200, useragent.Deny: 400} {
		agent := &useragent.Agent{Username: "amelia@acme.example", Password: "correct-horse", Decision: decision}
		page, err := agent.Visit(t.Context(), s.URL+"/authorize")
		if err != nil {
			t.Fatal(err)
		}
		if page.Status != want || page.Title != "Done" || strings.Contains(page.Text, "no()") {
			t.Errorf("decision %q ends at %+v, want status %d", decision, page, want)
		}
	}
}

func TestVisitFails(t *testing.T) {
	t.Parallel()
	s := site(t)
	tests := []struct {
		name, address, password string
		decision                useragent.Decision
		want                    error // nil: any
	}{
		{name: "wrong password", address: "/authorize", password: "wrong", want: useragent.ErrRefused},
		{name: "redirect to Salesforce", address: "/away", want: useragent.ErrForeignHost},
		{name: "form that posts to Salesforce", address: "/elsewhere", want: useragent.ErrForeignHost},
		{name: "redirects in a circle", address: "/round", want: useragent.ErrLoop},
		{name: "consent page for ever", address: "/consents", want: useragent.ErrLoop},
		{name: "form that puts the password into the address", address: "/leaky"},
		{name: "button that isn't there", address: "/consent", decision: "maybe"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			agent := &useragent.Agent{Username: "amelia@acme.example", Password: "correct-horse", Decision: tt.decision}
			if tt.password != "" {
				agent.Password = tt.password
			}
			page, err := agent.Visit(t.Context(), s.URL+tt.address)
			if err == nil {
				t.Fatalf("no error, but page %+v", page)
			}
			if tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("error %q, want %q", err, tt.want)
			}
			for _, secret := range []string{agent.Password, "aPrx"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("error %q tells a secret", err)
				}
			}
		})
	}
}

func TestVisitGoesToLoopbackOnly(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"https://login.salesforce.com/", "http://localhost.example.com/", "http://127.0.0.1.nip.io/", "http://0.0.0.0/",
		"http://localhost@example.com/", "file:///etc/passwd", "javascript:alert(1)", "//127.0.0.1/", "http://10.0.0.1/",
	} {
		if _, err := new(useragent.Agent).Visit(t.Context(), address); !errors.Is(err, useragent.ErrForeignHost) {
			t.Errorf("visit %s: %v, want ErrForeignHost", address, err)
		}
	}
}
