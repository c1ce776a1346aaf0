// Package config reads what a person has settled once: the config file and the SFTOKEN_* variables, in that order of
// increasing strength. Flags are stronger than both and are the commands' business. It holds no secret: a client secret
// in a config file would end up in a repository of dot files. Only internal/cli imports it.
package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
)

// Config is the settled part of the settings; zero values are unset.
type Config struct {
	Alias       string        `toml:"alias"`        // the grant used when a command names none
	Host        string        `toml:"host"`         // login host
	ClientID    string        `toml:"client_id"`    // the app's consumer key
	RedirectURI string        `toml:"redirect_uri"` // as registered in the app
	Scopes      []string      `toml:"scopes"`
	AllowHosts  []string      `toml:"allow_hosts"` // further hosts that tokens may be sent to
	Browser     string        `toml:"browser"`     // command that opens a URL
	NoBrowser   bool          `toml:"no_browser"`
	Timeout     time.Duration `toml:"timeout"` // how long a login waits
	Lang        string        `toml:"lang"`
	// SessionTimeout is the org's session time-out, for access tokens whose end nobody tells.
	SessionTimeout time.Duration `toml:"session_timeout"`
	Keys           string        `toml:"keys"`  // where the data key lives: "keyring" or "file"
	Store          string        `toml:"store"` // where the grants are: "file:DIR", "sqlite:FILE", "postgres://…" without a password, "sf:"
}

// Error is a setting that cannot be used. Source is the file with its line, or the variable.
type Error struct {
	Source string
	Reason string
}

func (e *Error) Error() string { return "read settings: " + e.Source + ": " + e.Reason }

// ErrorID implements explain's lookup.
func (e *Error) ErrorID() string { return "config-invalid" }

// ErrorData implements explain's lookup.
func (e *Error) ErrorData() map[string]string {
	return map[string]string{"source": e.Source, "reason": e.Reason}
}

// Load reads the file at path, which need not exist, and then the variables.
func Load(path string, getenv func(string) string) (*Config, error) {
	c := &Config{}
	if err := c.readFile(path); err != nil {
		return nil, err
	}
	if err := c.readVariables(getenv); err != nil {
		return nil, err
	}
	return c, c.validate(path)
}

func (c *Config) readFile(path string) error {
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return &Error{Source: path, Reason: "cannot be read: " + cause(err)}
	}
	meta, err := toml.Decode(string(content), c)
	if syntax, ok := errors.AsType[toml.ParseError](err); ok {
		return &Error{Source: fmt.Sprintf("%s:%d", path, syntax.Position.Line), Reason: syntax.Message}
	}
	if err != nil {
		return &Error{Source: path, Reason: err.Error()}
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		key := unknown[0].String()
		return &Error{
			Source: fmt.Sprintf("%s:%d", path, lineOf(string(content), key)),
			Reason: fmt.Sprintf("unknown key %q", key),
		}
	}
	return nil
}

// lineOf finds the line a key is on. The decoder does not say where the keys were that it had no use for.
func lineOf(content, key string) int {
	first, _, _ := strings.Cut(key, ".")
	number := 0
	for line := range strings.Lines(content) {
		number++
		line = strings.TrimLeft(line, " \t[\"'")
		if rest, found := strings.CutPrefix(line, first); found && strings.IndexAny(rest, " \t=.]\"'") == 0 {
			return number
		}
	}
	return 1
}

func (c *Config) readVariables(getenv func(string) string) error {
	for _, v := range []struct {
		name string
		to   *string
	}{
		{"SFTOKEN_ALIAS", &c.Alias},
		{"SFTOKEN_HOST", &c.Host},
		{"SFTOKEN_CLIENT_ID", &c.ClientID},
		{"SFTOKEN_REDIRECT_URI", &c.RedirectURI},
		{"SFTOKEN_BROWSER", &c.Browser},
		{"SFTOKEN_LANG", &c.Lang},
		{"SFTOKEN_KEYS", &c.Keys},
		{"SFTOKEN_STORE", &c.Store},
	} {
		if value := getenv(v.name); value != "" {
			*v.to = value
		}
	}
	if value := getenv("SFTOKEN_SCOPES"); value != "" {
		c.Scopes = Words(value)
	}
	if value := getenv("SFTOKEN_ALLOW_HOSTS"); value != "" {
		c.AllowHosts = Words(value)
	}
	if value := getenv("SFTOKEN_NO_BROWSER"); value != "" {
		on, err := strconv.ParseBool(value)
		if err != nil {
			return &Error{Source: "SFTOKEN_NO_BROWSER", Reason: fmt.Sprintf("%q is neither true nor false", value)}
		}
		c.NoBrowser = on
	}
	return errors.Join(
		duration(&c.Timeout, "SFTOKEN_TIMEOUT", getenv),
		duration(&c.SessionTimeout, "SFTOKEN_SESSION_TIMEOUT", getenv),
	)
}

func duration(to *time.Duration, name string, getenv func(string) string) error {
	value := getenv(name)
	if value == "" {
		return nil
	}
	d, err := time.ParseDuration(value)
	if err != nil {
		return &Error{Source: name, Reason: fmt.Sprintf("%q is not a duration such as 180s or 5m", value)}
	}
	*to = d
	return nil
}

func (c *Config) validate(path string) error {
	switch c.Keys {
	case "", "keyring", "file":
	default:
		return &Error{Source: path + " or SFTOKEN_KEYS", Reason: fmt.Sprintf("keys is %q, neither keyring nor file", c.Keys)}
	}
	if c.Timeout < 0 || c.SessionTimeout < 0 {
		return &Error{Source: path + " or SFTOKEN_TIMEOUT, SFTOKEN_SESSION_TIMEOUT", Reason: "a time-out is negative"}
	}
	return nil
}

// Words splits a list at spaces and commas, as people write scopes and hosts.
func Words(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ' ' || r == ',' })
}

func cause(err error) string {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		return pathErr.Err.Error()
	}
	return err.Error()
}
