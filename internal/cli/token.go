package cli

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/sftoken/sftoken/refresh"
	"github.com/spf13/cobra"
)

type tokenOptions struct {
	format string
	minTTL time.Duration
	check  bool
}

func newTokenCommand(env *Env) *cobra.Command {
	var o tokenOptions
	cmd := &cobra.Command{
		Use:   "token [alias]",
		Short: "Print a valid access token",
		Long: `Print a valid access token and nothing else. It is refreshed first if it must be; a token
that is known to be dead is never printed.

Without an alias: SFTOKEN_ALIAS, then alias in the config file, then the only login there is.`,
		Example: `  sftoken token prod
  curl -H "Authorization: Bearer $(sftoken token prod)" "$(sftoken show prod --json | jq -r .instance_url)/services/data/v66.0/limits"
  sftoken token prod --format curl-config | curl -K - https://…   # the token in no argument
  sftoken token prod --json       # with instance URL and expiry
  sftoken token prod --min-ttl 30m
  sftoken token prod --check      # 0: a token is here, 1: it would be refreshed, 4: log in`,
		Args:              atMostOne,
		ValidArgsFunction: env.completeAliases,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.validate(cmd, env); err != nil {
				return err
			}
			if o.check {
				return env.checkToken(cmd.Context(), o, args)
			}
			return env.token(cmd.Context(), o, args)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.format, "format", "text", "text, header (Authorization: Bearer …) or curl-config (for curl -K -)")
	flags.DurationVar(&o.minTTL, "min-ttl", 0, "refresh a token that lives shorter than this, such as 30m")
	flags.BoolVar(&o.check, "check", false, "print nothing and ask nobody: only the exit code")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(tokenFormats, cobra.ShellCompDirectiveNoFileComp))
	env.addOnRotate(cmd)
	return cmd
}

var tokenFormats = []string{"text", "header", "curl-config"}

func (o *tokenOptions) validate(cmd *cobra.Command, env *Env) error {
	formatted := cmd.Flags().Changed("format")
	switch _, known := formatToken[o.format]; {
	case !known:
		return &usageError{
			id: "format-unknown", command: cmd.CommandPath(),
			data: map[string]any{"format": strconv.Quote(o.format), "formats": strings.Join(tokenFormats, ", ")},
		}
	case o.minTTL < 0:
		return &usageError{id: "min-ttl", command: cmd.CommandPath()}
	case formatted && o.check:
		return notBoth(cmd, "--check", "--format")
	case formatted && env.JSON:
		return notBoth(cmd, "--format", "--json")
	}
	return nil
}

// formatToken writes a token for those who take it. A curl config quotes with backslashes (curl's manual, -K).
var formatToken = map[string]func(token string) string{
	"text":   func(token string) string { return token },
	"header": func(token string) string { return "Authorization: Bearer " + token },
	"curl-config": func(token string) string {
		return `header = "Authorization: Bearer ` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(token) + `"`
	},
}

type tokenAnswer struct {
	Alias        string     `json:"alias"`
	AccessToken  string     `json:"access_token"`
	InstanceURL  string     `json:"instance_url"`
	Username     string     `json:"username,omitempty"`
	OrgID        string     `json:"org_id,omitempty"`
	ExpiresAt    *time.Time `json:"expires_at,omitempty"`
	ExpirySource string     `json:"expiry_source,omitempty"`
	Refreshed    bool       `json:"refreshed"`
	Warning      string     `json:"warning,omitempty"`
}

func (e *Env) token(ctx context.Context, o tokenOptions, args []string) error {
	if o.minTTL == 0 && e.rotation.Command == "" && e.trace == nil { // what the agent does not do
		answer, err := e.askAgent(ctx, args)
		if err != nil {
			return err
		}
		if answer != nil {
			if answer.Warning != "" {
				e.Warn("token.warning", map[string]any{"alias": answer.Alias, "reason": answer.Warning})
			}
			return e.writeToken(o, answer)
		}
	}
	s, err := e.openSession(ctx, args)
	if err != nil {
		return err
	}
	defer s.Close()
	access, err := s.token(ctx, o.minTTL)
	if err != nil {
		return err
	}
	return e.writeToken(o, tokenAnswerOf(s.alias, access))
}

func (e *Env) writeToken(o tokenOptions, answer *tokenAnswer) error {
	if e.JSON {
		return e.WriteJSON(answer)
	}
	_, err := fmt.Fprintln(e.Stdout, formatToken[o.format](answer.AccessToken))
	return err
}

func tokenAnswerOf(alias string, access *refresh.Access) *tokenAnswer {
	answer := &tokenAnswer{
		Alias:        alias,
		AccessToken:  access.Token.Reveal(),
		InstanceURL:  access.InstanceURL,
		Username:     access.Username,
		OrgID:        access.OrgID,
		ExpiresAt:    known(access.Expiry.At),
		ExpirySource: string(access.Expiry.Source),
		Refreshed:    access.Refreshed,
	}
	if access.Warning != nil {
		answer.Warning = access.Warning.Error()
	}
	return answer
}

// What is to be expected of a login's next token.
const (
	tokenValid       = "valid"
	tokenToRefresh   = "refresh-needed"
	tokenLoginNeeded = "login-needed"
)

type tokenCheckAnswer struct {
	Alias        string     `json:"alias"`
	Token        string     `json:"token"`
	Reason       string     `json:"reason,omitempty"`
	ExpiresAt    *time.Time `json:"expires_at,omitempty"`
	ExpirySource string     `json:"expiry_source,omitempty"`
}

// checkToken looks at what is kept. It neither spends a token nor asks Salesforce.
func (e *Env) checkToken(ctx context.Context, o tokenOptions, args []string) error {
	s, err := e.openSession(ctx, args)
	if err != nil {
		return err
	}
	defer s.Close()
	answer := tokenCheckAnswer{Alias: s.alias, Token: tokenToRefresh}
	code := exitFailed
	access, fresh, err := s.engine.Kept(ctx, s.alias)
	if dead, ok := err.(*refresh.DeadError); ok {
		answer.Token, answer.Reason, code = tokenLoginNeeded, dead.Reason, exitOf(dead)
		access, err = new(refresh.Access), nil
	}
	if err != nil {
		return s.named(ctx, err)
	}
	access = cmp.Or(access, new(refresh.Access))
	answer.ExpiresAt, answer.ExpirySource = known(access.Expiry.At), string(access.Expiry.Source)
	if fresh && (access.Expiry.IsZero() || access.Expiry.At.Sub(e.Now()) >= o.minTTL) {
		answer.Token, code = tokenValid, exitOK
	}
	if e.JSON {
		if err := e.WriteJSON(answer); err != nil {
			return err
		}
	}
	if code == exitOK {
		return nil
	}
	return &toldError{code: code}
}

// known leaves an unknown time out of JSON.
func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
