package sftoken_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sftoken/sftoken"
)

func sign(secret, text string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func TestTokenAnswer(t *testing.T) {
	t.Parallel()
	body := strings.TrimSuffix(goodToken, "}") + `,"signature":"` + sign(clientSecret, identityURL+"1700000000123") + `",` +
		`"id_token":"eyJ.e.s","sfdc_community_url":"https://acme.my.site.com/partners","sfdc_community_id":"0DB6g000000abcd",` +
		`"api_instance_url":"https://api.salesforce.com","token_format":"opaque","parent_sid":"p","custom":{"a":1}}`
	got, err := refresh(t, newClient(t, answering(200, "application/json;charset=UTF-8", body)))
	if err != nil {
		t.Fatal(err)
	}
	want := &sftoken.Token{
		AccessToken: sftoken.NewSecret(accessToken), RefreshToken: sftoken.NewSecret(refreshToken), IDToken: sftoken.NewSecret("eyJ.e.s"),
		InstanceURL: acme, IdentityURL: identityURL, OrgID: "00D6g000006wre4EAA", UserID: "0056g0000049jc6AAA",
		TokenType: "Bearer", Scopes: []string{"refresh_token", "api"}, IssuedAt: time.UnixMilli(1700000000123).UTC(),
		Signed: sftoken.SignatureValid, APIInstanceURL: "https://api.salesforce.com",
		CommunityURL: "https://acme.my.site.com/partners", CommunityID: "0DB6g000000abcd", TokenFormat: "opaque",
		Hybrid: &sftoken.Hybrid{ParentSID: sftoken.NewSecret("p")},
		Extra:  map[string]sftoken.Secret{"custom": sftoken.NewSecret(`{"a":1}`)},
	}
	if diff := cmp.Diff(want, got); diff != "" { // Secret has an Equal method, which cmp uses
		t.Errorf("token (-want +got):\n%s", diff)
	}
}

// C-43, C-45, C-47 and the shapes of real answers: what may differ without harm.
func TestTokenAnswerShapes(t *testing.T) {
	t.Parallel()
	jwt := "eyJhbGciOiJSUzI1NiJ9." + base64.RawURLEncoding.EncodeToString([]byte(`{"exp":1700003600}`)) + ".c2ln"
	for _, row := range []struct {
		name, contentType, body string
		check                   func(*sftoken.Token) bool
	}{
		{"no content type", "", goodToken, func(*sftoken.Token) bool { return true }},
		{"a byte order mark", "application/json", "\ufeff" + goodToken + "\n", func(*sftoken.Token) bool { return true }},
		{
			"form text", "application/x-www-form-urlencoded", "access_token=00D%21x&instance_url=https%3A%2F%2Facme.my.salesforce.com&issued_at=1700000000123",
			func(t *sftoken.Token) bool {
				return t.AccessToken.Reveal() == "00D!x" && t.InstanceURL == acme && t.IssuedAt.Unix() == 1700000000
			},
		},
		{
			"no rotation, no scope, no time", "application/json", `{"access_token":"00D!x","id":"` + identityURL + `","token_type":"bearer"}`,
			func(t *sftoken.Token) bool {
				return t.RefreshToken.IsZero() && t.Scopes == nil && t.IssuedAt.IsZero() && t.Extra == nil && t.JWTExpiry.IsZero()
			},
		},
		{
			"ids of 15", "application/json", `{"access_token":"00D!x","id":"https://test.salesforce.com/id/00D6g000006wre4/0056g0000049jc6"}`,
			func(t *sftoken.Token) bool {
				return t.OrgID == "00D6g000006wre4" && sftoken.SameID(t.UserID, "0056g0000049jc6AAA") && t.TokenType == "Bearer"
			},
		},
		{
			"a time as a number, scopes as a list", "application/json", `{"access_token":"00D!x","issued_at":1700000000123,"scope":["a","b"]}`,
			func(t *sftoken.Token) bool { return t.IssuedAt.UnixMilli() == 1700000000123 && len(t.Scopes) == 2 },
		},
		{
			"expires_in is not believed in", "application/json", `{"access_token":"00D!x","expires_in":7200}`,
			func(t *sftoken.Token) bool { return t.JWTExpiry.IsZero() && t.Extra["expires_in"].Reveal() == "7200" },
		},
		{
			"a JWT", "application/json", `{"access_token":"` + jwt + `","token_format":"jwt"}`,
			func(t *sftoken.Token) bool { return t.JWTExpiry.Equal(time.Unix(1700003600, 0)) },
		},
		{
			"a trailing slash", "application/json", `{"access_token":"00D!x","instance_url":"https://acme.my.salesforce.com/"}`,
			func(t *sftoken.Token) bool { return t.InstanceURL == acme },
		},
		{"an error that is null", "application/json", `{"error":null,"access_token":"00D!x"}`, func(t *sftoken.Token) bool { return true }},
	} {
		got, err := refresh(t, newClient(t, answering(200, row.contentType, row.body)))
		if err != nil || !row.check(got) {
			t.Errorf("%s: %+v, %v", row.name, got, err)
		}
	}
	// A secret that is not known proves nothing about a signature.
	c := newClient(t, answering(200, "", strings.TrimSuffix(goodToken, "}")+`,"signature":"AAAA"}`))
	c.App.ClientSecret = sftoken.Secret{}
	if got, err := refresh(t, c); err != nil || got.Signed != sftoken.SignatureUnchecked {
		t.Errorf("public client: %+v, %v", got, err)
	}
}

// C-44, C-45, C-46, C-49: answers that are refused, each without showing a token, and without losing the new refresh
// token that a rotation brought.
func TestTokenAnswerRefused(t *testing.T) {
	t.Parallel()
	with := func(old, new string) string { return strings.Replace(goodToken, old, new, 1) }
	for _, row := range []struct {
		name, contentType, body, id string
		temporary, rotated          bool
	}{
		{"a web page", "text/html", "<html><head><title>Down for maintenance</title></head></html>", "answer-unreadable", true, false},
		{"nothing", "", "", "answer-unreadable", false, false},
		{"text", "text/plain", "it works!", "answer-unreadable", false, false},
		{"a list", "application/json", "[" + goodToken + "]", "answer-unreadable", false, false},
		{"cut off", "application/json", goodToken[:strings.Index(goodToken, `"issued_at`)], "answer-unreadable", false, true},
		{"cut off early", "application/json", goodToken[:60], "answer-unreadable", false, false},
		{"two objects", "application/json", goodToken + goodToken, "answer-unreadable", false, true},
		{"too long", "application/json", goodToken + strings.Repeat(" ", 1<<20), "answer-unreadable", false, false},
		{"no access_token", "application/json", with(`"access_token"`, `"access"`), "answer-incomplete", false, true},
		{"an empty access_token", "application/json", with(accessToken, ""), "answer-incomplete", false, true},
		{"an access_token that is none", "application/json", with(`"`+accessToken+`"`, "{}"), "answer-incomplete", false, true},
		{"a line break in it", "application/json", with(accessToken, accessToken+`\r\nX: y`), "answer-unreadable", false, true},
		{"another token type", "application/json", with("Bearer", "mac"), "answer-token-type", false, true},
		{"a foreign instance_url", "application/json", with(acme, "https://evil.example"), "answer-untrusted", false, true},
		{"an instance_url by http", "application/json", with(acme, "http://acme.my.salesforce.com"), "answer-untrusted", false, true},
		{"an instance_url on this machine", "application/json", with(acme, "http://localhost:1"), "answer-untrusted", false, true},
		{"a foreign id", "application/json", with("https://login.salesforce.com/id", "https://login.salesforce.com.evil.example/id"), "answer-untrusted", false, true},
		{"an id by http", "application/json", with("https://login", "http://login"), "answer-untrusted", false, true},
		{"an id without ids", "application/json", with("/00D6g000006wre4EAA/", "/"), "answer-untrusted", false, true},
		{"another's signature", "application/json", with(`"token_type"`, `"signature":"`+sign("other", identityURL+"1700000000123")+`","token_type"`), "answer-signature", false, true},
		{"a damaged signature", "application/json", with(`"token_type"`, `"signature":"%","token_type"`), "answer-signature", false, true},
	} {
		got, err := refresh(t, newClient(t, answering(200, row.contentType, row.body)))
		var unexpected *sftoken.UnexpectedError
		if !errors.As(err, &unexpected) || got != nil {
			t.Errorf("%s: %+v, %v", row.name, got, err)
			continue
		}
		if unexpected.ErrorID() != row.id || errors.Is(err, sftoken.ErrTemporary) != row.temporary || errors.Is(err, sftoken.ErrLoginRequired) {
			t.Errorf("%s: %s, temporary %t: %v", row.name, unexpected.ID, errors.Is(err, sftoken.ErrTemporary), err)
		}
		if rotated := unexpected.RefreshToken.Reveal() == refreshToken; rotated != row.rotated {
			t.Errorf("%s: the new refresh token is there: %t, want %t", row.name, rotated, row.rotated)
		}
		if text := fmt.Sprintf("%v %+v %#v", err, unexpected, *unexpected); strings.Contains(text, "Planted") {
			t.Errorf("%s: the error shows a token: %s", row.name, text)
		}
	}
}

func TestExchangeWantsItsOwnAttempt(t *testing.T) {
	t.Parallel()
	c := newClient(t, answering(200, "", goodToken))
	a, err := c.Authorize(sftoken.AuthorizeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Exchange(t.Context(), a, sftoken.NewSecret(code)); err != nil {
		t.Errorf("its own: %v", err)
	}
	c.App.Host = parseHost(t, "other") // C-27
	if _, err := c.Exchange(t.Context(), a, sftoken.NewSecret(code)); err == nil {
		t.Error("a code went to another host than the login was begun at")
	}
}

// F-02: every answer is a token that keeps the promises of Token, or an error that is classified.
func FuzzTokenAnswer(f *testing.F) {
	f.Add(200, "application/json", goodToken)
	f.Add(200, "text/html", "<html>")
	f.Add(400, "", "error=invalid_grant&error_description=expired access/refresh token")
	f.Add(503, "application/json", `[{"errorCode":"SERVER_UNAVAILABLE","message":"x"}]`)
	f.Add(200, "", `{"access_token":"a","issued_at":1e99,"scope":[1],"id":"https://login.salesforce.com/id/00D/005"}`)
	f.Fuzz(func(t *testing.T, status int, contentType, body string) {
		if status < 200 || status > 599 || status >= 300 && status < 400 {
			return
		}
		res := answer(status, "", body)
		res.Header["Content-Type"] = []string{contentType}
		c := newClient(t, roundTrip(func(*http.Request) (*http.Response, error) { return res, nil }))
		got, err := refresh(t, c)
		if (got == nil) == (err == nil) {
			t.Fatalf("%+v, %v", got, err)
		}
		if err != nil {
			checkText(t, err.Error())
			return
		}
		if got.AccessToken.IsZero() || !strings.EqualFold(got.TokenType, "bearer") || strings.ContainsAny(got.AccessToken.Reveal(), " \r\n") {
			t.Fatalf("accepted %+v", got)
		}
		for _, place := range []string{got.InstanceURL, got.IdentityURL} {
			if place != "" && (sftoken.HostRules{}).Trusts(c.App.Host, place) != nil {
				t.Fatalf("accepted %q", place)
			}
		}
	})
}

func BenchmarkTokenAnswer(b *testing.B) {
	c := newClient(b, answering(200, "application/json", goodToken))
	for b.Loop() {
		if _, err := refresh(b, c); err != nil {
			b.Fatal(err)
		}
	}
}
