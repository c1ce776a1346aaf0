package sftoken

import (
	"net/url"
	"strings"
)

// ID18 returns the 18-character form of a Salesforce id. The last three characters of it say which of the first 15 are
// upper case, so that it can be compared without regard to case (Salesforce help, "18-character record id"). Anything
// but a 15-character id is returned as it is.
func ID18(id string) string {
	if len(id) != 15 || !isID(id) {
		return id
	}
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
	suffix := make([]byte, 3)
	for i := range suffix {
		var bits int
		for j := range 5 {
			if c := id[5*i+j]; c >= 'A' && c <= 'Z' {
				bits |= 1 << j
			}
		}
		suffix[i] = digits[bits]
	}
	return id + string(suffix)
}

// SameID reports whether a and b are the same id, in either of its two forms. An empty id is the same as none.
func SameID(a, b string) bool { return a != "" && ID18(a) == ID18(b) }

func isID(id string) bool {
	if len(id) != 15 && len(id) != 18 {
		return false
	}
	return !strings.ContainsFunc(id, func(c rune) bool {
		return (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z')
	})
}

// splitIdentityURL takes org and user from the last two parts of an identity URL,
// https://login.salesforce.com/id/00D…/005….
func splitIdentityURL(raw string) (org, user string, ok bool) {
	u, err := url.Parse(raw)
	if err != nil {
		return "", "", false
	}
	part := strings.Split(strings.TrimSuffix(u.Path, "/"), "/")
	if len(part) < 3 || part[len(part)-3] != "id" {
		return "", "", false
	}
	org, user = part[len(part)-2], part[len(part)-1]
	return org, user, isID(org) && isID(user) && strings.HasPrefix(org, "00D")
}
