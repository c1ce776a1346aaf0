package emulator

import (
	"encoding/base64"
	"encoding/json"
	"strings"
)

// whose is the username that a request is about, before anything is checked: of the code or token that it carries, or the
// one that it names. It is for faults and the journal, and proves nothing.
func (s *Server) whose(c *call) string {
	if assertion := c.form.Get("assertion"); assertion != "" {
		return subjectOf(assertion)
	}
	if username := c.form.Get("username"); username != "" {
		return username
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, parameter := range [...]string{"refresh_token", "token", "code"} {
		if value := c.form.Get(parameter); value == "" {
			continue
		} else if g := s.grants[value]; g != nil {
			return s.dir.current(g.who).user.Username
		} else if known := s.codes[value]; known != nil {
			return s.dir.current(known.who).user.Username
		} else if d := s.devices[value]; d != nil && d.who != nil {
			return s.dir.current(d.who).user.Username
		} else if a := s.sessions[value]; a != nil {
			return s.dir.current(a.grant.who).user.Username
		}
	}
	if a := s.sessions[c.bearer("access_token", "oauth_token")]; a != nil {
		return s.dir.current(a.grant.who).user.Username
	}
	return ""
}

// subjectOf reads the sub, or Salesforce's older prn, of a JWT.
func subjectOf(assertion string) string {
	_, rest, _ := strings.Cut(assertion, ".")
	payload, _, _ := strings.Cut(rest, ".")
	var claims struct {
		Subject   string `json:"sub"`
		Principal string `json:"prn"`
	}
	decoded, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil || json.Unmarshal(decoded, &claims) != nil {
		return ""
	}
	if claims.Subject == "" {
		return claims.Principal
	}
	return claims.Subject
}
