package callback

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"golang.org/x/text/language"

	"github.com/sftoken/sftoken/internal/message"
)

func TestTexts(t *testing.T) {
	t.Parallel()
	message.Check(t, textFiles)
}

// elements are all that a page may consist of.
var elements = strings.Fields("html head meta title style body main p h1 h2 dl div dt dd ul li footer")

// render returns the page's elements and text; a script, link or image would show up among the elements.
func render(t *testing.T, v view) (names []string, text string) {
	t.Helper()
	recorder := httptest.NewRecorder()
	write(recorder, http.StatusOK, v)
	document, err := html.Parse(recorder.Body)
	if err != nil {
		t.Fatal(err)
	}
	for node := range document.Descendants() {
		switch node.Type {
		case html.ElementNode:
			names = append(names, node.Data)
			for _, attribute := range node.Attr {
				if strings.HasPrefix(attribute.Key, "on") || attribute.Key == "src" || attribute.Key == "href" || attribute.Key == "style" {
					t.Errorf("<%s> has %s", node.Data, attribute.Key)
				}
			}
		case html.TextNode:
			text += node.Data
		}
	}
	return names, text
}

// C-28, F-17: texts from outside come out as text, without control or formatting characters, and cut.
func TestInjection(t *testing.T) {
	t.Parallel()
	hostile := "<script>alert(1)</script>\x1b]0;x\x07\u202egnp.exe</title><img src=x onerror=y>{{.Lang}}\n\x00" + strings.Repeat("長", 2000)
	for _, page := range []Page{
		Failure{Title: hostile, Text: hostile, Hints: []string{hostile}, Code: hostile},
		Success{Name: hostile, Username: hostile, Org: hostile, InstanceURL: hostile, Alias: hostile, Scopes: []string{hostile}, Note: hostile},
	} {
		names, text := render(t, page.view(language.English))
		for _, name := range names {
			if !slices.Contains(elements, name) {
				t.Errorf("page has a <%s>", name)
			}
		}
		if !strings.Contains(text, "<script>alert(1)</script>]0;x") {
			t.Error("page does not show the text as it is")
		}
		if strings.ContainsAny(text, "\x1b\x07\x00\u202e") {
			t.Error("page has control characters")
		}
		if len(text) > 20_000 {
			t.Errorf("page has %d bytes of text", len(text))
		}
	}
}

// The policy must name the style sheet as the browser reads it, or the page has no style.
func TestStyleMatchesPolicy(t *testing.T) {
	t.Parallel()
	recorder := httptest.NewRecorder()
	write(recorder, http.StatusOK, Success{}.view(language.English))
	_, rest, _ := strings.Cut(recorder.Body.String(), "<style>")
	inPage, _, _ := strings.Cut(rest, "</style>")
	sum := sha256.Sum256([]byte(inPage))
	if want := "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; !strings.Contains(recorder.Header().Get("Content-Security-Policy"), want) {
		t.Errorf("policy %q lacks %s", recorder.Header().Get("Content-Security-Policy"), want)
	}
}

// F-01: whatever the request, no panic, at most one acceptance, and accepted means that the state is the right one.
func FuzzRequest(f *testing.F) {
	f.Add("GET /OauthRedirect?code=x&state=" + state + " HTTP/1.1\r\nHost: localhost:1717\r\n\r\n")
	f.Add("GET /OauthRedirect?code=x&state=" + state + "&state=" + state + " HTTP/1.1\r\nHost: localhost:1717\r\n\r\n")
	f.Add("GET http://localhost:1717/OauthRedirect?error=access_denied&state=%73 HTTP/1.0\r\n\r\n")
	f.Add("POST /OauthRedirect?state=" + state + " HTTP/1.1\r\nHost: LOCALHOST:1717\r\nContent-Length: 3\r\n\r\nabc")
	f.Add("OPTIONS * HTTP/1.1\r\nHost: evil\r\nAccess-Control-Request-Private-Network: true\r\n\r\n")
	target, err := parseRedirect("http://localhost:1717/OauthRedirect")
	if err != nil {
		f.Fatal(err)
	}
	gone, cancel := context.WithCancel(f.Context())
	cancel() // the browser does not wait, so that an acceptance returns
	f.Fuzz(func(t *testing.T, raw string) {
		request, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
		if err != nil {
			return
		}
		server := serve(target, matchState, nil)
		for range 2 {
			server.answer(httptest.NewRecorder(), request.WithContext(gone))
		}
		if server.arrival == nil {
			return
		}
		if got := server.arrival.Query["state"]; len(got) != 1 || got[0] != state || request.Method != http.MethodGet {
			t.Errorf("accepted %q with state %q", request.Method, got)
		}
		if len(server.arrivals) != 1 {
			t.Errorf("%d arrivals", len(server.arrivals))
		}
	})
}
