package emulator

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// seal replaces the access token that was given away by a JWT with the header and the claims that Salesforce's Mobile SDK has
// in its tests. The org's own key signs it; the org's My Domain publishes that key, and is iss and aud.
func (s *Server) seal(c *call, given *issued) error {
	if !strings.Contains(given.accessToken, "!") {
		return nil // the living one is given again, see SameAccessToken
	}
	org := &given.who.org
	key, err := s.keys.forName(id15(org.ID), fmt.Sprintf("CORE_ATJWT.%s.%d", id15(org.ID), given.at.UnixMilli()))
	if err != nil {
		return err
	}
	s.mu.Lock()
	issued, expires := given.session.issued, given.session.expires
	s.mu.Unlock()
	unique := sha256.Sum256([]byte(given.accessToken))
	token, err := signJWT(key, map[string]any{
		"scp": strings.Join(shuffle(c, slices.Clone(given.scopes)), " "), "aud": []string{c.orgBase(org)}, "iss": c.orgBase(org),
		"sub": "uid:" + given.who.id(), "client_id": given.app.ClientID,
		"iat": issued.Unix(), "nbf": issued.Unix() - 15, "exp": expires.Unix(),
		"mty": "oauth", "sfi": hex.EncodeToString(unique[:]), "roles": []string{}, "hsc": false,
	}, map[jose.HeaderKey]any{"tnk": "core/prod/" + id18(org.ID), "ver": "1.0", "tty": "sfdc-core-token"})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions, given.accessToken)
	given.accessToken, given.session.token, given.session.fixed = token, token, true
	s.sessions[token] = given.session
	return nil
}
