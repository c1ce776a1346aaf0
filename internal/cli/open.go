package cli

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/internal/rest"
	"github.com/sftoken/sftoken/store"
	"github.com/spf13/cobra"
)

type openOptions struct {
	url     bool
	browser string
}

func newOpenCommand(env *Env) *cobra.Command {
	var o openOptions
	cmd := &cobra.Command{
		Use:   "open [alias] [path]",
		Short: "Open the org in the browser, logged in",
		Long: `Open the org in the browser, logged in as the login's user. Salesforce makes a link for it that works once, within a minute:
whoever has it first is that user. The app needs the scope web for it; without one the page is opened all the same, and
asks for a login.`,
		Example: `  sftoken open prod
  sftoken open prod /lightning/setup/ConnectedAppsUsage/home
  sftoken open prod --url          # print the link, a secret, for a browser elsewhere`,
		ValidArgsFunction: env.completeAliases,
		RunE: func(cmd *cobra.Command, args []string) error {
			alias, path, err := aliasAndPath(cmd, args)
			if err != nil {
				return err
			}
			return env.open(cmd.Context(), o, alias, path)
		},
	}
	cmd.Flags().BoolVar(&o.url, "url", false, "print the link and open nothing; it is a secret until it is used")
	cmd.Flags().StringVar(&o.browser, "browser", "", "command that opens the address; %s stands for it, else it comes last")
	return cmd
}

// aliasAndPath tells the two apart by the slash: no alias has one.
func aliasAndPath(cmd *cobra.Command, args []string) (alias []string, path string, err error) {
	if len(args) > 2 {
		return nil, "", tooMany(cmd, args[2])
	}
	if len(args) == 1 && !strings.Contains(args[0], "/") {
		return args, "", nil
	}
	if len(args) > 0 {
		alias, path = args[:len(args)-1], args[len(args)-1]
	}
	u, err := url.Parse(path)
	if err != nil || u.Host != "" || u.Scheme != "" || strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\\\r\n\t") {
		return nil, "", &usageError{id: "path-outside", data: map[string]any{"path": strconv.Quote(path)}, command: cmd.CommandPath()}
	}
	if path != "" && path[0] != '/' {
		path = "/" + path
	}
	return alias, path, nil
}

type openAnswer struct {
	Alias    string `json:"alias"`
	URL      string `json:"url,omitempty"`
	LoggedIn bool   `json:"logged_in"`
	Opened   bool   `json:"opened"`
	Reason   string `json:"reason,omitempty"`
}

func (e *Env) open(ctx context.Context, o openOptions, args []string, path string) error {
	s, err := e.openSession(ctx, args)
	if err != nil {
		return err
	}
	defer s.Close()
	if e.NoInput && !o.url {
		return &localError{id: "open-no-input", code: exitUsage, hints: true, data: map[string]any{"alias": s.alias}}
	}
	client, err := s.api(ctx, "")
	if err != nil {
		return err
	}
	grant, err := s.grant(ctx)
	if err != nil {
		return err
	}
	answer := openAnswer{Alias: s.alias, LoggedIn: true}
	link, refused, err := oneTimeLink(ctx, client, grant, path)
	switch {
	case err != nil:
		return err
	case refused != "":
		answer.LoggedIn, answer.Reason = false, refused
		link = client.Origin + path
	}
	data := map[string]any{"alias": s.alias, "user": grant.Username, "reason": refused}
	if o.url {
		if refused != "" {
			return &localError{id: "no-link", code: exitBlocked, hints: true, data: data}
		}
		e.Warn("open.secret", data)
		answer.URL = link
		if e.JSON {
			return e.WriteJSON(answer)
		}
		_, err := fmt.Fprintln(e.Stdout, link)
		return err
	}
	if refused != "" {
		e.Warn("open.not-logged-in", data)
	}
	if err := e.openOrg(ctx, o, link, data); err != nil {
		return err
	}
	answer.Opened = true
	if e.JSON {
		return e.WriteJSON(answer)
	}
	return nil
}

// oneTimeLink asks for a link that logs a browser in (salesforce-oauth.md 2.10). refused says why the app or the user may have
// none. The old way, the access token in an address, is no way: addresses are kept in histories and logs.
func oneTimeLink(ctx context.Context, client *rest.Client, grant *store.Grant, path string) (link, refused string, err error) {
	if len(grant.Scopes) > 0 && !slices.ContainsFunc(grant.Scopes, func(s string) bool { return s == "web" || s == "full" }) {
		return "", "the login has no scope web", nil
	}
	target := "/services/oauth2/singleaccess"
	if path != "" {
		target += "?" + url.Values{"redirect_uri": {path}}.Encode()
	}
	var answer struct {
		Link string `json:"frontdoor_uri"`
	}
	err = client.Get(ctx, target, &answer)
	wire, isWire := errors.AsType[*sftoken.Error](err)
	switch {
	case isWire && wire.Status >= 400 && wire.Status < 500 && wire.Status != 429:
		return "", "Salesforce says " + strings.TrimPrefix(wire.Error(), "api endpoint: "), nil
	case err != nil:
		return "", "", err
	}
	if err := (sftoken.HostRules{Allow: grant.AllowHosts}).Trusts(grant.App.Host, answer.Link); err != nil {
		return "", "", fmt.Errorf("open org: link of Salesforce: %w", err)
	}
	return answer.Link, "", nil
}

// openOrg opens the browser. The link is shown only to whoever asks for it with --url.
func (e *Env) openOrg(ctx context.Context, o openOptions, link string, data map[string]any) error {
	settings, err := e.Config()
	if err != nil {
		return err
	}
	if settings.NoBrowser && o.browser == "" || !e.openBrowser(ctx, &loginOptions{browser: o.browser}, link, settings) {
		return &localError{id: "no-browser", code: exitFailed, hints: true, data: data}
	}
	return nil
}
