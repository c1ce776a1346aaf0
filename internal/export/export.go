// Package export writes a login in the form that another tool reads: a file of its settings, a statement, a connection
// string, a snippet of code. Each format is a template in the folder format and a line of [Formats]; every value in a template
// goes through the quoting of its target.
//
// It refuses what the target cannot hold and says what a target makes of the login's host and of rotation. It writes to
// nobody and asks nobody: the command line, which alone imports it, decides where the text goes.
package export

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/template"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/sftoken/sftoken"
)

// Login is what is exported.
type Login struct {
	Alias        string
	App          sftoken.App
	RefreshToken sftoken.Secret
	AccessToken  sftoken.Secret // for formats that need one
	ExpiresAt    time.Time      // of the access token; zero: unknown
	InstanceURL  string
	IdentityURL  string
	Scopes       []string
}

// Error is why a login cannot be exported in a format.
type Error struct {
	Format string
	ID     string // secret-missing, host, characters, setting-missing, setting-unknown, setting-malformed
	Name   string // of the value: "client secret", "start_date"
	Note   string // what would do instead: an example, or the names that there are
}

func (e *Error) Error() string {
	return fmt.Sprintf("export as %s: %s: %s", e.Format, e.ID, e.Name)
}

//go:embed format
var templates embed.FS

// Text returns the login in format f. settings are what only the person can know, by the names of f.Settings. Its error is
// an *Error, which names no secret.
func (f *Format) Text(l Login, settings map[string]string) (sftoken.Secret, error) {
	values, err := f.values(l, settings)
	if err != nil {
		return sftoken.Secret{}, err
	}
	t, err := template.New(f.Name+".tmpl").Funcs(quotes).Option("missingkey=error").ParseFS(templates, "format/"+f.Name+".tmpl")
	if err != nil {
		return sftoken.Secret{}, fmt.Errorf("read format %s: %w", f.Name, err)
	}
	var out bytes.Buffer
	err = t.Execute(&out, values)
	if refused, ok := errors.AsType[*Error](err); ok { // by a quoting function, which does not know for whom it quotes
		refused.Format = f.Name
		return sftoken.Secret{}, refused
	}
	if err != nil {
		return sftoken.Secret{}, fmt.Errorf("write format %s: %w", f.Name, err)
	}
	return sftoken.NewSecret(out.String()), nil
}

// values are the names that templates know, in plain text.
func (f *Format) values(l Login, settings map[string]string) (map[string]any, error) {
	set, err := f.settings(settings)
	if err != nil {
		return nil, err
	}
	if f.NeedsSecret && l.App.ClientSecret.IsZero() {
		return nil, &Error{f.Name, "secret-missing", "client secret", ""}
	}
	host, err := f.hostOf(l.App.Host)
	if err != nil {
		return nil, err
	}
	texts := map[string]string{
		"alias": l.Alias, "client id": l.App.ClientID, "client secret": l.App.ClientSecret.Reveal(),
		"refresh token": l.RefreshToken.Reveal(), "access token": l.AccessToken.Reveal(),
		"instance URL": l.InstanceURL, "identity URL": l.IdentityURL, "redirect URI": l.App.RedirectURI,
	}
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		if !f.holds(name, texts[name]) {
			return nil, &Error{f.Name, "characters", name, ""}
		}
	}
	values := map[string]any{
		"Alias": l.Alias, "ClientID": texts["client id"], "ClientSecret": texts["client secret"],
		"RefreshToken": texts["refresh token"], "AccessToken": texts["access token"],
		"InstanceURL": l.InstanceURL, "IdentityURL": l.IdentityURL, "RedirectURI": l.App.RedirectURI,
		"Scope": strings.Join(l.Scopes, " "), "ExpiresAt": "",
		"LoginURL": l.App.Host.String(), "Host": host, "Sandbox": sandbox(l.App.Host), "Set": set,
	}
	if !l.ExpiresAt.IsZero() {
		values["ExpiresAt"] = l.ExpiresAt.UTC().Format(time.RFC3339)
	}
	return values, nil
}

// holds reports whether the target can hold a text. No target has a use for control characters, which end lines and
// statements in most of them.
func (f *Format) holds(name, text string) bool {
	if !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		return false
	}
	if form := f.Forms[name]; form != nil {
		return form().MatchString(text)
	}
	return true
}

// Check reports what is wrong with the settings, nil if nothing is.
func (f *Format) Check(settings map[string]string) *Error {
	_, err := f.settings(settings)
	refused, _ := errors.AsType[*Error](err)
	return refused
}

// settings completes what the person gave by the defaults.
func (f *Format) settings(given map[string]string) (map[string]string, error) {
	set := map[string]string{}
	for _, s := range f.Settings {
		value, ok := given[s.Name]
		if !ok {
			value = s.Default
		}
		switch {
		case value == "" && s.Required:
			return nil, &Error{f.Name, "setting-missing", s.Name, s.Example}
		case value != "" && (strings.ContainsFunc(value, unicode.IsControl) || s.Form != nil && !s.Form().MatchString(value)):
			return nil, &Error{f.Name, "setting-malformed", s.Name, s.Example}
		}
		set[s.Name] = value
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if _, known := set[name]; !known {
			return nil, &Error{f.Name, "setting-unknown", name, strings.Join(f.settingNames(), ", ")}
		}
	}
	return set, nil
}

func (f *Format) settingNames() []string {
	names := make([]string, len(f.Settings))
	for i, s := range f.Settings {
		names[i] = s.Name
	}
	return names
}
