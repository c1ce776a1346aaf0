package sftoken_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sftoken/sftoken"
)

var update = flag.Bool("update", false, "write the golden files anew")

// testKey is made once: an RSA key takes longer than all other tests of a flow.
var testKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func testKeyPEM() sftoken.Secret {
	der, err := x509.MarshalPKCS8PrivateKey(testKey())
	if err != nil {
		panic(err)
	}
	return sftoken.NewSecret(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
}

// tape is a server at the other end of pipes. It keeps every byte of each request, and gives one answer after the other.
type tape struct {
	answers  []string
	requests []string
}

func (s *tape) client() *http.Client {
	dial := func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		go s.serve(far)
		return near, nil
	}
	return &http.Client{Transport: &http.Transport{DialContext: dial, DisableCompression: true, DisableKeepAlives: true}}
}

func (s *tape) serve(far net.Conn) {
	defer far.Close()
	var request bytes.Buffer
	req, err := http.ReadRequest(bufio.NewReader(io.TeeReader(far, &request)))
	if err != nil {
		return
	}
	_, _ = io.Copy(io.Discard, req.Body)
	s.requests = append(s.requests, request.String())
	status, body, _ := strings.Cut(s.answers[len(s.requests)-1], "\n")
	_, _ = fmt.Fprintf(far, "HTTP/1.1 %s\r\nDate: %s\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n%s",
		status, time.Now().UTC().Format(http.TimeFormat), body)
}

// recorded writes what went over the wire as a person reads it. Values that are made anew each time are given by name.
func (s *tape) recorded(t *testing.T) string {
	var out strings.Builder
	for i, request := range s.requests {
		head, body, _ := strings.Cut(strings.ReplaceAll(request, "\r\n", "\n"), "\n\n")
		form, err := url.ParseQuery(body)
		if err != nil {
			t.Fatal(err)
		}
		claims := ""
		for _, name := range []string{"assertion", "client_assertion", "state", "code_challenge", "code_verifier"} {
			value := form.Get(name)
			switch {
			case value == "":
				continue
			case strings.HasPrefix(value, "eyJ"):
				claims += name + " = " + readJWT(t, value) + "\n"
			case name == "assertion":
				continue
			}
			body = strings.Replace(body, name+"="+url.QueryEscape(value), name+"=<"+name+">", 1)
		}
		fmt.Fprintf(&out, "%s\n\n%s\n\n%s< %s\n\n", head, strings.ReplaceAll(body, "&", "\n&"), claims, s.answers[i])
	}
	return out.String()
}

// readJWT checks the signature and returns header and claims.
func readJWT(t *testing.T, text string) string {
	part := strings.Split(text, ".")
	if len(part) != 3 {
		t.Fatalf("%d parts in a JWT", len(part))
	}
	verify(t, &testKey().PublicKey, part)
	var plain []string
	for _, p := range part[:2] {
		raw, err := base64.RawURLEncoding.DecodeString(p)
		if err != nil {
			t.Fatal(err)
		}
		plain = append(plain, jti.ReplaceAllString(string(raw), `"jti":"<jti>"`))
	}
	return strings.Join(plain, " ")
}

// kindOf names the sentinel that an error belongs to.
func kindOf(err error) string {
	for name, sentinel := range map[string]error{
		"login required": sftoken.ErrLoginRequired, "temporary": sftoken.ErrTemporary,
		"blocked": sftoken.ErrBlocked, "denied": sftoken.ErrDenied,
	} {
		if errors.Is(err, sentinel) {
			return name
		}
	}
	return "the request or the app is wrong"
}

func resultOf(token *sftoken.Token, err error) string {
	if err != nil {
		return fmt.Sprintf("error: %v\nkind: %s\n", err, kindOf(err))
	}
	return fmt.Sprintf("token: org %s, user %s, scopes %v, refresh token %v\n", token.OrgID, token.UserID, token.Scopes, !token.RefreshToken.IsZero())
}

// golden compares with a file of testdata/flows, or writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", "flows", name+".txt")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

const (
	flowToken = "200 OK\n" + `{"access_token":"00D!at","instance_url":"http://localhost:8080","id":"http://localhost:8080/id/00D6g000006wre4EAA/0056g0000049jc6AAA","token_type":"Bearer","scope":"api"}`
	flowBoth  = "200 OK\n" + `{"access_token":"00D!at","refresh_token":"5Aep","instance_url":"http://localhost:8080","id":"http://localhost:8080/id/00D6g000006wre4EAA/0056g0000049jc6AAA","token_type":"Bearer","scope":"api refresh_token"}`
)

func refusal(code, description string) string {
	return "400 Bad Request\n" + fmt.Sprintf(`{"error":%q,"error_description":%q}`, code, description)
}

type flowRow struct {
	file    string // several rows may share one
	name    string
	app     sftoken.App
	run     func(context.Context, *sftoken.Client) (*sftoken.Token, error)
	answers []string
}

// C-57, C-58, C-59, C-60: the bytes of every flow, and what becomes of a refusal in Salesforce's own words.
func TestFlowsOnTheWire(t *testing.T) {
	t.Parallel()
	testKey()
	files := map[string]*strings.Builder{}
	var names []string
	for _, row := range flowRows(t) {
		if files[row.file] == nil {
			files[row.file] = new(strings.Builder)
			names = append(names, row.file)
		}
		synctest.Test(t, func(t *testing.T) {
			s := &tape{answers: row.answers}
			token, err := row.run(t.Context(), &sftoken.Client{App: row.app, HTTP: s.client()})
			synctest.Wait()
			if len(s.requests) != len(row.answers) {
				t.Errorf("%s, %s: %d requests, want %d (%v)", row.file, row.name, len(s.requests), len(row.answers), err)
			}
			fmt.Fprintf(files[row.file], "=== %s\n\n%s%s\n", row.name, s.recorded(t), resultOf(token, err))
		})
	}
	for _, name := range names {
		golden(t, name, files[name].String())
	}
}

// The address that the browser is sent to, for each flow that has one, and what comes back in a fragment.
func TestFlowsInTheBrowser(t *testing.T) {
	t.Parallel()
	app := sftoken.App{ClientID: "key", Host: parseHost(t, "http://localhost:8080"), RedirectURI: "http://localhost:1717/OauthRedirect"}
	c := &sftoken.Client{App: app}
	var out strings.Builder
	for _, o := range []sftoken.AuthorizeOptions{
		{},
		{Scopes: []string{"api", "openid"}, Prompt: "login", LoginHint: "amelia@acme.example"},
		{Flow: sftoken.FlowHybrid, Scopes: []string{"api", "refresh_token", "web", "lightning"}},
		{Flow: sftoken.FlowUserAgent},
		{Flow: sftoken.FlowUserAgent, Scopes: []string{"api", "openid"}},
	} {
		a, err := c.Authorize(o)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "=== %s, scopes %v\n\nGET %s\n\n", a.Flow, o.Scopes, plain(a.URL, "state", "nonce", "code_challenge"))
		if a.Flow != sftoken.FlowUserAgent {
			continue
		}
		for _, fragment := range []string{
			"access_token=00D%21at&refresh_token=5Aep&instance_url=http%3A%2F%2Flocalhost%3A8080&id=http%3A%2F%2Flocalhost%3A8080%2Fid%2F00D6g000006wre4EAA%2F0056g0000049jc6AAA&token_type=Bearer&scope=api&state=",
			"error=access_denied&error_description=end-user+denied+authorization&state=",
		} {
			token, err := c.AcceptTokenPasted(a, a.RedirectURI+"#"+fragment+a.State.Reveal())
			fmt.Fprintf(&out, "< %s#%s\n\n%s\n", a.RedirectURI, plain(fragment+a.State.Reveal(), "state"), resultOf(token, err))
		}
	}
	golden(t, "browser", out.String())
}

// plain puts each parameter of an address on a line of its own, and names in place of values that are made anew each time.
func plain(address string, random ...string) string {
	var lines []string
	for parameter := range strings.SplitSeq(strings.Replace(address, "?", "\n?", 1), "&") {
		for _, name := range random {
			if before, _, ok := strings.Cut(parameter, name+"="); ok && strings.Trim(before, "?\n") == "" {
				parameter = before + name + "=<" + name + ">"
			}
		}
		lines = append(lines, parameter)
	}
	return strings.Join(lines, "\n&")
}
