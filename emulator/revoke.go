package emulator

import (
	"encoding/json"
	"net/http"
)

// revoke answers /services/oauth2/revoke: POST or GET with token, no client credentials; with callback, JSONP. A refresh
// token takes its access tokens along, an access token only itself. Refusals are form text (observed; jsforce parses it).
func (s *Server) revoke(c *call) {
	if c.r.Method != http.MethodPost && c.r.Method != http.MethodGet {
		http.Error(c.w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	no := s.revokeToken(c.form.Get("token"))
	if no != nil {
		c.entry.Error = no.code
	}
	if callback := c.form.Get("callback"); c.r.Method == http.MethodGet && scriptName().MatchString(callback) {
		c.write(http.StatusOK, "application/javascript;charset=UTF-8", jsonp(callback, no))
		return
	}
	if no != nil {
		c.write(http.StatusBadRequest, "application/x-www-form-urlencoded;charset=UTF-8",
			fields{{"error", no.code}, {"error_description", no.description}}.urlencoded())
		return
	}
	c.write(http.StatusOK, "text/html;charset=UTF-8", nil)
}

func (s *Server) revokeToken(token string) *refusal {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.sessions[token]; a != nil && a.lives(now) {
		a.revoked = true
		return nil
	}
	g := s.grants[token]
	if g == nil {
		g = s.byDeleteToken(token)
	}
	switch {
	case token == "":
		return refusedTokenType
	case g == nil || g.dead || (g.refreshToken != token && s.deleteToken(g) != token):
		return refusedToken
	default:
		g.revoke(ByRevocation, now)
		return nil
	}
}

// scriptName is what may stand before the bracket of a JSONP answer: nothing that could be anything but a call.
var scriptName = syntax(`^[A-Za-z_$][\w$.]{0,99}$`)

func jsonp(callback string, no *refusal) []byte {
	answer := map[string]string{}
	if no != nil {
		answer["error"] = no.code
	}
	body, err := json.Marshal(answer)
	if err != nil {
		panic(err) // strings
	}
	return []byte(callback + "(" + string(body) + ")")
}
