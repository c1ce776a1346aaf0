package emulator

import (
	"fmt"
	"net/http"
)

// apiError is one element of the array by which the data API refuses.
type apiError struct {
	Message   string `json:"message"`
	ErrorCode string `json:"errorCode"`
}

func (c *call) refuseData(status int, code, message string) {
	c.entry.Error = code
	c.writeJSON(status, []apiError{{Message: message, ErrorCode: code}})
}

// data lets a data API request through when it carries a living access token with the scope api. The second text is one
// that no refresh can cure.
func (s *Server) data(handle func(*call, *session)) func(*call) {
	return func(c *call) {
		switch session := s.useSession(c.bearer()); {
		case session == nil || s.elsewhere(c, session):
			c.w.Header().Set("WWW-Authenticate", "Token")
			c.refuseData(http.StatusUnauthorized, "INVALID_SESSION_ID", "Session expired or invalid")
		case !session.hasScope("api") || s.barred(session):
			c.refuseData(http.StatusUnauthorized, "INVALID_SESSION_ID", "This session is not valid for use with the REST API")
		case s.owner(session).org.APIDisabled:
			c.refuseData(http.StatusForbidden, "API_DISABLED_FOR_ORG", "The REST API is not enabled for this Organization.")
		case !s.owner(session).may(APIEnabled):
			c.refuseData(http.StatusForbidden, "API_CURRENTLY_DISABLED", "API is disabled for this User")
		default:
			handle(c, session)
		}
	}
}

// barred reports whether API Access Control keeps a session's app out of the API, though it has its token (the 401 for it:
// V [JSF]).
func (s *Server) barred(a *session) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	who, app := s.dir.current(a.grant.who), s.apps[a.grant.clientID]
	return who.org.AdminApprovedAppsOnly && app != nil && !app.installedIn(&who.org) && !who.may(UseAnyAPIClient)
}

// resources is the map of a version; the Salesforce CLI asks for it to see whether its token lives.
func (s *Server) resources(c *call, a *session) {
	root := "/services/data/" + c.r.PathValue("version")
	resources := map[string]string{"identity": id(c, a.grant.who)}
	for _, name := range []string{"limits", "query", "sobjects", "tooling"} {
		resources[name] = root + "/" + name
	}
	c.writeJSON(http.StatusOK, resources)
}

// owner is the account behind a session, as it is configured now.
func (s *Server) owner(a *session) *account {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dir.current(a.grant.who)
}

func (s *Server) limits(c *call, _ *session) {
	type limit struct {
		Max       int `json:"Max"`
		Remaining int `json:"Remaining"`
	}
	c.writeJSON(http.StatusOK, map[string]limit{
		"DailyApiRequests":          {15000, 14998},
		"DailyBulkApiBatches":       {15000, 15000},
		"DailyStreamingApiEvents":   {10000, 10000},
		"DataStorageMB":             {5, 5},
		"FileStorageMB":             {20, 20},
		"HourlyTimeBasedWorkflow":   {50, 50},
		"SingleEmail":               {15, 15},
		"ActiveScratchOrgs":         {3, 3},
		"DailyScratchOrgs":          {6, 6},
		"ConcurrentAsyncGetReports": {200, 200},
	})
}

func (s *Server) noResource(c *call, _ *session) { c.notFound() }

func (c *call) notFound() {
	c.refuseData(http.StatusNotFound, "NOT_FOUND", "The requested resource does not exist")
}

func attributes(c *call, object string, r record) map[string]string {
	return map[string]string{
		"type": object, "url": fmt.Sprintf("/services/data/%s/sobjects/%s/%s", c.r.PathValue("version"), object, r["Id"]),
	}
}
