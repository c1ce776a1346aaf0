package emulator

import (
	"bytes"
	"cmp"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

var versionNumber = syntax(`^[1-9]\d\.0$`)

// identity answers the identity URL, /id/<org>/<user>. The token may come in the header or, as jsforce sends it, as
// oauth_token. version, and format as json, xml or jsonp, are believed; so are the words but Bad_OAuth_Token, Wrong_Org and
// No_Access.
func (s *Server) identity(c *call) {
	org, user := c.r.PathValue("org"), c.r.PathValue("user")
	session := s.identified(c, "oauth_token", "access_token")
	if session == nil {
		return
	}
	who := s.owner(session)
	s.mu.Lock()
	asked := s.dir.byID[id15(user)]
	s.mu.Unlock()
	switch {
	case who.org.HTTPSRequired && !strings.HasPrefix(c.base, "https:"):
		c.word(http.StatusForbidden, "HTTPS_Required")
		return
	case checkID(org, "00D") != nil || checkID(user, "005") != nil:
		c.word(http.StatusNotFound, "Bad_Id")
		return
	case id15(org) != id15(who.org.ID):
		c.word(http.StatusForbidden, "Wrong_Org")
		return
	case id15(user) != id15(who.user.ID) || !session.hasScope("id", "openid", "api"):
		c.word(http.StatusForbidden, "No_Access")
		return
	case asked != nil && asked.user.Inactive:
		c.word(http.StatusNotFound, "Inactive")
		return
	case who.user.Site != "" && c.realm.kind == myDomain && c.realm.site == nil:
		c.word(http.StatusNotFound, "No_Site_Endpoint")
		return
	}
	links := urls(c, who)
	version := c.form.Get("version")
	if version == "latest" {
		version = newestVersion + ".0"
	}
	if version != "" {
		if !versionNumber().MatchString(version) {
			c.word(http.StatusNotAcceptable, "Invalid_Version")
			return
		}
		for name, link := range links {
			links[name] = strings.ReplaceAll(link, "{version}", version)
		}
	}
	answer := map[string]any{
		"id":                      id(c, who),
		"asserted_user":           true,
		"user_id":                 who.id(),
		"organization_id":         who.orgID(),
		"username":                who.user.Username,
		"nick_name":               nickname(who),
		"display_name":            who.name(),
		"email":                   who.user.Email,
		"email_verified":          true,
		"first_name":              who.user.FirstName,
		"last_name":               who.user.LastName,
		"timezone":                who.user.Timezone,
		"photos":                  photos(c),
		"addr_street":             nil,
		"addr_city":               nil,
		"addr_state":              nil,
		"addr_country":            nil,
		"addr_zip":                nil,
		"mobile_phone":            nil,
		"mobile_phone_verified":   false,
		"is_lightning_login_user": false,
		"status":                  map[string]any{"created_date": nil, "body": nil},
		"urls":                    links,
		"active":                  true,
		"user_type":               "STANDARD",
		"language":                who.user.Language,
		"locale":                  who.user.Locale,
		"utcOffset":               utcOffset(who),
		"last_modified_date":      lastModified,
		"is_app_installed":        true,
	}
	switch cmp.Or(c.form.Get("format"), acceptedFormat(c.r.Header.Get("Accept"))) {
	case "jsonp":
		c.writeIdentityScript(answer)
	case "xml":
		c.write(http.StatusOK, "application/xml;charset=UTF-8", identityXML(answer))
	default:
		c.writeJSON(http.StatusOK, answer)
	}
}

func (c *call) writeIdentityScript(answer map[string]any) {
	callback := c.form.Get("callback")
	if !scriptName().MatchString(callback) {
		c.word(http.StatusNotAcceptable, "Invalid_Callback")
		return
	}
	body, err := json.Marshal(answer)
	if err != nil {
		panic(err) // our own values
	}
	c.write(http.StatusOK, "application/javascript;charset=UTF-8", []byte(callback+"("+string(body)+")"))
}

// identityXML writes the same members as elements of user (believed).
func identityXML(answer map[string]any) []byte {
	out := bytes.NewBufferString(strings.TrimSpace(xml.Header))
	writeElement(out, "user", answer)
	return out.Bytes()
}

func writeElement(out *bytes.Buffer, name string, value any) {
	out.WriteString("<" + name + ">")
	switch value := value.(type) {
	case nil:
	case map[string]any:
		for _, child := range slices.Sorted(maps.Keys(value)) {
			writeElement(out, child, value[child])
		}
	case map[string]string:
		for _, child := range slices.Sorted(maps.Keys(value)) {
			writeElement(out, child, value[child])
		}
	default:
		_ = xml.EscapeText(out, []byte(fmt.Sprint(value))) // a bytes.Buffer takes everything
	}
	out.WriteString("</" + name + ">")
}
