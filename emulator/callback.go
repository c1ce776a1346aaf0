package emulator

import (
	"net/http"
	"slices"
	"strings"
)

// responseType is what authorize answers with.
type responseType string

const (
	withCode        responseType = "code"
	withToken       responseType = "token"          // user-agent flow
	withTokens      responseType = "token id_token" // the same, with an ID token
	withHybrid      responseType = "hybrid_token"   // the same, with cookies
	withCredentials responseType = "code_credentials"
)

// inFragment reports whether the answer goes into the callback's fragment.
func (r responseType) inFragment() bool { return r == withToken || r == withTokens || r == withHybrid }

// responseTypeOf reads response_type, whose words may come in any order (OAuth 2.0 Multiple Response Types section 3).
func responseTypeOf(c *call) responseType {
	words := strings.Fields(c.form.Get("response_type"))
	slices.Sort(words)
	if slices.Equal(words, []string{"id_token", "token"}) {
		return withTokens
	}
	return responseType(strings.Join(words, " "))
}

// callback redirects to the attempt's callback. state comes back as it was sent.
func (c *call) callback(a *attempt, parameters ...field) {
	if a.state != "" {
		parameters = append(parameters, field{"state", a.state})
	}
	separator := "?"
	switch {
	case a.response.inFragment():
		separator = "#"
	case strings.Contains(a.redirectURI, "?"):
		separator = "&"
	}
	c.redirect(a.redirectURI + separator + string(fields(parameters).urlencoded()))
}

// redirect sends the browser on with a GET: 302, or 303 after a POST (RFC 9700 section 4.12: never 307).
func (c *call) redirect(target string) {
	status := http.StatusFound
	if c.r.Method == http.MethodPost {
		status = http.StatusSeeOther
	}
	h := c.w.Header()
	h.Set("Location", target)
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Length", "0")
	c.w.WriteHeader(status)
}

// refuseBrowser brings a refusal to the browser in the way that Salesforce is known to choose for it.
func (s *Server) refuseBrowser(c *call, a *attempt, no *refusal) {
	code := no.code
	if no.browser != "" {
		code = no.browser
	}
	c.entry.Error = code
	parameters := fields{{"error", code}, {"error_description", no.description}}
	switch {
	case no.delivery == byText:
		c.write(http.StatusBadRequest, "", []byte("error="+code+"&error_description="+no.description))
	case no.delivery == byPage || a == nil || a.redirectURI == "":
		c.redirect(c.base + "/setup/secur/RemoteAccessErrorPage.apexp?" + string(parameters.urlencoded()))
	default:
		c.callback(a, parameters...)
	}
}
