package emulator

import (
	"fmt"
	"net/http"
	"strconv"
)

// oldestVersion and newestVersion bound the list at /services/data. Paths take any version: clients ask for the strangest.
const (
	oldestVersion = 31
	newestVersion = "68"
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
		case session == nil:
			c.w.Header().Set("WWW-Authenticate", "Token")
			c.refuseData(http.StatusUnauthorized, "INVALID_SESSION_ID", "Session expired or invalid")
		case !session.hasScope("api"):
			c.refuseData(http.StatusUnauthorized, "INVALID_SESSION_ID", "This session is not valid for use with the REST API")
		default:
			handle(c, session)
		}
	}
}

// versions answers /services/data, which needs no token. Three releases a year: v20.0 was Winter '11.
func (s *Server) versions(c *call) {
	type version struct {
		Label   string `json:"label"`
		URL     string `json:"url"`
		Version string `json:"version"`
	}
	var list []version
	last, _ := strconv.Atoi(newestVersion) // a constant
	for n := oldestVersion; n <= last; n++ {
		season := [...]string{"Winter", "Spring", "Summer"}[(n-20)%3]
		number := strconv.Itoa(n) + ".0"
		list = append(list, version{fmt.Sprintf("%s '%d", season, 11+(n-20)/3), "/services/data/v" + number, number})
	}
	c.writeJSON(http.StatusOK, list)
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

func (s *Server) userRecord(c *call, a *session) {
	wanted := c.r.PathValue("id")
	for _, record := range s.records("User", a) {
		if id15(record["Id"].(string)) == id15(wanted) {
			record["attributes"] = attributes(c, "User", record)
			c.writeJSON(http.StatusOK, record)
			return
		}
	}
	c.notFound()
}

func (s *Server) organizationRecord(c *call, a *session) {
	record := s.records("Organization", a)[0]
	if id15(record["Id"].(string)) != id15(c.r.PathValue("id")) {
		c.notFound()
		return
	}
	record["attributes"] = attributes(c, "Organization", record)
	c.writeJSON(http.StatusOK, record)
}

func (s *Server) noResource(c *call, _ *session) { c.notFound() }

func (c *call) notFound() {
	c.refuseData(http.StatusNotFound, "NOT_FOUND", "The requested resource does not exist")
}

// record is a row of the data API.
type record map[string]any

func attributes(c *call, object string, r record) map[string]string {
	return map[string]string{
		"type": object, "url": fmt.Sprintf("/services/data/%s/sobjects/%s/%s", c.r.PathValue("version"), object, r["Id"]),
	}
}

// records are the rows that a session sees of an object: the users of its org, and the org itself.
func (s *Server) records(object string, a *session) []record {
	s.mu.Lock()
	defer s.mu.Unlock()
	org := s.dir.current(a.grant.who).org
	if object == "Organization" {
		var trial, namespace any
		return []record{{
			"Id": id18(org.ID), "Name": org.Name, "InstanceName": org.Instance, "IsSandbox": org.Sandbox,
			"TrialExpirationDate": trial, "NamespacePrefix": namespace, "OrganizationType": org.Edition,
			"LanguageLocaleKey": "en_US",
		}}
	}
	var users []record
	for _, name := range s.dir.ordered {
		who := s.dir.byName[name]
		if who.org.ID != org.ID {
			continue
		}
		users = append(users, record{
			"Id": who.id(), "Username": who.user.Username, "Name": who.name(), "FirstName": who.user.FirstName,
			"LastName": who.user.LastName, "Email": who.user.Email, "IsActive": !who.user.Inactive,
			"LanguageLocaleKey": who.user.Language, "LocaleSidKey": who.user.Locale, "TimeZoneSidKey": who.user.Timezone,
			"ProfileId": id18("00eEMU000000001"), "UserType": "Standard",
		})
	}
	return users
}
