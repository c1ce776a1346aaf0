package emulator_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sftoken/sftoken/emulator"
)

// Staged credentials: made, promoted, deleted; who may, and when.
func TestCredentials(t *testing.T) {
	t.Parallel()
	b := start(t)
	token := b.login(emulator.ClientIDPublic)["access_token"]
	b.deployed(token, plainOptions, tool())
	id := b.soql(token, "SELECT Id FROM ExternalClientApplication").Records[0]["Id"].(string)
	const root = "/services/data/v67.0/apps/oauth/credentials/"
	var list struct {
		Consumers []struct{ ID, Key, URL, StagedCredentialsURL string }
	}
	if err := json.Unmarshal([]byte(b.get(root+id, token).body), &list); err != nil {
		t.Fatal(err)
	}
	consumer := list.Consumers[0]
	if a := b.get(consumer.URL, token); a.fields["key"] != consumer.Key || a.fields["secret"] != "" {
		t.Errorf("default part: %s", a.body)
	}
	for _, path := range []string{consumer.URL + "?part=secret", consumer.StagedCredentialsURL} {
		if a := b.get(path, token); a.status != http.StatusForbidden || !strings.Contains(a.body, "not currently enabled") {
			t.Errorf("without the switch: %d %s", a.status, a.body)
		}
	}
	b.setOrg(func(o *emulator.Org) { o.SecretsByREST = true })
	grant := b.login(consumer.Key)
	send := func(method, path string) (answer, map[string]any) {
		r := b.request(method, path, nil)
		r.Header.Set("Authorization", "Bearer "+token)
		a := b.do(r)
		var fields map[string]any
		_ = json.Unmarshal([]byte(a.body), &fields)
		return a, fields
	}
	made, staged := send(http.MethodPost, consumer.StagedCredentialsURL)
	if made.status != http.StatusCreated || staged["state"] != "Active" {
		t.Fatalf("staged: %d %s", made.status, made.body)
	}
	at := consumer.StagedCredentialsURL + "/" + staged["id"].(string)
	if _, again := send(http.MethodGet, at); !cmp.Equal(again, staged) {
		t.Errorf("read again: %v, want %v", again, staged)
	}
	if a, promoted := send(http.MethodPatch, at); a.status != http.StatusOK || promoted["state"] != "Rotated" {
		t.Errorf("promoted: %d %s", a.status, a.body)
	}
	b.refused(b.refresh(consumer.Key, grant["refresh_token"]), "invalid_client_id", "client identifier invalid")
	b.success(b.refresh(staged["key"].(string), grant["refresh_token"]))
	if key, secret := b.key(token, "Tool"); key != staged["key"] || secret != staged["secret"] {
		t.Error("the app's own key and secret are not the staged ones")
	}
	_, other := send(http.MethodPost, consumer.StagedCredentialsURL)
	at = consumer.StagedCredentialsURL + "/" + other["id"].(string)
	b.Emulator().Advance(30 * 24 * time.Hour)
	token = b.login(emulator.ClientIDPublic)["access_token"]
	if a, _ := send(http.MethodPatch, at); a.status != http.StatusBadRequest || !strings.Contains(a.body, "Expired") {
		t.Errorf("promoted after 30 days: %d %s", a.status, a.body)
	}
	if a, _ := send(http.MethodDelete, at); a.status != http.StatusNoContent {
		t.Errorf("delete: %d", a.status)
	}
	if a, _ := send(http.MethodGet, at); a.status != http.StatusNotFound {
		t.Errorf("after that: %d", a.status)
	}
	b.setUser(func(u *emulator.User) { u.Profile = "Plain" })
	b.setOrg(func(o *emulator.Org) {
		o.Profiles = []emulator.Profile{{Name: "Plain", Permissions: []emulator.Permission{emulator.APIEnabled}}}
	})
	for _, path := range []string{root + id, "/services/data/v67.0/apps/oauth/usage"} {
		if a := b.get(path, token); a.status != http.StatusForbidden {
			t.Errorf("%s without permission: %d", path, a.status)
		}
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	b := start(t)
	first, second := b.login(emulator.ClientIDPublic), b.login(emulator.ClientIDPublic)
	b.login(emulator.ClientIDRotating)
	const root = "/services/data/v67.0/apps/oauth/usage"
	read := func(path string) map[string]any {
		var fields map[string]any
		if err := json.Unmarshal([]byte(b.get(path, first["access_token"]).body), &fields); err != nil {
			t.Fatal(err)
		}
		return fields
	}
	remove := func(path string) int {
		r := b.request(http.MethodDelete, path, nil)
		r.Header.Set("Authorization", "Bearer "+first["access_token"])
		return b.do(r).status
	}
	var app map[string]any
	for path := any(root + "?pageSize=2"); path != nil; {
		page := read(path.(string))
		for _, one := range page["apps"].([]any) {
			if one := one.(map[string]any); one["developerName"] == "Public_app" {
				app = one
			}
		}
		path = page["nextPageUrl"]
	}
	users := read(app["usageDetailsUrl"].(string))["users"].([]any)
	user := users[0].(map[string]any)
	if len(users) != 1 || user["useCount"] != 2.0 || user["username"] != emulator.Username {
		t.Fatalf("users %v", users)
	}
	tokens := read(user["revocationUrl"].(string))["tokens"].([]any)
	if len(tokens) != 2 {
		t.Fatalf("tokens %v", tokens)
	}
	if status := remove(tokens[1].(map[string]any)["revocationUrl"].(string)); status != http.StatusNoContent || !b.alive(first["access_token"]) || b.alive(second["access_token"]) {
		t.Errorf("one token: %d", status)
	}
	if status := remove(root + "/" + url.PathEscape(app["identifier"].(string)) + "/nonsense"); status != http.StatusNotFound {
		t.Errorf("nonsense: %d", status)
	}
	if status := remove(root + "/" + app["identifier"].(string) + "/tokens"); status != http.StatusNoContent || b.alive(first["access_token"]) {
		t.Errorf("all tokens: %d", status)
	}
}
