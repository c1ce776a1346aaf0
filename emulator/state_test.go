package emulator

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
)

// shared are the types that are only ever replaced, never changed in place, so that a snapshot may share them.
var shared = map[reflect.Type]bool{
	reflect.TypeFor[*App](): true, reflect.TypeFor[*account](): true, reflect.TypeFor[*attempt](): true, reflect.TypeFor[*bridge](): true,
	reflect.TypeFor[*ending](): true, reflect.TypeFor[*check](): true, reflect.TypeFor[*letter](): true,
	reflect.TypeFor[*cursor](): true, reflect.TypeFor[*stagedCredentials](): true,
}

// A snapshot must not change when the server does: state and its clone share nothing that can change in place. Whoever adds a
// field to state is told here if clone forgets it.
func TestCloneSharesNothing(t *testing.T) {
	t.Parallel()
	s, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := s.Approve(ClientIDRotating, Username)
	if err != nil {
		t.Fatal(err)
	}
	form := url.Values{"grant_type": {"refresh_token"}, "client_id": {ClientIDRotating}, "refresh_token": {tokens.RefreshToken}}
	r := httptest.NewRequest(http.MethodPost, "/services/oauth2/token", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	s.ServeHTTP(httptest.NewRecorder(), r)
	who := s.dir.byName[Username]
	s.giveCode(&attempt{clientID: ClientIDRotating}, who, s.now())
	s.codes[s.giveCode(&attempt{clientID: ClientIDRotating}, who, s.now())].grant = s.all[0]
	s.remember(&attempt{})
	s.browsers["x"], s.bridges["x"] = who, &bridge{who: who}
	s.devices["x"], s.checks["x"], s.letters["x"], s.usedJTIs["x"] = &device{who: who}, &check{who: who}, &letter{who: who}, s.now()
	s.dir.logins["x"] = append(s.dir.logins["x"], s.now())

	s.org.cursors["x"], s.org.staged["x"], s.org.deployments["x"] = &cursor{}, &stagedCredentials{}, &deployment{who: who}
	s.org.saved["x"] = s.now()
	s.noteLogin(&call{r: r}, who, nil, byPerson, "Success")
	records := s.org.snapshot()
	mine, copied := map[uintptr]string{}, map[uintptr]string{}
	reach(reflect.ValueOf(s.org.records), "records", mine)
	reach(reflect.ValueOf(records), "records", copied)
	if len(mine) != len(copied) || len(mine) < 6 {
		t.Errorf("%d records can change, %d in the clone", len(mine), len(copied))
	}
	for address, name := range copied {
		if mine[address] != "" {
			t.Errorf("the clone shares %s", name)
		}
	}

	fields := reflect.ValueOf(s.state)
	for i := range fields.NumField() {
		if f := fields.Field(i); f.Kind() == reflect.Map && f.Len() == 0 {
			t.Errorf("nothing is in state.%s: fill it above", fields.Type().Field(i).Name)
		}
	}
	clone := s.state.clone()
	before, after := map[uintptr]string{}, map[uintptr]string{}
	reach(reflect.ValueOf(s.state), "state", before)
	reach(reflect.ValueOf(clone), "state", after)
	if len(before) != len(after) || len(before) < 15 {
		t.Errorf("%d things can change, %d in the clone", len(before), len(after))
	}
	for address, name := range after {
		if before[address] != "" {
			t.Errorf("the clone shares %s", name)
		}
	}
}

// reach collects the addresses of all maps, slices and pointers below v whose contents can change in place.
func reach(v reflect.Value, name string, found map[uintptr]string) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice:
		if v.IsNil() || shared[v.Type()] || v.Kind() == reflect.Slice && v.Cap() == 0 || strings.HasSuffix(name, ".scopes") || found[v.Pointer()] != "" {
			return // granted scopes are never changed either
		}
		if v.Type().Elem().Kind() != reflect.Uint8 {
			found[v.Pointer()] = name
		}
	}
	switch v.Kind() {
	case reflect.Pointer:
		reach(v.Elem(), name, found)
	case reflect.Map:
		for entries := v.MapRange(); entries.Next(); {
			reach(entries.Value(), name+"[]", found)
		}
	case reflect.Slice:
		if v.Type().Elem() == reflect.TypeFor[Org]() {
			return // replaced as a whole
		}
		for i := range v.Len() {
			reach(v.Index(i), name+"[]", found)
		}
	case reflect.Struct:
		if path := v.Type().PkgPath(); path == "time" || path == "net/netip" {
			return
		}
		for i := range v.NumField() {
			reach(v.Field(i), name+"."+v.Type().Field(i).Name, found)
		}
	}
}
