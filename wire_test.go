package sftoken_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sftoken/sftoken"
)

// wire is a server at the other end of a pipe. It keeps every byte of one request and gives one answer.
func wire(t *testing.T, body string) (client *http.Client, sent func() string) {
	t.Helper()
	var request bytes.Buffer
	done := make(chan struct{})
	dial := func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		go func() {
			defer close(done)
			defer far.Close()
			req, err := http.ReadRequest(bufio.NewReader(io.TeeReader(far, &request)))
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, req.Body)
			_, _ = io.WriteString(far, "HTTP/1.1 200 OK\r\nContent-Type: application/json;charset=UTF-8\r\nConnection: close\r\n\r\n"+body)
		}()
		return near, nil
	}
	return &http.Client{Transport: &http.Transport{DialContext: dial, DisableCompression: true}}, func() string {
		<-done
		return request.String()
	}
}

func request(lines ...string) string { return strings.Join(lines, "\r\n") }

// C-08, C-40, C-41, C-51, C-53: the bytes of every request. A public client sends no client_secret, no request to the token
// endpoint a scope, and no URL a secret; the paths are Salesforce's, whether or not there is a discovery document.
func TestWire(t *testing.T) {
	t.Parallel()
	host := parseHost(t, "http://localhost:8080")
	public := sftoken.App{ClientID: "key", Host: host, RedirectURI: "http://localhost:1717/OauthRedirect"}
	confidential := public
	confidential.ClientSecret = sftoken.NewSecret("s3cr3t")
	login := &sftoken.Attempt{ClientID: "key", Host: host, RedirectURI: public.RedirectURI, State: sftoken.NewSecret("st"), Verifier: sftoken.NewSecret("ver")}
	id := "http://localhost:8080/id/00D6g000006wre4EAA/0056g0000049jc6AAA"
	token := &sftoken.Token{AccessToken: sftoken.NewSecret("00D!at"), InstanceURL: "http://localhost:8080/orgs/acme", IdentityURL: id}
	answered := `{"access_token":"00D!at","id":"` + id + `"}`

	post := func(path, form string) string {
		return request("POST "+path+" HTTP/1.1", "Host: localhost:8080", "User-Agent: sftoken", "Content-Length: "+strconv.Itoa(len(form)),
			"Accept: application/json", "Content-Type: application/x-www-form-urlencoded", "", form)
	}
	get := func(path, authorization string) string {
		return request("GET "+path+" HTTP/1.1", "Host: localhost:8080", "User-Agent: sftoken", "Accept: application/json") +
			authorization + "\r\n\r\n"
	}
	const bearer = "\r\nAuthorization: Bearer 00D!at"

	for _, row := range []struct {
		name   string
		app    sftoken.App
		call   func(context.Context, *sftoken.Client) error
		answer string
		want   string
	}{
		{"exchange, public", public, func(ctx context.Context, c *sftoken.Client) error {
			_, err := c.Exchange(ctx, login, sftoken.NewSecret("aPrx+/=="))
			return err
		}, answered, post("/services/oauth2/token",
			"client_id=key&code=aPrx%2B%2F%3D%3D&code_verifier=ver&grant_type=authorization_code&redirect_uri=http%3A%2F%2Flocalhost%3A1717%2FOauthRedirect")},
		{"exchange, confidential", confidential, func(ctx context.Context, c *sftoken.Client) error {
			_, err := c.Exchange(ctx, login, sftoken.NewSecret("aPrx"))
			return err
		}, answered, post("/services/oauth2/token",
			"client_id=key&client_secret=s3cr3t&code=aPrx&code_verifier=ver&grant_type=authorization_code&redirect_uri=http%3A%2F%2Flocalhost%3A1717%2FOauthRedirect")},
		{"refresh, public", public, func(ctx context.Context, c *sftoken.Client) error {
			_, err := c.Refresh(ctx, sftoken.NewSecret("5Aep"))
			return err
		}, answered, post("/services/oauth2/token", "client_id=key&grant_type=refresh_token&refresh_token=5Aep")},
		{"refresh, confidential", confidential, func(ctx context.Context, c *sftoken.Client) error {
			_, err := c.Refresh(ctx, sftoken.NewSecret("5Aep"))
			return err
		}, answered, post("/services/oauth2/token", "client_id=key&client_secret=s3cr3t&grant_type=refresh_token&refresh_token=5Aep")},
		{"revoke", confidential, func(ctx context.Context, c *sftoken.Client) error {
			return c.Revoke(ctx, sftoken.NewSecret("5Aep"))
		}, "", post("/services/oauth2/revoke", "token=5Aep")},
		{"introspect", confidential, func(ctx context.Context, c *sftoken.Client) error {
			_, err := c.Introspect(ctx, sftoken.NewSecret("5Aep"), sftoken.RefreshTokenHint)
			return err
		}, `{"active":false}`, post("/services/oauth2/introspect", "client_id=key&client_secret=s3cr3t&token=5Aep&token_type_hint=refresh_token")},
		{"userinfo", public, func(ctx context.Context, c *sftoken.Client) error {
			_, err := c.UserInfo(ctx, token)
			return err
		}, `{"user_id":"0056g0000049jc6AAA","organization_id":"00D6g000006wre4EAA"}`, get("/orgs/acme/services/oauth2/userinfo", bearer)},
		{"identity", public, func(ctx context.Context, c *sftoken.Client) error {
			_, err := c.Identity(ctx, token)
			return err
		}, `{"user_id":"0056g0000049jc6AAA","organization_id":"00D6g000006wre4"}`, get("/orgs/acme/id/00D6g000006wre4EAA/0056g0000049jc6AAA", bearer)},
		{"discovery", public, func(ctx context.Context, c *sftoken.Client) error {
			_, err := c.Discover(ctx)
			return err
		}, `{"issuer":"http://localhost:8080"}`, get("/.well-known/openid-configuration", "")},
		{"versions", public, func(ctx context.Context, c *sftoken.Client) error {
			_, err := c.Versions(ctx, token.InstanceURL+"/")
			return err
		}, `[{"label":"Winter '27","url":"/services/data/v68.0","version":"68.0"}]`, get("/orgs/acme/services/data", "")},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			client, sent := wire(t, row.answer)
			if err := row.call(t.Context(), &sftoken.Client{App: row.app, HTTP: client}); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(row.want, sent()); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
		})
	}
}
