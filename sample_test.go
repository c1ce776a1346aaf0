package sftoken_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/sftoken/sftoken"
)

const (
	clientID     = "3MVG9.Test.Client.000000000000000000000000000000000000000000000000000000000000000000"
	clientSecret = "0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF"
	accessToken  = "00D6g000006wre4!AQEAQPlantedAccessTokenPlantedAccessTokenPlantedAccessToken"
	refreshToken = "5Aep861PlantedRefreshTokenPlantedRefreshTokenPlantedRefreshToken"
	code         = "aPrxPlantedCodePlantedCodePlantedCode=="
	identityURL  = "https://login.salesforce.com/id/00D6g000006wre4EAA/0056g0000049jc6AAA"
	acme         = "https://acme.my.salesforce.com"
)

// goodToken is a token answer as Salesforce's own Postman collection has it captured, with our tokens in it.
const goodToken = `{"access_token":"` + accessToken + `","refresh_token":"` + refreshToken + `",` +
	`"instance_url":"` + acme + `","id":"` + identityURL + `","token_type":"Bearer",` +
	`"issued_at":"1700000000123","scope":"refresh_token api"}`

// roundTrip answers requests without a network.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		defer req.Body.Close()
	}
	return f(req)
}

// answer makes an http.Response. header holds name, value, name, value …
func answer(status int, contentType, body string, header ...string) *http.Response {
	res := &http.Response{
		StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}
	if contentType != "" {
		res.Header.Set("Content-Type", contentType)
	}
	for i := 0; i+1 < len(header); i += 2 {
		res.Header.Set(header[i], header[i+1])
	}
	return res
}

// answering gives every request the same answer, once its body has been read, as a server would.
func answering(status int, contentType, body string, header ...string) http.RoundTripper {
	return roundTrip(func(req *http.Request) (*http.Response, error) {
		if req.Body != nil {
			_, _ = io.Copy(io.Discard, req.Body)
		}
		return answer(status, contentType, body, header...), nil
	})
}

func parseHost(t testing.TB, text string) sftoken.Host {
	t.Helper()
	host, err := sftoken.ParseHost(text)
	if err != nil {
		t.Fatal(err)
	}
	return host
}

// newClient returns a confidential client at acme whose requests rt answers.
func newClient(t testing.TB, rt http.RoundTripper) *sftoken.Client {
	t.Helper()
	return &sftoken.Client{
		App: sftoken.App{
			ClientID:     clientID,
			ClientSecret: sftoken.NewSecret(clientSecret),
			Host:         parseHost(t, acme),
			RedirectURI:  sftoken.DefaultRedirectURI,
		},
		HTTP: &http.Client{Transport: rt},
	}
}

func refresh(t testing.TB, c *sftoken.Client) (*sftoken.Token, error) {
	t.Helper()
	return c.Refresh(t.Context(), sftoken.NewSecret(refreshToken))
}
