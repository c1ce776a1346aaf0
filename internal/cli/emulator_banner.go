package cli

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/emulator"
	"github.com/sftoken/sftoken/internal/demo"
	"github.com/sftoken/sftoken/internal/message"
	"github.com/sftoken/sftoken/internal/wire"
)

// readyEmulator is what one needs to know of an emulator that runs. In JSON it is one line on stdout.
type readyEmulator struct {
	URL    string         `json:"url"`
	PID    int            `json:"pid"`
	CAFile string         `json:"ca_file,omitempty"` // with --tls
	Seed   string         `json:"seed"`              // text: 64 bits are too many for some readers of JSON
	Users  []emulatorUser `json:"users"`
	Apps   []emulatorApp  `json:"apps"`

	ManageURL   string `json:"manage_url,omitempty"`   // with --manage
	ManageToken string `json:"manage_token,omitempty"` // beyond loopback

	config  *emulator.Config
	exposed bool
	trouble bool
}

// The passwords and secrets here are the test server's own: they stand in its documentation or in the person's file.
type emulatorUser struct {
	Username string `json:"username"`
	Password string `json:"password"`
	Org      string `json:"org"`
}

type emulatorApp struct {
	Label        string   `json:"label"`
	ClientID     string   `json:"client_id"`
	ClientSecret string   `json:"client_secret,omitempty"`
	Callbacks    []string `json:"callbacks"`
	Scopes       []string `json:"scopes"`
	PKCERequired bool     `json:"pkce_required"`
	Rotation     bool     `json:"rotation"`
}

// announce says that the emulator is ready: on stdout for scripts, else on stderr for people.
func (e *Env) announce(r *readyEmulator) error {
	for _, org := range r.config.Orgs {
		for _, user := range org.Users {
			r.Users = append(r.Users, emulatorUser{user.Username, user.Password, org.Name})
		}
	}
	for _, app := range r.config.Apps {
		callbacks := slices.Clone(app.Callbacks)
		for i, callback := range callbacks {
			if strings.HasPrefix(callback, "/") {
				callbacks[i] = r.URL + callback
			}
		}
		r.Apps = append(r.Apps, emulatorApp{app.Label, app.ClientID, app.ClientSecret, callbacks, app.Scopes, app.PKCERequired, app.Rotation})
	}
	if e.JSON {
		encoder := json.NewEncoder(e.Stdout)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(r); err != nil {
			return fmt.Errorf("say that the emulator is ready: %w", err)
		}
		return nil
	}
	e.banner(r)
	return nil
}

// banner tells a person what runs here and what to type next.
func (e *Env) banner(r *readyEmulator) {
	texts := demo.Texts(e.Language())
	line := func(format string, args ...any) { fmt.Fprintf(e.Stderr, format+"\n", args...) }
	heading := func(id string) { line("\n%s", e.bold(texts.Text("emulator."+id, nil))) }

	line("%s  %s", e.bold("sftoken emulator"), e.bold(r.URL))
	for _, text := range demo.Wrap(texts.Text("emulator.intro", nil), 80) {
		line("%s", text)
	}
	if r.exposed {
		line("\n%s", e.red(texts.Text("emulator.exposed", nil)))
	}
	if r.ManageURL != "" {
		line("\n%s  %s", texts.Text("emulator.manage", nil), e.bold(r.ManageURL))
		if r.ManageToken != "" {
			line("%s", texts.Text("emulator.manage_token", map[string]any{"token": r.ManageToken}))
		}
	}
	if r.trouble {
		line("\n%s", texts.Text("emulator.trouble", map[string]any{"seed": r.Seed}))
	}
	heading("users")
	for _, user := range r.Users {
		line("  %s  %s  %s", demo.Pad(user.Username, 26), demo.Pad(user.Password, 14), e.dim(user.Org))
	}
	heading("apps")
	row := func(id, value string) { line("    %s  %s", e.dim(demo.Pad(texts.Text(id, nil), 16)), value) }
	for _, app := range r.Apps {
		line("  %s  %s", app.Label, e.dim(appNature(texts, app)))
		row("fact.client_id", app.ClientID)
		if app.ClientSecret != "" {
			row("fact.client_secret", app.ClientSecret)
		}
		if len(app.Callbacks) > 0 {
			row("fact.callback", app.Callbacks[0])
		}
	}
	if r.CAFile != "" {
		heading("trust")
		line("  curl --cacert %s %s/services/data", quoted(r.CAFile), r.URL)
		line("  export NODE_EXTRA_CA_CERTS=%s   # Node.js", quoted(r.CAFile))
		line("  export SSL_CERT_FILE=%s   # Go, OpenSSL", quoted(r.CAFile))
	}
	heading("next")
	line("  %s", r.loginCommand())
	line("\n%s", e.dim(texts.Text("emulator.stop", nil)))
}

// appNature says in some words how a client must treat the app.
func appNature(texts message.Texts, app emulatorApp) string {
	nature := []string{"public"}
	if app.ClientSecret != "" {
		nature[0] = "secret"
	}
	if app.PKCERequired {
		nature = append(nature, "pkce")
	}
	switch {
	case !slices.Contains(app.Scopes, "refresh_token") && !slices.Contains(app.Scopes, "offline_access"):
		nature = append(nature, "norefresh")
	case app.Rotation:
		nature = append(nature, "rotation")
	}
	for i, id := range nature {
		nature[i] = texts.Text("emulator.nature."+id, nil)
	}
	return strings.Join(nature, texts.Text("emulator.nature.comma", nil))
}

// loginCommand is the shortest that works here: with an app that has no secret, and a callback that sftoken listens on.
func (r *readyEmulator) loginCommand() string {
	clientID := ""
	for _, app := range r.Apps {
		fits := app.ClientSecret == "" && slices.Contains(app.Callbacks, sftoken.DefaultRedirectURI) && slices.Contains(app.Scopes, "refresh_token")
		if fits && (clientID == "" || len(app.ClientID) < len(clientID)) {
			clientID = app.ClientID
		}
	}
	command := "sftoken login try --host " + r.URL
	if clientID != "" {
		command += " --client-id " + quoted(clientID)
	}
	if r.CAFile != "" {
		command = "SSL_CERT_FILE=" + quoted(r.CAFile) + " " + command
	}
	return command
}

// quoted makes a path one word of a shell.
func quoted(path string) string {
	if strings.ContainsAny(path, " '\"$&;()") {
		return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	}
	return path
}

// printRequest prints one line: what was asked, the answer, and the parameters that tell one request from another.
func (e *Env) printRequest(x wire.Exchange) {
	pick := func(names []string, fields ...wire.Field) (told string) {
		for _, f := range fields {
			if slices.Contains(names, f.Name) {
				told += " " + f.Name + "=" + f.Value
			}
		}
		return told
	}
	asked := pick([]string{"grant_type", "code", "refresh_token", "token", "client_id", "username", "decision"}, slices.Concat(x.Query, x.Form)...)
	if x.Bearer != "" {
		asked += " bearer=" + x.Bearer
	}
	answered := pick([]string{"error", "error_description", "code", "access_token", "refresh_token", "active"}, slices.Concat(x.Carried, x.Answer)...)
	if answered != "" {
		answered = " →" + answered
	}
	_, rest, _ := strings.Cut(x.URL, "://")
	_, path, _ := strings.Cut(rest, "/")
	fmt.Fprintf(e.Stderr, "%s %d %s /%s%s%s\n", x.At.Format(time.TimeOnly), x.Status, x.Method, path, asked, answered)
}
