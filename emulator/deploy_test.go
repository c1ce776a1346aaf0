package emulator_test

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"maps"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sftoken/sftoken/emulator"
)

const (
	ecaFile      = "externalClientApps/Tool.eca"
	globalFile   = "extlClntAppGlobalOauthSets/Tool.ecaGlblOauth"
	settingsFile = "extlClntAppOauthSettings/Tool.ecaOauth"
	space        = ` xmlns="http://soap.sforce.com/2006/04/metadata"`
)

// tool is a package with one external client app; changes replace files, "" removes one.
func tool(changes ...string) map[string]string {
	files := map[string]string{
		"package.xml": `<?xml version="1.0"?><Package` + space + `>` +
			`<types><members>Tool</members><name>ExternalClientApplication</name></types>` +
			`<types><members>*</members><name>ExtlClntAppGlobalOauthSettings</name></types>` +
			`<types><members>Tool</members><name>ExtlClntAppOauthSettings</name></types>` +
			`<types><members>*</members><name>ExtlClntAppOauthConfigurablePolicies</name></types>` +
			`<types><members>*</members><name>Settings</name></types>` +
			`<types><members>*</members><name>ConnectedApp</name></types><version>67.0</version></Package>`,
		ecaFile: `<ExternalClientApplication` + space + `><contactEmail>admin@example.com</contactEmail><distributionState>Local</distributionState><isProtected>false</isProtected><label>My tool</label></ExternalClientApplication>`,
		globalFile: `<ExtlClntAppGlobalOauthSettings` + space + `><callbackUrl>` + callback + `</callbackUrl><externalClientApplication>Tool</externalClientApplication>` +
			`<isConsumerSecretOptional>true</isConsumerSecretOptional><isPkceRequired>true</isPkceRequired><isRefreshTokenRotationEnabled>true</isRefreshTokenRotationEnabled><isSecretRequiredForRefreshToken>false</isSecretRequiredForRefreshToken><label>Tool OAuth</label></ExtlClntAppGlobalOauthSettings>`,
		settingsFile: `<ExtlClntAppOauthSettings` + space + `><commaSeparatedOauthScopes>Api, RefreshToken, OpenID</commaSeparatedOauthScopes><externalClientApplication>Tool</externalClientApplication><label>Tool scopes</label></ExtlClntAppOauthSettings>`,
	}
	for i := 0; i < len(changes); i += 2 {
		files[changes[i]] = changes[i+1]
		if changes[i+1] == "" {
			delete(files, changes[i])
		}
	}
	return files
}

func zipOf(t testing.TB, files map[string]string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f, err := w.Create(name)
		if err == nil {
			_, err = f.Write([]byte(files[name]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

type deployResult struct {
	ID           string
	DeployResult struct {
		Status       string
		Done         bool
		Success      bool
		ErrorMessage string
		Details      struct {
			ComponentFailures  []struct{ FileName, FullName, ComponentType, Problem, ProblemType string }
			ComponentSuccesses []struct {
				FullName, ComponentType, ID string
				Created                     bool
			}
		}
	}
}

// deploy sends a deployment, as base64 if encoding says so.
func (b *bench) deploy(token, options, encoding string, archive []byte) (deployResult, answer) {
	b.t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	write := func(header textproto.MIMEHeader, content []byte) {
		part, err := w.CreatePart(header)
		if err == nil {
			_, err = part.Write(content)
		}
		if err != nil {
			b.t.Fatal(err)
		}
	}
	write(textproto.MIMEHeader{"Content-Disposition": {`form-data; name="json"`}, "Content-Type": {"application/json"}}, []byte(options))
	file := textproto.MIMEHeader{"Content-Disposition": {`form-data; name="file"; filename="deploy.zip"`}, "Content-Type": {"application/zip"}}
	if encoding != "" {
		file.Set("Content-Transfer-Encoding", encoding)
		archive = []byte(base64.StdEncoding.EncodeToString(archive))
	}
	write(file, archive)
	if err := w.Close(); err != nil {
		b.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.URL+"/services/data/v67.0/metadata/deployRequest", &body)
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Content-Type", w.FormDataContentType())
	r.Header.Set("Authorization", "Bearer "+token)
	a := b.do(r)
	var result deployResult
	_ = json.Unmarshal([]byte(a.body), &result)
	return result, a
}

func (b *bench) poll(token, id string) deployResult {
	b.t.Helper()
	a := b.get("/services/data/v67.0/metadata/deployRequest/"+id+"?includeDetails=true", token)
	var result deployResult
	if err := json.Unmarshal([]byte(a.body), &result); err != nil || a.status != http.StatusOK {
		b.t.Fatalf("poll: %d %s", a.status, a.body)
	}
	return result
}

const plainOptions = `{"deployOptions":{"singlePackage":true,"rollbackOnError":true,"checkOnly":false,"testLevel":"NoTestRun"}}`

// deployed runs a deployment to its end.
func (b *bench) deployed(token, options string, files map[string]string) deployResult {
	b.t.Helper()
	begun, a := b.deploy(token, options, "", zipOf(b.t, files))
	if a.status != http.StatusCreated {
		b.t.Fatalf("deploy: %d %s", a.status, a.body)
	}
	b.Emulator().Advance(time.Second)
	return b.poll(token, begun.ID)
}

// key reads an app's key and secret by REST, as a program does after a deployment.
func (b *bench) key(token, name string) (key, secret string) {
	b.t.Helper()
	const root = "/services/data/v67.0/apps/oauth/"
	found := b.soql(token, "SELECT Id FROM ExternalClientApplication WHERE DeveloperName = '"+name+"'")
	if found.TotalSize != 1 {
		b.t.Fatalf("%d apps called %s", found.TotalSize, name)
	}
	var list struct {
		Consumers []struct{ ID, URL string }
	}
	if err := json.Unmarshal([]byte(b.get(root+"credentials/"+found.Records[0]["Id"].(string), token).body), &list); err != nil || len(list.Consumers) != 1 {
		b.t.Fatalf("consumers: %v", err)
	}
	pair := b.success(b.get(list.Consumers[0].URL+"?part=keyandsecret", token))
	return pair["key"], pair["secret"]
}

// A package becomes an app that somebody can log in with: only in its own org, once it has propagated.
func TestDeployApp(t *testing.T) {
	t.Parallel()
	for name, encoding := range map[string]string{"raw": "", "base64": "base64"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := emulator.DefaultConfig()
			config.PropagationDelay, config.DeployTime, config.Orgs[0].SecretsByREST = 10*time.Minute, time.Minute, true
			b := start(t, emulator.Options{Config: config})
			token := b.login(emulator.ClientIDPublic)["access_token"]
			begun, a := b.deploy(token, plainOptions, encoding, zipOf(t, tool()))
			if a.status != http.StatusCreated || begun.DeployResult.Status != "Pending" || !strings.HasPrefix(begun.ID, "0Af") {
				t.Fatalf("begun: %d %s", a.status, a.body)
			}
			b.Emulator().Advance(30 * time.Second)
			if got := b.poll(token, begun.ID).DeployResult; got.Status != "InProgress" || got.Done {
				t.Errorf("half way: %+v", got)
			}
			b.Emulator().Advance(30 * time.Second)
			end := b.poll(token, begun.ID).DeployResult
			if end.Status != "Succeeded" || !end.Done || !end.Success || len(end.Details.ComponentSuccesses) != 3 || !end.Details.ComponentSuccesses[0].Created {
				t.Fatalf("end: %+v", end)
			}
			key, secret := b.key(token, "Tool")
			if !strings.HasPrefix(key, "3MVG9") || len(secret) != 64 {
				t.Errorf("key %q, secret of %d characters", key, len(secret))
			}
			if got := b.approve(emulator.Username, key).Query().Get("error"); got != "invalid_client_id" {
				t.Errorf("before it has propagated: error=%s", got)
			}
			b.Emulator().Advance(10 * time.Minute)
			fresh := b.login(key)
			if fresh["refresh_token"] == "" || !sameWords(fresh["scope"], "api refresh_token openid") {
				t.Errorf("login with it: scope %q", fresh["scope"])
			}
			rotated := b.success(b.refresh(key, fresh["refresh_token"]))
			if rotated["refresh_token"] == "" {
				t.Error("it does not rotate")
			}
			if got := b.approve(emulator.UsernameSandbox, key).Query().Get("error"); got != "OAUTH_AUTHORIZATION_BLOCKED" {
				t.Errorf("in another org: error=%s", got)
			}

			b.deployed(token, plainOptions, tool(settingsFile, strings.Replace(tool()[settingsFile], "Api, ", "Api, Web, ", 1)))
			b.Emulator().Advance(10 * time.Minute)
			if app, ok := b.Emulator().App(key); !ok || !cmp.Equal(app.Scopes, []string{"api", "web", "refresh_token", "openid"}) || app.ClientSecret != secret {
				t.Errorf("after an update %v: scopes %v", ok, app.Scopes)
			}
		})
	}
}

// What is wrong with a package is said in Salesforce's words; nothing of it is kept.
func TestDeployProblems(t *testing.T) {
	t.Parallel()
	edit := func(file, old, replacement string) map[string]string {
		return tool(file, strings.Replace(tool()[file], old, replacement, 1))
	}
	for name, row := range map[string]struct {
		files map[string]string
		want  string // file: problem
	}{
		"without settings": {tool(settingsFile, "", "package.xml", strings.Replace(tool()["package.xml"], "<types><members>Tool</members><name>ExtlClntAppOauthSettings</name></types>", "", 1)), globalFile + ": The external client app configured in your global OAuth Settings doesn't have a valid OAuth settings configuration."},
		"missing file":     {tool(settingsFile, ""), "package.xml: An object 'Tool' of type ExtlClntAppOauthSettings was named in package.xml, but was not found in zipped directory"},
		"other app":        {edit(globalFile, "<externalClientApplication>Tool", "<externalClientApplication>Other"), globalFile + ": INVALID_CROSS_REFERENCE_KEY: externalClientApplication Other does not match Tool"},
		"no app":           {tool(ecaFile, "", "package.xml", strings.Replace(tool()["package.xml"], "<types><members>Tool</members><name>ExternalClientApplication</name></types>", "", 1)), globalFile + ": INVALID_CROSS_REFERENCE_KEY: no ExternalClientApplication named Tool found"},
		"wire scope":       {edit(settingsFile, "Api,", "mcp_api,"), settingsFile + ": Invalid OAuth scope: mcp_api. Valid values are: Basic, OfflineAccess, DataCloudUserClaims, Email,"},
		"unknown element":  {edit(ecaFile, "<label>", "<colour>x</colour><label>"), ecaFile + ": Error parsing file: Element {http://soap.sforce.com/2006/04/metadata}colour invalid at this location in type ExternalClientApplication"},
		"no label":         {edit(ecaFile, "<label>My tool</label>", ""), ecaFile + ": Required field is missing: label"},
		"bad word":         {edit(ecaFile, "Local", "local"), ecaFile + ": Error parsing file: 'local' is not a valid value for the enum or type of distributionState"},
		"bad XML":          {tool(ecaFile, "<ExternalClientApplication"), ecaFile + ": Error parsing file: "},
		"entities":         {tool(ecaFile, `<!DOCTYPE x [<!ENTITY a "b">]>`+tool()[ecaFile]), ecaFile + ": Error parsing file: a document type is not allowed"},
		"no manifest":      {tool("package.xml", ""), "package.xml: No package.xml found"},
		"unknown type":     {edit("package.xml", "<name>Settings<", "<name>Nonsense<"), "package.xml: Unknown type name 'Nonsense' specified in package.xml"},
		"admin approved": {
			tool("extlClntAppOauthPolicies/Tool_defaultPolicy.ecaOauthPlcy", `<ExtlClntAppOauthConfigurablePolicies`+space+`><externalClientApplication>Tool</externalClientApplication><label>p</label><permittedUsersPolicyType>AdminApproved</permittedUsersPolicyType></ExtlClntAppOauthConfigurablePolicies>`),
			"extlClntAppOauthPolicies/Tool_defaultPolicy.ecaOauthPlcy: Error parsing file: 'AdminApproved' is not a valid value for the enum or type of permittedUsersPolicyType",
		},
		"connected app": {
			tool("connectedApps/Old.connectedApp", `<ConnectedApp`+space+`><contactEmail>a@b.c</contactEmail><label>Old</label><oauthConfig><callbackUrl>`+callback+`</callbackUrl><scopes>Api</scopes></oauthConfig></ConnectedApp>`),
			"connectedApps/Old.connectedApp: You can't create a connected app. To enable connected app creation, contact Salesforce Customer Support.",
		},
		"taken name": {
			map[string]string{
				"package.xml":                       `<Package` + space + `><types><members>Public_app</members><name>ExternalClientApplication</name></types></Package>`,
				"externalClientApps/Public_app.eca": tool()[ecaFile],
			}, "externalClientApps/Public_app.eca: DUPLICATE_DEVELOPER_NAME: The name Public_app is already used by another app in this org",
		},
		"taken key": {edit(globalFile, "<label>", "<consumerKey>PlatformCLI</consumerKey><label>"), globalFile + ": DUPLICATE_VALUE: The consumer key is already used by another app"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := start(t)
			token := b.login(emulator.ClientIDPublic)["access_token"]
			result := b.deployed(token, plainOptions, row.files).DeployResult
			var got []string
			for _, failure := range result.Details.ComponentFailures {
				got = append(got, failure.FileName+": "+failure.Problem)
			}
			if result.Status != "Failed" || !slices.ContainsFunc(got, func(text string) bool { return strings.HasPrefix(text, row.want) }) {
				t.Errorf("%s with %q, want %s", result.Status, got, row.want)
			}
			if n := b.soql(token, "SELECT Id FROM ExternalClientApplication").TotalSize; n != 0 {
				t.Errorf("%d apps were made", n)
			}
		})
	}
}

// The flows that a package switches on work: client credentials, as its run-as user.
func TestDeployFlows(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.setOrg(func(o *emulator.Org) { o.SecretsByREST = true })
	token := b.login(emulator.ClientIDPublic)["access_token"]
	files := tool(
		globalFile, strings.Replace(tool()[globalFile], "<label>", "<isClientCredentialsFlowEnabled>true</isClientCredentialsFlowEnabled><label>", 1),
		"extlClntAppOauthPolicies/Tool_defaultPolicy.ecaOauthPlcy", `<ExtlClntAppOauthConfigurablePolicies`+space+`><clientCredentialsFlowUser>`+emulator.UsernameJa+`</clientCredentialsFlowUser><externalClientApplication>Tool</externalClientApplication><isClientCredentialsFlowEnabled>true</isClientCredentialsFlowEnabled><label>p</label></ExtlClntAppOauthConfigurablePolicies>`,
	)
	if got := b.deployed(token, plainOptions, files).DeployResult; got.Status != "Succeeded" {
		t.Fatalf("%+v", got)
	}
	key, secret := b.key(token, "Tool")
	given := b.success(b.post("/acme/services/oauth2/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {key}, "client_secret": {secret}}))
	if n := b.soql(given["access_token"], "SELECT COUNT() FROM LoginHistory WHERE Application = 'My tool' AND Status = 'Success'").TotalSize; n != 1 {
		t.Errorf("%d logins of the app, want 1", n)
	}
}

// An app that becomes packaged is not installed elsewhere, and says so otherwise than a local one; deploying it twice, or back,
// is no other thing.
func TestDeployDistribution(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.setOrg(func(o *emulator.Org) { o.SecretsByREST = true })
	token := b.login(emulator.ClientIDPublic)["access_token"]
	packaged := tool(ecaFile, strings.Replace(tool()[ecaFile], "Local", "Packaged", 1))
	for i, row := range []struct {
		files map[string]string
		want  string
	}{{tool(), "OAUTH_AUTHORIZATION_BLOCKED"}, {packaged, "OAUTH_EC_APP_NOT_FOUND"}, {packaged, "OAUTH_EC_APP_NOT_FOUND"}, {tool(), "OAUTH_AUTHORIZATION_BLOCKED"}} {
		b.deployed(token, plainOptions, row.files)
		key, _ := b.key(token, "Tool")
		if got := b.approve(emulator.UsernameSandbox, key).Query().Get("error"); got != row.want {
			t.Errorf("%d: in another org error=%s, want %s", i, got, row.want)
		}
		b.login(key)
	}
}

func TestDeployOptions(t *testing.T) {
	t.Parallel()
	b := start(t)
	token := b.login(emulator.ClientIDPublic)["access_token"]
	patch := func(id string) answer {
		body := strings.NewReader(`{"deployResult":{"status":"Canceling"}}`)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, b.URL+"/services/data/v67.0/metadata/deployRequest/"+id, body)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Content-Type", "application/json")
		return b.do(r)
	}
	begun, _ := b.deploy(token, plainOptions, "", zipOf(t, tool()))
	if a := patch(begun.ID); a.status != http.StatusAccepted || !strings.Contains(a.body, `"status":"Canceling"`) {
		t.Errorf("cancel: %d %s", a.status, a.body)
	}
	b.Emulator().Advance(time.Second)
	if got := b.poll(token, begun.ID).DeployResult.Status; got != "Canceled" {
		t.Errorf("status %s, want Canceled", got)
	}
	if a := patch(begun.ID); a.status != http.StatusBadRequest {
		t.Errorf("cancel again: %d %s", a.status, a.body)
	}
	if got := b.deployed(token, `{"deployOptions":{"checkOnly":true}}`, tool()).DeployResult.Status; got != "Succeeded" {
		t.Errorf("check only: %s", got)
	}
	if n := b.soql(token, "SELECT Id FROM ExternalClientApplication").TotalSize; n != 0 {
		t.Errorf("%d apps were made by a deployment that was canceled and one that only checked", n)
	}
	files := tool("settings/Nonsense.settings", "<NonsenseSettings/>")
	if got := b.deployed(token, `{"deployOptions":{"rollbackOnError":false}}`, files).DeployResult.Status; got != "SucceededPartial" {
		t.Errorf("partly: %s", got)
	}
	switches := map[string]string{
		"package.xml":                    tool()["package.xml"],
		"settings/OauthOidc.settings":    `<OauthOidcSettings` + space + `><isPkceRequired>true</isPkceRequired></OauthOidcSettings>`,
		"settings/Security.settings":     `<SecuritySettings` + space + `><sessionSettings><lockSessionsToIp>true</lockSessionsToIp><sessionTimeout>FifteenMinutes</sessionTimeout></sessionSettings></SecuritySettings>`,
		"settings/ConnectedApp.settings": `<ConnectedAppSettings` + space + `><enableAdminApprovedAppsOnly>true</enableAdminApprovedAppsOnly></ConnectedAppSettings>`,
	}
	switches["package.xml"] = strings.ReplaceAll(switches["package.xml"], "<members>Tool</members>", "<members>*</members>")
	if got := b.deployed(token, plainOptions, switches).DeployResult; got.Status != "Succeeded" {
		t.Errorf("switches: %+v", got)
	}
	b.setOrg(func(o *emulator.Org) {
		if !o.PKCERequired || !o.LockSessionsToIP || !o.AdminApprovedAppsOnly || o.SessionTimeout != 15*time.Minute {
			t.Errorf("the org's switches: %+v", *o)
		}
	})
	b.setUser(func(u *emulator.User) { u.Profile = "None" })
	b.setOrg(func(o *emulator.Org) {
		o.Profiles = []emulator.Profile{{Name: "None", Permissions: []emulator.Permission{emulator.APIEnabled}}}
	})
	if _, a := b.deploy(token, plainOptions, "", zipOf(t, tool())); a.status != http.StatusForbidden || !strings.Contains(a.body, "use of the Metadata API requires a user with the ModifyAllData or ModifyMetadata permissions") {
		t.Errorf("without permission: %d %s", a.status, a.body)
	}
}
