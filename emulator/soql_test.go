package emulator_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sftoken/sftoken/emulator"
)

func contains(text, part string) bool { return strings.Contains(text, part) }

type rows struct {
	TotalSize      int
	Done           bool
	Records        []map[string]any
	NextRecordsURL string `json:"nextRecordsUrl"`
}

func (b *bench) soql(token, query string) rows {
	b.t.Helper()
	a := b.get("/services/data/v64.0/query?q="+url.QueryEscape(query), token)
	var found rows
	if err := json.Unmarshal([]byte(a.body), &found); err != nil || a.status != http.StatusOK {
		b.t.Fatalf("%s: %d %s", query, a.status, a.body)
	}
	return found
}

func TestSOQL(t *testing.T) {
	t.Parallel()
	b := start(t)
	token := b.login(emulator.ClientIDPublic)["access_token"]
	for query, want := range map[string]string{ // usernames, or a count
		"SELECT Username FROM User ORDER BY Username":                                                       "amelia hanako",
		"select username from user order by USERNAME desc":                                                  "hanako amelia",
		"SELECT Username FROM User WHERE Username LIKE 'HAN%'":                                              "hanako",
		`SELECT Username FROM User WHERE Username LIKE 'han\_ko%'`:                                          "",
		"SELECT Username FROM User WHERE Username LIKE '%_acme.e%mple'  ORDER BY Username LIMIT 1":          "amelia",
		"SELECT Username FROM User WHERE LanguageLocaleKey IN ('ja', 'de')":                                 "hanako",
		"SELECT Username FROM User WHERE LanguageLocaleKey NOT IN ('ja')":                                   "amelia",
		"SELECT Username FROM User WHERE NOT LanguageLocaleKey = 'ja'":                                      "amelia",
		"SELECT Username FROM User WHERE (IsActive = true AND LastName = '山田') OR LastName = 'x'":           "hanako",
		"SELECT Username FROM User WHERE LastLoginDate = TODAY":                                             "amelia",
		"SELECT Username FROM User WHERE LastLoginDate = null":                                              "hanako",
		"SELECT Username FROM User WHERE LastLoginDate > 2020-01-01T00:00:00Z AND LastLoginDate < TOMORROW": "amelia",
		"SELECT Username FROM User WHERE LastLoginDate = LAST_N_DAYS:7":                                     "amelia",
		"SELECT Username FROM User WHERE LastLoginDate < LAST_N_DAYS:7":                                     "",
		"SELECT Username FROM User ORDER BY LastLoginDate NULLS FIRST, Username":                            "hanako amelia",
		"SELECT Username FROM User ORDER BY LastLoginDate NULLS LAST":                                       "amelia hanako",
		"SELECT Username FROM User WITH SECURITY_ENFORCED ORDER BY Username LIMIT 5 OFFSET 1 FOR VIEW":      "hanako",
		"SELECT FIELDS(ALL) FROM User WHERE Id = '005EMU000000002' LIMIT 200":                               "hanako",
		"SELECT Username FROM User WHERE Email = 'it\\'s' ":                                                 "",
		"SELECT COUNT() FROM User":                                                                          "2",
	} {
		found := b.soql(token, query)
		var got []string
		for _, row := range found.Records {
			name, _, _ := strings.Cut(row["Username"].(string), "@")
			got = append(got, name)
		}
		if strings.Contains(query, "COUNT") {
			got = []string{fmt.Sprint(found.TotalSize)}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", query, got, want)
		}
	}
	for query, want := range map[string]string{
		"":                                                            "MALFORMED_QUERY: unexpected token: '<EOF>'",
		"SELECT FROM User":                                            "MALFORMED_QUERY: unexpected token: 'FROM'",
		"SELECT Id User":                                              "MALFORMED_QUERY: unexpected token: 'User'",
		"SELECT Id FROM User WHERE":                                   "MALFORMED_QUERY: unexpected token: '<EOF>'",
		"SELECT Id FROM User WHERE Id = 'x":                           "MALFORMED_QUERY: line 1:33 no viable alternative at character '<EOF>'",
		"SELECT Id FROM User; DROP":                                   "MALFORMED_QUERY: line 1:19 no viable alternative at character ';'",
		"SELECT Id FROM User LIMIT x":                                 "MALFORMED_QUERY: unexpected token: 'x'",
		"SELECT Id FROM User OFFSET 2001":                             "NUMBER_OUTSIDE_VALID_RANGE: Maximum SOQL offset allowed is 2000",
		"SELECT FIELDS(ALL) FROM User":                                "MALFORMED_QUERY: The SOQL FIELDS function must have a LIMIT of at most 200",
		"SELECT COUNT(Id) FROM User":                                  "MALFORMED_QUERY: functions such as COUNT() are not emulated",
		"SELECT Id FROM User GROUP BY Id":                             "MALFORMED_QUERY: GROUP BY and HAVING are not emulated",
		"SELECT Id FROM Account":                                      "INVALID_TYPE: sObject type 'Account' is not supported.",
		"SELECT Id FROM SandboxProcess":                               "INVALID_TYPE: sObject type 'SandboxProcess' is not supported.",
		"SELECT Nope FROM User":                                       "INVALID_FIELD: \nSELECT Nope FROM User\n       ^\nERROR at Row:1:Column:8\nNo such column 'Nope' on entity 'User'.",
		"SELECT Id, Id FROM User":                                     "INVALID_FIELD: duplicate field selected: Id",
		"SELECT Manager.Name FROM User":                               "INVALID_FIELD: \nSELECT Manager.Name FROM User\n       ^\nERROR at Row:1:Column:8\nDidn't understand relationship 'Manager' in field path.",
		"SELECT Id FROM User WHERE Id = 1":                            "INVALID_FIELD: value of filter criterion for field 'Id' must be of type id",
		"SELECT Id FROM User WHERE IsActive LIKE 't%'":                "INVALID_QUERY_FILTER_OPERATOR: invalid operator on boolean field",
		"SELECT Id FROM User WHERE Id = 'a' AND Id = 'b' OR Id = 'c'": "MALFORMED_QUERY: unexpected token: 'OR'",
		"SELECT Id FROM User WHERE " + strings.Repeat("(", 60):        "QUERY_TOO_COMPLICATED: The query has too many brackets",
		"SELECT Id FROM User WHERE " + strings.Repeat("NOT ", 60) + "IsActive = true": "QUERY_TOO_COMPLICATED: The query has too many brackets",
	} {
		a := b.get("/services/data/v64.0/query?q="+url.QueryEscape(query), token)
		var got []struct{ Message, ErrorCode string }
		if err := json.Unmarshal([]byte(a.body), &got); err != nil || a.status != 400 || len(got) != 1 || !strings.HasPrefix(got[0].ErrorCode+": "+got[0].Message, want) {
			t.Errorf("%s: %d %s, want %s", query, a.status, a.body, want)
		}
	}
}

// A long answer comes in parts; the address of the next is good for its owner only.
func TestQueryMore(t *testing.T) {
	t.Parallel()
	b := start(t)
	tokens := b.login(emulator.ClientIDPublic)
	for range 460 {
		b.success(b.refresh(emulator.ClientIDPublic, tokens["refresh_token"]))
	}
	get := func(path, token string) (rows, answer) {
		r := b.request(http.MethodGet, path, nil)
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Sforce-Query-Options", "batchSize=10")
		a := b.do(r)
		var found rows
		_ = json.Unmarshal([]byte(a.body), &found)
		return found, a
	}
	path, seen, sizes := "/services/data/v64.0/query?q="+url.QueryEscape("SELECT Id FROM LoginHistory"), map[any]bool{}, []int{}
	for path != "" {
		found, a := get(path, tokens["access_token"])
		b.success(a)
		if found.TotalSize != 462 { // the page, the code, the refreshes
			t.Errorf("totalSize %d", found.TotalSize)
		}
		for _, row := range found.Records {
			seen[row["Id"]] = true
		}
		sizes, path = append(sizes, len(found.Records)), found.NextRecordsURL
		if path != "" && len(sizes) == 1 {
			end := b.approve(emulator.UsernameJa, emulator.ClientIDPublic)
			other := b.success(b.post("/services/oauth2/token", codeForm(emulator.ClientIDPublic, end.Query().Get("code"))))
			if _, a := get(path, other["access_token"]); !contains(a.body, "INVALID_QUERY_LOCATOR") {
				t.Errorf("somebody else's locator: %s", a.body)
			}
		}
	}
	if diff := cmp.Diff([]int{200, 200, 62}, sizes); diff != "" || len(seen) != 462 {
		t.Errorf("%d rows in parts of (-want +got):\n%s", len(seen), diff)
	}
}

// OauthToken names grants by a DeleteToken that revocation takes; who may see whose depends on a permission.
func TestOauthToken(t *testing.T) {
	t.Parallel()
	b := start(t)
	first := b.login(emulator.ClientIDPublic)
	b.success(b.refresh(emulator.ClientIDPublic, first["refresh_token"]))
	end := b.approve(emulator.UsernameJa, emulator.ClientIDPublic)
	other := b.success(b.post("/services/oauth2/token", codeForm(emulator.ClientIDPublic, end.Query().Get("code"))))
	const query = "SELECT AppName, UserId, UseCount, DeleteToken, AppMenuItemId, LastUsedDate FROM OauthToken ORDER BY UseCount DESC"
	found := b.soql(first["access_token"], query)
	if found.TotalSize != 2 || found.Records[0]["UseCount"] != 2.0 || found.Records[0]["AppName"] != "Public app" || found.Records[0]["AppMenuItemId"] == nil {
		t.Fatalf("rows %v", found.Records)
	}
	if _, err := time.Parse("2006-01-02T15:04:05.000-0700", found.Records[0]["LastUsedDate"].(string)); err != nil {
		t.Error(err)
	}
	if err := b.Emulator().UpdateUser(emulator.UsernameJa, func(u *emulator.User) { u.Profile = "Plain" }); err != nil {
		t.Fatal(err)
	}
	b.setOrg(func(o *emulator.Org) {
		o.Profiles = []emulator.Profile{{Name: "Plain", Permissions: []emulator.Permission{emulator.APIEnabled}}}
	})
	b.setApp(func(a *emulator.App) { a.NotInstalled = true })
	own := b.soql(other["access_token"], query)
	if own.TotalSize != 1 || own.Records[0]["UserId"] == found.Records[0]["UserId"] || own.Records[0]["AppMenuItemId"] != nil {
		t.Errorf("without Customize Application: %v", own.Records)
	}
	b.success(b.post("/services/oauth2/revoke", url.Values{"token": {found.Records[0]["DeleteToken"].(string)}}))
	if b.alive(first["access_token"]) || !b.alive(other["access_token"]) {
		t.Error("the DeleteToken did not end its grant, or ended another")
	}
}

// LoginHistory records how logins ended.
func TestLoginHistory(t *testing.T) {
	t.Parallel()
	b := addressed(t)
	walk := walker(t, b, "en")
	login := walk("GET", b.URL+"/", nil)
	walk("POST", b.URL+"/", login.form("username", emulator.Username, "pw", "wrong"))
	token := b.login(emulator.ClientIDPublic)
	b.setUser(func(u *emulator.User) { u.LoginIPRanges = []emulator.IPRange{"192.0.2.7"} })
	b.do(from(b.request(http.MethodPost, "/services/oauth2/token", refreshForm(emulator.ClientIDPublic, token["refresh_token"])), "198.51.100.1"))
	var got []string
	for _, row := range b.soql(token["access_token"], "SELECT Id, Status, LoginType, Application, SourceIp FROM LoginHistory").Records {
		got = append(got, fmt.Sprint(row["Status"], "|", row["LoginType"], "|", row["Application"], "|", row["SourceIp"]))
	}
	want := []string{
		"Restricted IP|Remote Access 2.0|Public app|198.51.100.1", "Success|Remote Access 2.0|Public app|127.0.0.1",
		"Success|Application|Browser|127.0.0.1", "Invalid Password|Application|Browser|127.0.0.1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("newest first (-want +got):\n%s", diff)
	}
}

func TestSobjects(t *testing.T) {
	t.Parallel()
	b := start(t)
	tokens := b.login(emulator.ClientIDPublic)
	token, user := tokens["access_token"], tokens["id"][len(tokens["id"])-18:]
	for path, want := range map[string]string{
		"":                                      `200 "maxBatchSize":200`,
		"/":                                     `200 "name":"LoginHistory"`,
		"/user":                                 `200 "keyPrefix":"005"`,
		"/User/describe":                        `200 {"createable":false,"custom":false,"filterable":true,"label":"IsActive","name":"IsActive","nillable":true,"soapType":"xsd:boolean"`,
		"/User/" + user + "?fields=Username,Id": `200 "Username":"amelia@acme.example","attributes"`,
		"/User/" + user + "?fields=Nope":        `400 "errorCode":"INVALID_FIELD"`,
		"/User/nonsense":                        `404 Provided external ID field does not exist or is not accessible: nonsense`,
		"/Organization/00DEMU000000001":         `200 "Name":"Acme"`,
		"/Account":                              `404 "errorCode":"NOT_FOUND"`,
		"/SandboxProcess/describe":              `404 "errorCode":"NOT_FOUND"`,
	} {
		a := b.get("/services/data/v64.0/sobjects"+path, token)
		status, part, _ := strings.Cut(want, " ")
		if fmt.Sprint(a.status) != status || !contains(a.body, part) {
			t.Errorf("%s: %d %.300s, want %s", path, a.status, a.body, want)
		}
	}
	r := b.request(http.MethodGet, "/services/data", nil)
	r.Header.Set("Accept", "application/xml")
	if a := b.do(r); !contains(a.body, "<Version><label>Winter &#39;27</label><url>/services/data/v68.0</url><version>68.0</version></Version></Versions>") {
		t.Errorf("versions as XML: %s", a.body)
	}
}

func FuzzSOQL(f *testing.F) {
	handler := newHandler(f)
	browser := &rawBrowser{handler: handler}
	token := browser.token(f)
	for _, seed := range []string{
		"SELECT Id FROM User", "SELECT COUNT() FROM OauthToken", `SELECT Id FROM User WHERE Name LIKE '%\'\\_' AND (NOT Id IN ('a',null)) ORDER BY Id DESC NULLS LAST LIMIT 1 OFFSET 1`,
		"SELECT Id FROM LoginHistory WHERE LoginTime >= LAST_N_DAYS:3", "SELECT FIELDS(STANDARD) FROM Organization", "SELECT Id FROM User WHERE LastLoginDate = 2026-01-01",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		r := httptest.NewRequest(http.MethodGet, "/services/data/v64.0/query?q="+url.QueryEscape(query), nil)
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		var refused []struct{ Message, ErrorCode string }
		if w.Code == http.StatusOK && json.Valid(w.Body.Bytes()) {
			return
		}
		if err := json.Unmarshal(w.Body.Bytes(), &refused); err != nil || w.Code != http.StatusBadRequest || len(refused) != 1 || refused[0].ErrorCode == "" {
			t.Fatalf("answer %d %s", w.Code, w.Body)
		}
	})
}
