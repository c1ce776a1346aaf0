package emulator_test

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sftoken/sftoken/emulator"
)

// soap sends an operation to one of the services in a form of envelope that real clients use.
func (b *bench) soap(path, session, operation string) answer {
	b.t.Helper()
	header := ""
	if session != "" {
		header = "<env:Header><SessionHeader xmlns=\"urn:partner.soap.sforce.com\"><sessionId>" + session + "</sessionId></SessionHeader></env:Header>"
	}
	return b.envelope(path, `""`, `<?xml version="1.0" encoding="utf-8"?><env:Envelope xmlns:env="http://schemas.xmlsoap.org/soap/envelope/">`+header+"<env:Body>"+operation+"</env:Body></env:Envelope>")
}

func (b *bench) envelope(path, action, body string) answer {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.URL+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "text/xml; charset=UTF-8")
	if action != "none" {
		r.Header.Set("SOAPAction", action)
	}
	return b.do(r)
}

func element(body, name string) string {
	_, rest, _ := strings.Cut(body, "<"+name+">")
	text, _, _ := strings.Cut(rest, "</"+name+">")
	return text
}

func loginXML(username, password string) string {
	return `<n1:login xmlns:n1="urn:partner.soap.sforce.com"><n1:username>` + username + `</n1:username><n1:password>` + password + `</n1:password></n1:login>`
}

func TestSOAPLogin(t *testing.T) {
	t.Parallel()
	b := start(t)
	for _, path := range []string{"/services/Soap/u/59.0", "/services/Soap/c/55.0/00DEMU000000001", "/acme/services/Soap/u/64.0/"} {
		a := b.soap(path, "", loginXML(emulator.Username, emulator.Password))
		session, server := element(a.body, "sessionId"), element(a.body, "serverUrl")
		if a.status != 200 || session == "" || len(element(a.body, "userId")) != 18 || len(element(a.body, "organizationId")) != 18 || !strings.HasPrefix(server, b.URL) {
			t.Fatalf("%s: %d %s", path, a.status, a.body)
		}
		if !b.alive(session) {
			t.Error("the REST API does not take the session")
		}
		if a := b.get("/services/oauth2/singleaccess", session); a.status != 403 || a.body != "Bad_OAuth_Token" {
			t.Errorf("singleaccess with a session that is no OAuth token: %d %s", a.status, a.body)
		}
		info := b.soap(server[len(b.URL):], session, `<getUserInfo xmlns="urn:partner.soap.sforce.com"/>`)
		if element(info.body, "userName") != emulator.Username || element(info.body, "sessionSecondsValid") != "7200" {
			t.Errorf("getUserInfo: %s", info.body)
		}
		if out := b.soap(path, session, `<logout xmlns="urn:partner.soap.sforce.com"/>`); out.status != 200 || !contains(out.body, "<logoutResponse></logoutResponse>") || b.alive(session) {
			t.Errorf("logout: %d %s", out.status, out.body)
		}
	}
	// As jsforce and simple-salesforce write it.
	for action, body := range map[string]string{
		`""`:    `<se:Envelope xmlns:se="http://schemas.xmlsoap.org/soap/envelope/"><se:Header/><se:Body><login xmlns="urn:partner.soap.sforce.com"><username>` + emulator.Username + `</username><password>` + emulator.Password + `</password></login></se:Body></se:Envelope>`,
		"login": `<?xml version="1.0" encoding="utf-8" ?><env:Envelope xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:env="http://schemas.xmlsoap.org/soap/envelope/" xmlns:urn="urn:partner.soap.sforce.com"><env:Header><urn:CallOptions><urn:client>x</urn:client></urn:CallOptions></env:Header><env:Body><n1:login xmlns:n1="urn:partner.soap.sforce.com"><n1:username>` + emulator.Username + `</n1:username><n1:password>` + emulator.Password + `</n1:password></n1:login></env:Body></env:Envelope>`,
	} {
		if a := b.envelope("/services/Soap/u/59.0", action, body); element(a.body, "sessionId") == "" {
			t.Errorf("SOAPAction %s: %s", action, a.body)
		}
	}
}

func TestSOAPFaults(t *testing.T) {
	t.Parallel()
	good := loginXML(emulator.Username, emulator.Password)
	const wrong = "INVALID_LOGIN: Invalid username, password, security token; or user locked out."
	for name, row := range map[string]struct {
		change    func(*bench)
		operation string
		want      string // faultstring
	}{
		"wrong password": {nil, loginXML(emulator.Username, "x"), wrong},
		"nobody":         {nil, loginXML("x", "x"), wrong},
		"no token":       {func(b *bench) { b.setUser(func(u *emulator.User) { u.SecurityToken = "TOKEN" }) }, good, wrong},
		"inactive":       {func(b *bench) { b.setUser(func(u *emulator.User) { u.Inactive = true }) }, good, wrong},
		"address": {
			func(b *bench) {
				b.setUser(func(u *emulator.User) { u.LoginIPRanges = []emulator.IPRange{"192.0.2.1"} })
			}, good,
			"LOGIN_DURING_RESTRICTED_DOMAIN: cannot log in from current IP address",
		},
		"no API": {func(b *bench) {
			b.setOrg(func(o *emulator.Org) { o.Profiles = []emulator.Profile{{Name: "None"}} })
			b.setUser(func(u *emulator.User) { u.Profile = "None" })
		}, good, "API_CURRENTLY_DISABLED: API is disabled for this User"},
		"rate": {func(b *bench) {
			b.setOrg(func(o *emulator.Org) { o.LoginsPerHour = 1 })
			b.soap("/services/Soap/u/59.0", "", good)
		}, good, "LOGIN_RATE_EXCEEDED: login rate exceeded"},
		"session":   {nil, "<logout/>", "INVALID_SESSION_ID: Invalid Session ID found in SessionHeader: Illegal Session. Session not found, missing session hash"},
		"operation": {nil, `<fly xmlns="urn:x"/>`, "No operation available for request {urn:x}fly, please check the WSDL for the service."},
		"two":       {nil, good + good, "the body must hold one operation"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := start(t)
			if row.change != nil {
				row.change(b)
			}
			a := b.soap("/services/Soap/u/59.0", "", row.operation)
			if got := element(a.body, "faultstring"); a.status != 500 || got != row.want {
				t.Errorf("%d %q, want %q", a.status, got, row.want)
			}
		})
	}
	b := start(t)
	b.setUser(func(u *emulator.User) { u.SecurityToken = "TOKEN" })
	if a := b.soap("/services/Soap/u/59.0", "", loginXML(emulator.Username, emulator.Password+"TOKEN")); element(a.body, "sessionId") == "" {
		t.Errorf("password and security token: %s", a.body)
	}
	if a := b.envelope("/services/Soap/u/59.0", "none", ""); element(a.body, "faultstring") != "SOAPAction HTTP header missing" {
		t.Errorf("without SOAPAction: %s", a.body)
	}
	if a := b.soap("/services/Soap/x/59.0", "", good); a.status != 404 {
		t.Errorf("unknown service: %d", a.status)
	}
}

// The metadata API by SOAP: what ForceCLI asks for, and the key of an app that was deployed.
func TestSOAPMetadata(t *testing.T) {
	t.Parallel()
	b := start(t)
	token := b.login(emulator.ClientIDPublic)["access_token"]
	const path, met = "/services/Soap/m/67.0", ` xmlns="http://soap.sforce.com/2006/04/metadata"`
	if a := b.soap(path, token, "<describeMetadata"+met+"><asOfVersion>67.0</asOfVersion></describeMetadata>"); !contains(a.body, "<metadataObjects><directoryName>externalClientApps</directoryName><inFolder>false</inFolder><metaFile>false</metaFile><suffix>eca</suffix><xmlName>ExternalClientApplication</xmlName></metadataObjects>") {
		t.Errorf("describeMetadata: %s", a.body)
	}
	begun := b.soap(path, token, "<deploy"+met+"><ZipFile>"+base64.StdEncoding.EncodeToString(zipOf(t, tool()))+"</ZipFile><DeployOptions><rollbackOnError>true</rollbackOnError></DeployOptions></deploy>")
	b.Emulator().Advance(time.Second)
	status := b.soap(path, token, "<checkDeployStatus"+met+"><asyncProcessId>"+element(begun.body, "id")+"</asyncProcessId><includeDetails>true</includeDetails></checkDeployStatus>")
	if element(status.body, "status") != "Succeeded" || !contains(status.body, "<componentSuccesses>") {
		t.Fatalf("checkDeployStatus: %s", status.body)
	}
	if a := b.soap(path, token, "<listMetadata"+met+"><queries><type>ExternalClientApplication</type></queries></listMetadata>"); element(a.body, "fullName") != "Tool" || element(a.body, "fileName") != "externalClientApps/Tool.eca" {
		t.Errorf("listMetadata: %s", a.body)
	}
	b.setOrg(func(o *emulator.Org) { o.SecretsByREST = true })
	key, _ := b.key(token, "Tool")
	read := b.soap(path, token, "<readMetadata"+met+"><type>ExtlClntAppGlobalOauthSettings</type><fullNames>Tool</fullNames><fullNames>Nobody</fullNames></readMetadata>")
	if !contains(read.body, `<records xsi:type="ExtlClntAppGlobalOauthSettings"><fullName>Tool</fullName>`) || element(read.body, "consumerKey") != key || !contains(read.body, `<records xsi:nil="true"/>`) || contains(read.body, "consumerSecret>") {
		t.Errorf("readMetadata: %s", read.body)
	}
	for kind, want := range map[string]string{
		"ExtlClntAppOauthSettings":             "<commaSeparatedOauthScopes>Api, RefreshToken, OpenID</commaSeparatedOauthScopes>",
		"ExtlClntAppOauthConfigurablePolicies": "<ipRelaxationPolicyType>Enforce</ipRelaxationPolicyType>",
		"ExtlClntAppConfigurablePolicies":      "<isEnabled>true</isEnabled>",
	} {
		name := "Tool"
		if strings.Contains(kind, "Policies") {
			name = "Tool_defaultPolicy"
		}
		if a := b.soap(path, token, "<readMetadata"+met+"><type>"+kind+"</type><fullNames>"+name+"</fullNames></readMetadata>"); !contains(a.body, want) {
			t.Errorf("%s: %s", kind, a.body)
		}
	}
	if a := b.soap(path, token, "<readMetadata"+met+"><type>ConnectedApp</type><fullNames>Public_app</fullNames></readMetadata>"); element(a.body, "consumerKey") != emulator.ClientIDPublic || !contains(a.body, "<scopes>RefreshToken</scopes>") {
		t.Errorf("ConnectedApp: %s", a.body)
	}
}

func FuzzSOAP(f *testing.F) {
	handler := newHandler(f)
	token := (&rawBrowser{handler: handler}).token(f)
	f.Add("u", loginXML(emulator.Username, emulator.Password))
	f.Add("m", "<listMetadata><queries><type>ConnectedApp</type></queries></listMetadata>")
	f.Add("m", "<readMetadata><type>ConnectedApp</type><fullNames>Public_app</fullNames></readMetadata>")
	f.Add("m", "<deploy><ZipFile>UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA==</ZipFile></deploy>")
	f.Fuzz(func(t *testing.T, service, operation string) {
		body := `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Header><SessionHeader><sessionId>` + token + `</sessionId></SessionHeader></e:Header><e:Body>` + operation + `</e:Body></e:Envelope>`
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.URL.Path = "/services/Soap/" + service + "/60.0"
		r.Header.Set("SOAPAction", "")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != 200 && w.Code != 500 && w.Code < 300 || w.Code > 500 || w.Code == 500 && !strings.Contains(w.Body.String(), "<faultstring>") {
			t.Fatalf("answer %d %s", w.Code, w.Body)
		}
	})
}

func FuzzDeploy(f *testing.F) {
	for _, files := range []map[string]string{tool(), tool("settings/OauthOidc.settings", "<OauthOidcSettings/>"), {"package.xml": "<Package/>"}} {
		f.Add(zipOf(f, files))
	}
	handler := newHandler(f)
	token := (&rawBrowser{handler: handler}).token(f)
	f.Fuzz(func(t *testing.T, archive []byte) {
		body := "--b\r\nContent-Disposition: form-data; name=\"json\"\r\n\r\n" + plainOptions + "\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x.zip\"\r\n\r\n" + string(archive) + "\r\n--b--"
		send := func(method, path, body string) *httptest.ResponseRecorder {
			r := httptest.NewRequest(method, "/services/data/v67.0/metadata/deployRequest"+path, strings.NewReader(body))
			r.Header.Set("Content-Type", "multipart/form-data; boundary=b")
			r.Header.Set("Authorization", "Bearer "+token)
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			return w
		}
		w := send(http.MethodPost, "", body)
		if w.Code != http.StatusCreated {
			if w.Code != http.StatusBadRequest && w.Code != http.StatusUnsupportedMediaType {
				t.Fatalf("answer %d %s", w.Code, w.Body)
			}
			return
		}
		_, rest, _ := strings.Cut(w.Body.String(), `"id":"`)
		handler.Advance(time.Second)
		end := send(http.MethodGet, "/"+rest[:18]+"?includeDetails=true", "")
		if end.Code != 200 || !strings.Contains(end.Body.String(), `"done":true`) {
			t.Fatalf("end %d %s", end.Code, end.Body)
		}
	})
}
