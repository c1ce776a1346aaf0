package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/internal/export"
	"github.com/sftoken/sftoken/store"
)

type exportOptions struct {
	output   string
	force    bool
	settings []string
}

func newExportCommand(env *Env) *cobra.Command {
	var o exportOptions
	cmd := &cobra.Command{
		Use:   "export [format] [alias]",
		Short: "Write a login in the form that another tool reads",
		Long: `Write a login, refresh token and all, in the form that another tool reads. Without a format it lists
them: what each takes, and what it does with a new refresh token.

What is written is a copy. If the app rotates refresh tokens, the first of the two that refreshes kills
the other's. A tool that keeps new refresh tokens itself wants a login of its own; for one that only
reads a file, have sftoken write it anew after each rotation:

  sftoken keepalive prod --watch --on-rotate 'sftoken export env prod --output /etc/app.env --force'`,
		Example: `  sftoken export                                # all formats
  sftoken export auth-url prod --output prod.txt
  sftoken export github-actions prod | sh
  sftoken export singer prod --set start_date=2026-01-01T00:00:00Z --output config.json
  sftoken export json prod | aws secretsmanager put-secret-value --secret-id sf --secret-string file:///dev/stdin`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 2 {
				return tooMany(cmd, args[2])
			}
			return nil
		},
		ValidArgsFunction: env.completeExport,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return env.exportList()
			}
			format := export.Find(args[0])
			if format == nil {
				return &usageError{id: "export-format", data: map[string]any{"name": strconv.Quote(args[0])}, command: cmd.CommandPath(), meant: formatsLike(args[0])}
			}
			return env.export(cmd.Context(), format, args[1:], o)
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&o.output, "output", "o", "", "write to this file, for your eyes only, instead of stdout")
	flags.BoolVar(&o.force, "force", false, "replace the file that --output names")
	flags.StringArrayVar(&o.settings, "set", nil, "NAME=VALUE: something that the format needs and only you know")
	return cmd
}

func (e *Env) completeExport(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return e.completeAliases(cmd, args[1:], typed)
	}
	var names []string
	for _, f := range export.Formats {
		names = append(names, f.Name+"\t"+f.For)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

func formatsLike(name string) (meant []string) {
	for _, f := range export.Formats {
		if distance(f.Name, name) <= 2 || strings.HasPrefix(f.Name, name) || strings.Contains(strings.ToLower(f.For), strings.ToLower(name)) {
			meant = append(meant, f.Name)
		}
	}
	return meant
}

type exportAnswer struct {
	Alias    string   `json:"alias"`
	Format   string   `json:"format"`
	Text     string   `json:"text,omitempty"`
	File     string   `json:"file,omitempty"`
	Rotates  bool     `json:"rotates"`
	Warnings []string `json:"warnings"`
}

func (e *Env) export(ctx context.Context, f *export.Format, args []string, o exportOptions) error {
	settings, err := parseSettings(f, o.settings)
	if err != nil {
		return err
	}
	if o.output != "" {
		if err := e.mayWrite(ctx, o.output, o.force); err != nil {
			return err
		}
	}
	s, err := e.openSession(ctx, args)
	if err != nil {
		return err
	}
	defer s.Close()
	grant, err := s.worthACopy(ctx, f.NeedsAccess)
	if err != nil {
		return err
	}
	text, err := f.Text(loginOf(grant), settings)
	if refused, ok := errors.AsType[*export.Error](err); ok {
		return e.notExported(refused, grant)
	}
	if err != nil {
		return err
	}
	answer := exportAnswer{Alias: s.alias, Format: f.Name, File: o.output, Rotates: grant.Rotates, Warnings: e.exportWarnings(f, grant)}
	if err := e.writeExport(text, o, &answer); err != nil {
		return err
	}
	if e.JSON {
		return e.WriteJSON(answer)
	}
	for _, warning := range answer.Warnings {
		fmt.Fprintf(e.Stderr, "%s %s\n", e.bold("warning:"), warning)
	}
	return nil
}

// worthACopy returns the grant if it is alive and has a refresh token, and on demand an access token that lives.
func (s *session) worthACopy(ctx context.Context, withAccess bool) (*store.Grant, error) {
	if withAccess { // first, because getting it may rotate the refresh token, or find it dead
		if _, err := s.engine.Token(ctx, s.alias); err != nil {
			return nil, s.named(ctx, err)
		}
	}
	grant, err := s.env.certain(ctx, s.kept, s.alias)
	if err == nil && grant.RefreshToken.IsZero() {
		return nil, &localError{id: "no-refresh-token", code: exitLogin, hints: true, data: map[string]any{"alias": s.alias}}
	}
	return grant, err
}

func loginOf(g *store.Grant) export.Login {
	return export.Login{
		Alias: g.Alias, App: g.App, RefreshToken: g.RefreshToken, AccessToken: g.AccessToken, ExpiresAt: g.Expiry.At,
		InstanceURL: g.InstanceURL, IdentityURL: g.IdentityURL, Scopes: g.Scopes,
	}
}

// writeExport puts the text where it was asked for.
func (e *Env) writeExport(text sftoken.Secret, o exportOptions, a *exportAnswer) error {
	switch {
	case o.output != "":
		if err := writePrivate(o.output, []byte(text.Reveal()), o.force); err != nil {
			return err
		}
		if !e.JSON {
			e.Say("export.written", map[string]any{"alias": a.Alias, "format": a.Format, "path": o.output})
		}
		return nil
	case e.JSON:
		a.Text = text.Reveal()
		return nil
	}
	if e.StdoutTTY {
		a.Warnings = append(a.Warnings, e.Text("export.terminal", nil))
	}
	_, err := io.WriteString(e.Stdout, text.Reveal())
	return err
}

// exportWarnings say what the target makes of rotation and of the login's host.
func (e *Env) exportWarnings(f *export.Format, g *store.Grant) []string {
	warnings := []string{}
	data := map[string]any{"alias": g.Alias, "format": f.Name, "host": g.App.Host.String()}
	if f.SendsElsewhere(g.App.Host) {
		warnings = append(warnings, e.Text("export.elsewhere", data))
	}
	switch {
	case g.Rotates:
		warnings = append(warnings, e.Text("export.rotates-"+string(f.Rotation), data), e.Text("export.way-out", data))
	case g.MayRotate():
		warnings = append(warnings, e.Text("export.may-rotate", data))
	}
	return warnings
}

// notExported puts a refusal of package export into the words of the command line.
func (e *Env) notExported(err *export.Error, g *store.Grant) error {
	id, name := err.ID, err.Name
	if id == "host" {
		id += "-" + err.Note
	}
	return &localError{id: "export-" + id, code: exitUsage, hints: true, data: map[string]any{
		"format": err.Format, "name": name, "note": err.Note, "alias": g.Alias, "host": g.App.Host.String(),
	}}
}

func parseSettings(f *export.Format, given []string) (map[string]string, error) {
	settings := map[string]string{}
	for _, text := range given {
		name, value, ok := strings.Cut(text, "=")
		if !ok || name == "" {
			return nil, &usageError{id: "set", data: map[string]any{"text": text}, command: "sftoken export"}
		}
		settings[name] = value
	}
	// Before anything is read or asked: what is missing is known now.
	if err := f.Check(settings); err != nil {
		return nil, &localError{id: "export-" + err.ID, code: exitUsage, hints: true, data: map[string]any{
			"format": f.Name, "name": err.Name, "note": err.Note,
		}}
	}
	return settings, nil
}
