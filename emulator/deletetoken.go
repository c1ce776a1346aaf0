package emulator

import (
	"cmp"
	"crypto/hmac"
	"slices"
	"strconv"
	"strings"
)

// tokenID is the id of a grant's row in OauthToken.
func tokenID(g *grant) string { return serialID("0CQ", int(g.number)) }

// deleteToken stands in for a grant's refresh token where it is to be revoked and cannot be used otherwise [OBJ OauthToken].
// It is made from the grant's number and known again by its signature.
func (s *Server) deleteToken(g *grant) string {
	number := strconv.Itoa(int(g.number))
	return "EMULATORDELETE." + number + "." + s.csrf("delete "+number)
}

// byDeleteToken finds the grant that a DeleteToken names. s.mu is held.
func (s *Server) byDeleteToken(token string) *grant {
	rest, ok := strings.CutPrefix(token, "EMULATORDELETE.")
	text, _, _ := strings.Cut(rest, ".")
	number, err := strconv.Atoi(text)
	at, found := slices.BinarySearchFunc(s.all, number, func(g *grant, n int) int { return cmp.Compare(int(g.number), n) })
	if !ok || err != nil || !found {
		return nil
	}
	g := s.all[at]
	if !hmac.Equal([]byte(s.deleteToken(g)), []byte(token)) {
		return nil
	}
	return g
}
