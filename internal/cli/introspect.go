package cli

import (
	"context"
	"strings"
	"time"

	"github.com/sftoken/sftoken"
	"github.com/spf13/cobra"
)

func newIntrospectCommand(env *Env) *cobra.Command {
	var refreshToken bool
	cmd := &cobra.Command{
		Use:   "introspect [alias]",
		Short: "Ask Salesforce whether a token is alive, and until when",
		Long: `Ask Salesforce whether the access token that is kept is alive, and until when (RFC 7662). Nothing is refreshed. Salesforce
demands the client secret for it: an app without one cannot ask.`,
		Example: `  sftoken introspect prod
  sftoken introspect prod --refresh-token   # is the login alive? exit code 4 if not`,
		Args:              atMostOne,
		ValidArgsFunction: env.completeAliases,
		RunE: func(cmd *cobra.Command, args []string) error {
			return env.introspect(cmd.Context(), refreshToken, args)
		},
	}
	cmd.Flags().BoolVar(&refreshToken, "refresh-token", false, "ask about the refresh token instead")
	return cmd
}

type introspectAnswer struct {
	Alias     string     `json:"alias"`
	TokenType string     `json:"token_type"`
	Active    bool       `json:"active"`
	Username  string     `json:"username,omitempty"`
	ClientID  string     `json:"client_id,omitempty"`
	Scopes    []string   `json:"scopes,omitempty"`
	Subject   string     `json:"sub,omitempty"`
	IssuedAt  *time.Time `json:"issued_at,omitempty"`
	NotBefore *time.Time `json:"not_before,omitempty"`
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
}

func (e *Env) introspect(ctx context.Context, refreshToken bool, args []string) error {
	s, err := e.openSession(ctx, args)
	if err != nil {
		return err
	}
	defer s.Close()
	grant, err := s.grant(ctx)
	if err != nil {
		return err
	}
	token, hint, inactive := grant.AccessToken, sftoken.AccessTokenHint, exitFailed
	if refreshToken {
		token, hint, inactive = grant.RefreshToken, sftoken.RefreshTokenHint, exitLogin
	}
	data := map[string]any{"alias": s.alias, "client": grant.App.ClientID}
	switch {
	case token.IsZero() && refreshToken:
		return &localError{id: "no-refresh-token", code: exitLogin, hints: true, data: data}
	case grant.App.ClientSecret.IsZero():
		return &localError{id: "introspect-needs-secret", code: exitUsage, hints: true, data: data}
	}
	client := e.client(grant)
	got, err := client.Introspect(ctx, token, hint)
	if err != nil {
		return err
	}
	answer := introspectAnswer{
		Alias: s.alias, TokenType: string(hint), Active: got.Active, Username: got.Username, ClientID: got.ClientID,
		Scopes: got.Scope, Subject: got.Subject,
		IssuedAt: known(got.IssuedAt), NotBefore: known(got.NotBefore), ExpiresAt: known(got.ExpiresAt),
	}
	if err := e.writeIntrospection(answer); err != nil || got.Active {
		return err
	}
	return &toldError{code: inactive}
}

func (e *Env) writeIntrospection(a introspectAnswer) error {
	if e.JSON {
		return e.WriteJSON(a)
	}
	state := "introspect.inactive"
	if a.Active {
		state = "introspect.active"
	}
	rows := [][2]string{{e.Text("introspect."+a.TokenType, nil), e.Text(state, nil)}}
	for _, row := range [][2]string{
		{"show.user", a.Username},
		{"show.client_id", a.ClientID},
		{"show.scopes", strings.Join(a.Scopes, " ")},
		{"introspect.issued", localTime(a.IssuedAt)},
		{"show.expiry", localTime(a.ExpiresAt)},
	} {
		if row[1] != "" {
			rows = append(rows, [2]string{e.Text(row[0], nil), row[1]})
		}
	}
	return e.writeFacts(rows)
}
