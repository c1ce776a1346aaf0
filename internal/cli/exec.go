package cli

import (
	"context"
	"errors"
	"io/fs"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/sftoken/sftoken/refresh"
	"github.com/spf13/cobra"
)

func newExecCommand(env *Env) *cobra.Command {
	var minTTL time.Duration
	cmd := &cobra.Command{
		Use:   "exec [alias] -- command [argument…]",
		Short: "Run a program with an access token in its environment",
		Long: `Run a program with a valid access token in its environment, and in nobody else's: not in the shell's, not
among arguments, which every user of the machine can read. The program takes sftoken's place; its exit code is the
exit code, and 127 and 126 mean as in env(1) that it was not found or could not be run.

It gets SF_ACCESS_TOKEN and SF_INSTANCE_URL, the same as SALESFORCE_ACCESS_TOKEN and SALESFORCE_INSTANCE_URL, and
SF_TARGET_ORG with SF_ORG_INSTANCE_URL for the Salesforce CLI. The token ends like any other: a program that
runs for longer than a session calls the org through sftoken proxy.`,
		Example: `  sftoken exec prod -- python report.py
  sftoken exec prod -- sh -c 'curl -H "Authorization: Bearer $SF_ACCESS_TOKEN" "$SF_INSTANCE_URL/services/data/v66.0/limits"'
  sftoken exec prod --min-ttl 1h -- npm test`,
		ValidArgsFunction: env.completeAliases,
		RunE: func(cmd *cobra.Command, args []string) error {
			alias, command, err := splitAtDash(cmd, args)
			if err != nil {
				return err
			}
			if minTTL < 0 {
				return &usageError{id: "min-ttl", command: cmd.CommandPath()}
			}
			return env.exec(cmd.Context(), alias, command, minTTL)
		},
	}
	cmd.Flags().DurationVar(&minTTL, "min-ttl", 0, "refresh a token that lives shorter than this, such as 30m")
	env.addOnRotate(cmd)
	return cmd
}

// splitAtDash parts "alias -- command …". The dashes are asked for, because a program's name would be taken for an alias.
func splitAtDash(cmd *cobra.Command, args []string) (alias, command []string, err error) {
	dash := cmd.ArgsLenAtDash()
	switch {
	case dash < 0 && len(args) > 1:
		return nil, nil, &usageError{id: "dash-missing", data: map[string]any{"alias": args[0], "program": args[1]}, command: cmd.CommandPath()}
	case dash < 0, dash == len(args):
		return nil, nil, &usageError{id: "program-missing", command: cmd.CommandPath()}
	case dash > 1:
		return nil, nil, tooMany(cmd, args[1])
	}
	return args[:dash], args[dash:], nil
}

// exec looks for the program before it gets a token: a refresh for nothing may cost a rotation.
func (e *Env) exec(ctx context.Context, alias, command []string, minTTL time.Duration) error {
	path, err := exec.LookPath(command[0])
	if err != nil {
		return cannotRun(command[0], err)
	}
	s, err := e.openSession(ctx, alias)
	if err != nil {
		return err
	}
	access, err := s.token(ctx, minTTL)
	s.Close() // nothing of ours may be under way when the program takes our place
	if err != nil {
		return err
	}
	return e.become(path, command, access)
}

// cannotRun tells a program that is not there from one that cannot be run, as env(1) does.
func cannotRun(name string, err error) error {
	if inner, ok := errors.AsType[*exec.Error](err); ok {
		err = inner.Err // its text names the program a second time
	}
	data := map[string]any{"command": name}
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		return &localError{id: "command-not-found", code: exitNotFound, data: data}
	}
	return &localError{id: "command-not-executable", code: exitNotExecutable, data: data, err: err}
}

// tokenVariables are the names by which programs find an access token. The Salesforce CLI takes one for an org's name when it
// knows the instance URL.
var tokenVariables = []string{"SF_ACCESS_TOKEN", "SALESFORCE_ACCESS_TOKEN", "SF_TARGET_ORG"}

// instanceVariables are the names by which programs find where the org's API answers.
var instanceVariables = []string{"SF_INSTANCE_URL", "SALESFORCE_INSTANCE_URL", "SF_ORG_INSTANCE_URL"}

// ownSecrets are ours, and no program's that we start (B-24).
var ownSecrets = []string{"SFTOKEN_CLIENT_SECRET"}

// childEnvironment is ours with the token put in, and our secrets taken out.
func (e *Env) childEnvironment(access *refresh.Access) []string {
	taken := slices.Concat(tokenVariables, instanceVariables, ownSecrets)
	environment := slices.DeleteFunc(e.Environ(), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return slices.Contains(taken, name)
	})
	for _, name := range tokenVariables {
		environment = append(environment, name+"="+access.Token.Reveal())
	}
	for _, name := range instanceVariables {
		environment = append(environment, name+"="+access.InstanceURL)
	}
	return environment
}
