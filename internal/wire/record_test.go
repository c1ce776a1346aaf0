package wire_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sftoken/sftoken/internal/wire"
)

// server answers as Salesforce's token endpoint, authorize endpoint and error pages do, and reports what it saw.
func server(t *testing.T, report func(wire.Exchange)) *httptest.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("code") != code || r.FormValue("grant_type") != "authorization_code" {
			t.Errorf("the server got %v", r.Form)
		}
		w.Header().Set("Content-Type", "application/json;charset=UTF-8")
		fmt.Fprintf(w, `{"access_token":%q,"issued_at":"1736530186928","n":12,"id_token":null,"nested":{"sid":"hush","list":["%s",1]}}`, access, refresh)
	})
	mux.HandleFunc("GET /authorize", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "http://localhost:1717/OauthRedirect?code="+url.QueryEscape(code)+"&state=s#id_token="+jwt)
		w.WriteHeader(http.StatusFound)
	})
	mux.HandleFunc("GET /bare", func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = nil
		io.WriteString(w, "error=invalid_request&error_description=missing%20required%20code%20challenge")
	})
	mux.HandleFunc("GET /page", func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "<p>\x1b]0;x\x07"+refresh+strings.Repeat("あ", 4000))
	})
	mux.HandleFunc("GET /cut", func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "half")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	s := httptest.NewServer(wire.Handler(mux, report))
	t.Cleanup(s.Close)
	return s
}

func TestRecorderAndHandlerTellTheSame(t *testing.T) {
	t.Parallel()
	var seen []wire.Exchange
	s := server(t, func(x wire.Exchange) { seen = append(seen, x) })
	recorder := &wire.Recorder{}
	client := &http.Client{Transport: recorder, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/token?format=json",
		strings.NewReader("grant_type=authorization_code&code="+url.QueryEscape(code)+"&client_secret="+consumer))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Authorization", "Bearer "+access)
	fetch(t, client, request)
	for _, path := range []string{"/authorize?client_id=3MVG9&state=s", "/bare"} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		fetch(t, client, request)
	}
	want := []wire.Exchange{{
		Method: "POST", URL: s.URL + "/token", Query: []wire.Field{{"format", "json"}}, Bearer: "00Dxx0000001gEREAY!…[secret " + fp(access) + "]",
		Form:   []wire.Field{{"grant_type", "authorization_code"}, {"code", "aPrx…[secret " + fp(code) + "]"}, {"client_secret", "[secret " + fp(consumer) + "]"}},
		Status: 200, Type: "application/json",
		Answer: []wire.Field{
			{"access_token", "00Dxx0000001gEREAY!…[secret " + fp(access) + "]"},
			{"issued_at", "1736530186928"},
			{"n", "12"},
			{"id_token", "null"},
			{"nested", `{"list":["5Aep…[secret ` + fp(refresh) + `]",1],"sid":"[secret ` + fp("hush") + `]"}`},
		},
	}, {
		Method: "GET", URL: s.URL + "/authorize", Query: []wire.Field{{"client_id", "3MVG9"}, {"state", "[secret " + fp("s") + "]"}}, Status: 302,
		Location: "http://localhost:1717/OauthRedirect",
		Carried:  []wire.Field{{"code", "aPrx…[secret " + fp(code) + "]"}, {"state", "[secret " + fp("s") + "]"}, {"id_token", "eyJ…[secret " + fp(jwt) + "]"}},
	}, {
		Method: "GET", URL: s.URL + "/bare", Status: 200,
		Answer: []wire.Field{{"error", "invalid_request"}, {"error_description", "missing required code challenge"}},
	}}
	ignore := cmpopts.IgnoreFields(wire.Exchange{}, "At", "Duration", "Waited", "Proto", "Sent", "Received", "JSON", "Up", "Down")
	if diff := cmp.Diff(want, recorder.Exchanges(), ignore, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("Recorder (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, seen, ignore, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("Handler (-want +got):\n%s", diff)
	}
}

// A page is kept without control characters, and cut (C-28, C-70).
func TestRecorderCutsPages(t *testing.T) {
	t.Parallel()
	s := server(t, func(wire.Exchange) {})
	recorder := &wire.Recorder{}
	request, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/page", nil)
	fetch(t, &http.Client{Transport: recorder}, request)
	got := recorder.Exchanges()[0].Body
	if !strings.HasPrefix(got, "<p>]0;x5Aep…[secret ") || len(got) > 3000 || !strings.HasSuffix(got, "あ…") {
		t.Errorf("kept %d bytes: %q", len(got), got)
	}
}

// No answer, and half an answer, are told too; the client still gets the error.
func TestRecorderKeepsFailures(t *testing.T) {
	t.Parallel()
	s := server(t, func(wire.Exchange) {})
	recorder := &wire.Recorder{}
	client := &http.Client{Transport: recorder}
	request, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/cut", nil)
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(response.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("read a cut answer: %v, want unexpected EOF", err)
	}
	response.Body.Close()
	s.Close()
	if _, err := client.Do(request); err == nil {
		t.Error("no error from a server that is gone")
	}
	got := recorder.Exchanges()
	if len(got) != 2 || got[0].Status != 200 || got[0].Body != "half" || got[0].Err == "" || got[1].Status != 0 || got[1].Err == "" {
		t.Errorf("kept %+v", got)
	}
}

func fetch(t *testing.T, client *http.Client, request *http.Request) {
	t.Helper()
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		t.Fatal(err)
	}
}
