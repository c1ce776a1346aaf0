package emulator

import (
	"net"
	"slices"
	"time"
)

// hybrid makes the Mobile SDK's grant of another one: hybrid_auth_code of authorization_code, hybrid_refresh of
// refresh_token. The answer has the cookies of web views too (Mobile SDK for Android, its token endpoint's constants).
func (s *Server) hybrid(run func(*call, *App, time.Time) (*issued, *refusal)) func(*call, *App, time.Time) (*issued, *refusal) {
	return func(c *call, app *App, now time.Time) (*issued, *refusal) {
		given, no := run(c, app, now)
		if no == nil {
			s.addCookies(c, app, given)
		}
		return given, no
	}
}

// addCookies adds a session id for each domain that the scopes open. Where access tokens are JWTs, parent_sid is the main
// domain's session id; else the access token is.
func (s *Server) addCookies(c *call, app *App, given *issued) {
	domain := hostname(c.r.Host)
	for _, name := range []string{"lightning", "visualforce", "content"} {
		if slices.Contains(given.scopes, name) || slices.Contains(given.scopes, "full") {
			given.extra = append(given.extra, field{name + "_domain", domain}, field{name + "_sid", s.mintAccessToken(given.who.org.ID)})
		}
	}
	address, _, _ := net.SplitHostPort(c.r.RemoteAddr) // "" without a network, as in a test
	given.extra = append(given.extra, field{"csrf_token", s.mint(64)}, field{"cookie-clientSrc", address}, field{"cookie-sid_Client", s.mint(22)}, field{"sidCookieName", "sid"})
	if app.JWTAccessTokens {
		given.extra = append(given.extra, field{"parent_sid", s.mintAccessToken(given.who.org.ID)})
	}
}
