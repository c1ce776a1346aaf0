package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/store"
)

var gitOperations = []string{"get", "store", "erase"}

func newCredentialGitCommand(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:   "git get|store|erase",
		Short: "Answer as a git credential helper does",
		Long: `Speak the protocol of git's credential helpers, which other programs speak too: name=value lines on stdin
name a host, and the answer is the user name and a valid access token of the login whose org answers there.
If several do, the username that is asked for decides, then SFTOKEN_ALIAS. If none does, nothing is
answered, and git asks elsewhere.

store keeps nothing, for nothing needs to be kept. erase says that the host rejected the token: it is
refreshed, once for each token.`,
		Example: `  git config --global credential.https://acme.my.salesforce.com.helper '!sftoken credential git'
  printf 'protocol=https\nhost=acme.my.salesforce.com\n\n' | git credential fill`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return &usageError{id: "git-operation", data: map[string]any{"operations": joined(gitOperations)}, command: cmd.CommandPath()}
			}
			return atMostOne(cmd, args)
		},
		ValidArgsFunction: cobra.FixedCompletions(gitOperations, cobra.ShellCompDirectiveNoFileComp),
		RunE: func(cmd *cobra.Command, args []string) error {
			return env.credentialGit(cmd.Context(), args[0])
		},
	}
}

// credentialGit does one operation. Those that it does not know it ignores, as gitcredentials(7) asks of a helper.
func (e *Env) credentialGit(ctx context.Context, operation string) error {
	if operation != "get" && operation != "erase" {
		return nil
	}
	asked, err := readGit(e.Stdin)
	if err != nil {
		return err
	}
	grant, err := e.grantAt(ctx, asked)
	if err != nil || grant == nil {
		return err
	}
	s, err := e.openSession(ctx, []string{grant.Alias})
	if err != nil {
		return err
	}
	defer s.Close()
	if operation == "erase" {
		return s.erase(ctx, grant, asked)
	}
	access, err := s.token(ctx, 0)
	if err != nil {
		return err
	}
	var answer strings.Builder
	if slices.Contains(asked["capability[]"], "authtype") {
		// git-credential(1): kept nowhere, and sent as it is in the header.
		fmt.Fprintf(&answer, "capability[]=authtype\nauthtype=Bearer\nephemeral=1\ncredential=%s\n", access.Token.Reveal())
	} else {
		fmt.Fprintf(&answer, "username=%s\npassword=%s\n", access.Username, access.Token.Reveal())
	}
	fmt.Fprintf(&answer, "password_expiry_utc=%d\n", e.askAgain(access).Unix())
	_, err = io.WriteString(e.Stdout, answer.String())
	return err
}

// erase refreshes a token that its host has rejected. A token that is not ours, or not any more, is nobody's business here.
func (s *session) erase(ctx context.Context, grant *store.Grant, asked map[string][]string) error {
	for _, name := range []string{"password", "credential"} {
		for _, value := range asked[name] {
			if rejected := sftoken.NewSecret(value); rejected.Equal(grant.AccessToken) {
				_, err := s.engine.Reject(ctx, grant.Alias, rejected)
				return err
			}
		}
	}
	return nil
}

// grantAt finds the login whose org answers at the host that is asked for. Several are a thing to say, none is not.
func (e *Env) grantAt(ctx context.Context, asked map[string][]string) (*store.Grant, error) {
	k, err := e.openKept(ctx)
	if err != nil {
		return nil, err
	}
	defer k.Close()
	var found []*store.Grant
	for g, err := range k.List(ctx) {
		if broken, ok := errors.AsType[*store.Error](err); ok && broken.Alias != "" {
			continue // another login may be the one
		}
		if err != nil {
			return nil, err
		}
		if answersAt(g, asked) {
			found = append(found, g)
		}
	}
	if len(found) < 2 {
		return slices.Concat(found, []*store.Grant{nil})[0], nil
	}
	settings, err := e.Config()
	if err != nil {
		return nil, err
	}
	var aliases []string
	for _, g := range found {
		if g.Alias == settings.Alias {
			return g, nil
		}
		aliases = append(aliases, g.Alias)
	}
	e.Warn("credential.several", map[string]any{"host": strings.Join(asked["host"], ""), "aliases": joined(aliases), "first": aliases[0]})
	return nil, nil
}

func answersAt(g *store.Grant, asked map[string][]string) bool {
	instance, err := url.Parse(g.InstanceURL)
	return err == nil && instance.Host != "" &&
		slices.Equal(asked["protocol"], []string{instance.Scheme}) && slices.Equal(asked["host"], []string{instance.Host}) &&
		(len(asked["username"]) == 0 || slices.Contains(asked["username"], g.Username))
}

// readGit reads name=value lines up to an empty one or the end (git-credential(1), INPUT/OUTPUT FORMAT).
func readGit(r io.Reader) (map[string][]string, error) {
	asked := map[string][]string{}
	lines := bufio.NewScanner(io.LimitReader(r, 1<<20))
	lines.Buffer(nil, 1<<16) // git's own limit for a line
	for lines.Scan() && lines.Text() != "" {
		name, value, ok := strings.Cut(lines.Text(), "=")
		if !ok {
			return nil, errors.New("read credential request: a line is not of the form name=value")
		}
		asked[name] = append(asked[name], value)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read credential request: %w", err)
	}
	return asked, nil
}
