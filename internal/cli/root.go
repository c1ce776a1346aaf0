// Package cli is the command line: a file a command, each built by a function that takes an *Env. It holds no protocol and
// no storage of its own; it asks, calls, and tells. Only cmd/sftoken imports it.
package cli

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/spf13/cobra"
)

// Main runs the process's command line and returns its exit code.
func Main() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	return Run(ctx, ProcessEnv())
}

// Run runs env.Args and returns the exit code.
func Run(ctx context.Context, env *Env) int {
	root := newRootCommand(env)
	root.SetArgs(env.Args)
	root.SetIn(env.Stdin)
	root.SetOut(env.Stdout)
	root.SetErr(env.Stderr)
	err := root.ExecuteContext(ctx)
	env.endTrace()
	if err != nil && ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = errInterrupted
	}
	if err == nil {
		return exitOK
	}
	// A wrong flag is found before those behind it are read.
	if slices.Contains(env.Args, "--json") {
		env.JSON = true
	}
	if env.Lang == "" {
		env.Lang = valueOf("--lang", env.Args)
	}
	return env.fail(err)
}

const (
	groupLogin = "login"
	groupUse   = "use"
	groupHelp  = "help"
	groupTry   = "try"
)

func newRootCommand(env *Env) *cobra.Command {
	root := &cobra.Command{
		Use:   "sftoken",
		Short: "Get, keep and use a Salesforce refresh token",
		Long: `sftoken gets a Salesforce refresh token with one command, keeps it alive, and hands
fresh access tokens to every program that needs one.`,
		Example: `  sftoken demo                    # see the whole journey, without an org
  sftoken login prod              # asks for what it needs, opens the browser
  curl -H "Authorization: Bearer $(sftoken token prod)" https://…`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			return env.beginTrace()
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			return unknownCommand(cmd, args[0])
		},
	}
	root.SetFlagErrorFunc(flagError)
	speakHelp(env, root)
	root.AddGroup(
		&cobra.Group{ID: groupLogin, Title: "Log in and out:"},
		&cobra.Group{ID: groupUse, Title: "Use what is kept:"},
		&cobra.Group{ID: groupHelp, Title: "When something fails:"},
		&cobra.Group{ID: groupTry, Title: "Try it without an org:"},
	)
	flags := root.PersistentFlags()
	flags.BoolVar(&env.JSON, "json", false, "answer with JSON on stdout, errors too")
	flags.BoolVar(&env.NoInput, "no-input", false, "never ask and never open a browser")
	flags.BoolVar(&env.NoColor, "no-color", false, "no colour (also NO_COLOR)")
	flags.StringVar(&env.Lang, "lang", "", "language of messages: en or ja (default from LC_ALL, LC_MESSAGES, LANG)")
	flags.StringVar(&env.Store, "store", "", "where logins are kept: file:DIR, sqlite:FILE, postgres://… or sf: (also SFTOKEN_STORE)")
	flags.StringVar(&env.Trace, "trace", "", "write what goes over the wire, without secrets, to this file (.har) and a diagram beside it (.mmd)")
	_ = root.RegisterFlagCompletionFunc("lang", cobra.FixedCompletions([]string{"en", "ja"}, cobra.ShellCompDirectiveNoFileComp))

	add := func(group string, commands ...*cobra.Command) {
		for _, c := range commands {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	add(groupLogin, newAppCommand(env), newLoginCommand(env), newImportCommand(env), newLogoutCommand(env))
	add(groupHelp, newDoctorCommand(env), newExplainCommand(env))
	add(groupUse, newTokenCommand(env), newExecCommand(env), newProxyCommand(env), newAPICommand(env), newQueryCommand(env), newOpenCommand(env), newWhoamiCommand(env), newIntrospectCommand(env), newLimitsCommand(env), newApprovalsCommand(env), newRefreshTokenCommand(env), newKeepaliveCommand(env), newListCommand(env), newShowCommand(env), newStoreCommand(env))
	add(groupUse, newExportCommand(env), newCredentialCommand(env), newAgentCommand(env))
	add(groupTry, newDemoCommand(env), newEmulatorCommand(env))
	root.AddCommand(newVersionCommand(env))
	return root
}
