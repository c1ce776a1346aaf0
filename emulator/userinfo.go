package emulator

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// word answers with one word of plain text, as the identity endpoints refuse.
func (c *call) word(status int, word string) {
	c.entry.Error = word
	c.write(status, "text/plain;charset=UTF-8", []byte(word))
}

// identified returns the session of a request to userinfo, the identity URL or singleaccess; if there is none it has
// answered already.
func (s *Server) identified(c *call, parameters ...string) *session {
	token := c.bearer(parameters...)
	if token == "" {
		c.word(http.StatusForbidden, "Missing_OAuth_Token")
		return nil
	}
	session := s.useSession(token)
	if session != nil && s.elsewhere(c, session) {
		session = nil
	}
	if session == nil {
		c.word(http.StatusForbidden, "Bad_OAuth_Token")
	}
	return session
}

// userinfo answers /services/oauth2/userinfo with the claims that a captured answer has. A token with only api gets them
// too, as the Salesforce CLI relies on.
func (s *Server) userinfo(c *call) {
	session := s.identified(c, "access_token", "oauth_token")
	if session == nil {
		return
	}
	who := s.owner(session)
	c.writeJSON(http.StatusOK, map[string]any{
		"sub":                            id(c, who),
		"user_id":                        who.id(),
		"organization_id":                who.orgID(),
		"preferred_username":             who.user.Username,
		"nickname":                       nickname(who),
		"name":                           who.name(),
		"email":                          who.user.Email,
		"email_verified":                 true,
		"given_name":                     who.user.FirstName,
		"family_name":                    who.user.LastName,
		"zoneinfo":                       who.user.Timezone,
		"profile":                        c.base + "/" + who.id(),
		"picture":                        c.base + "/profilephoto/005/F",
		"photos":                         photos(c),
		"address":                        map[string]string{},
		"urls":                           urls(c, who),
		"active":                         true,
		"user_type":                      "STANDARD",
		"language":                       who.user.Language,
		"locale":                         who.user.Locale,
		"utcOffset":                      utcOffset(who),
		"updated_at":                     lastModified,
		"is_app_installed":               true,
		"is_salesforce_integration_user": false,
	})
}

// lastModified is when every user of the emulator was last changed.
const lastModified = "2026-01-01T00:00:00Z"

func id(c *call, who *account) string { return identityURL(c.base, who) }

func nickname(who *account) string {
	name, _, _ := strings.Cut(who.user.Username, "@")
	return name
}

func photos(c *call) map[string]string {
	return map[string]string{"picture": c.base + "/profilephoto/005/F", "thumbnail": c.base + "/profilephoto/005/T"}
}

// utcOffset is the user's standard offset from UTC in milliseconds; 0 where the machine knows no time zones.
func utcOffset(who *account) int64 {
	zone, err := time.LoadLocation(who.user.Timezone)
	if err != nil {
		return 0
	}
	_, seconds := time.Date(2026, time.January, 1, 0, 0, 0, 0, zone).Zone()
	return int64(seconds) * 1000
}

// urls holds a literal {version}, which clients replace.
func urls(c *call, who *account) map[string]string {
	rest := c.base + "/services/data/v{version}/"
	return map[string]string{
		"enterprise":    c.base + "/services/Soap/c/{version}/" + who.orgID(),
		"metadata":      c.base + "/services/Soap/m/{version}/" + who.orgID(),
		"partner":       c.base + "/services/Soap/u/{version}/" + who.orgID(),
		"tooling_soap":  c.base + "/services/Soap/T/{version}/" + who.orgID(),
		"rest":          rest,
		"sobjects":      rest + "sobjects/",
		"search":        rest + "search/",
		"query":         rest + "query/",
		"recent":        rest + "recent/",
		"tooling_rest":  rest + "tooling/",
		"profile":       c.base + "/" + who.id(),
		"feeds":         rest + "chatter/feeds",
		"groups":        rest + "chatter/groups",
		"users":         rest + "chatter/users",
		"feed_items":    rest + "chatter/feed-items",
		"feed_elements": rest + "chatter/feed-elements",
		"custom_domain": c.base,
	}
}

// hasScope reports whether one of the wanted scopes was granted; full stands for each of them.
func (a *session) hasScope(wanted ...string) bool {
	return slices.ContainsFunc(a.grant.scopes, func(granted string) bool {
		return granted == "full" || slices.Contains(wanted, granted)
	})
}
