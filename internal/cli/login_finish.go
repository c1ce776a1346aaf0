package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/internal/apps"
	"github.com/sftoken/sftoken/internal/login"
	"github.com/spf13/cobra"
)

func newLoginFinishCommand(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:   "finish ID",
		Short: "Finish a login that login start began; reads the pasted address from stdin",
		Example: `  pbpaste | sftoken login finish k3v5…
  sftoken login finish k3v5…          # on a terminal: asks for the address`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return &usageError{id: "finish-id", command: cmd.CommandPath()}
			}
			return atMostOne(cmd, args)
		},
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return env.loginFinish(cmd.Context(), args[0])
		},
	}
}

func (e *Env) loginFinish(ctx context.Context, id string) (err error) {
	k, err := e.openKept(ctx)
	if err != nil {
		return err
	}
	defer k.Close()
	dir := login.OpenPending(k.dir, k.key)
	pending, err := dir.Get(id)
	if err != nil {
		return err
	}
	e.about = map[string]string{"alias": pending.Alias, "host": pending.App.Host.String(), "redirect": pending.App.RedirectURI}
	defer func() {
		if err != nil {
			e.offerDoctor(&loginOptions{allowHosts: pending.AllowHosts, scopes: pending.App.Scopes}, pending.App, err)
		}
	}()
	text, err := e.readPasted(ctx)
	if err != nil {
		return err
	}
	code, err := pending.Attempt.AcceptPasted(text)
	if err != nil {
		return e.finishFailed(ctx, dir, id, err)
	}
	journey := pending.Journey(k.Store)
	journey.Client.HTTP = e.http()
	outcome, err := journey.Complete(ctx, code)
	if err != nil {
		return e.finishFailed(ctx, dir, id, err)
	}
	p := &plan{kept: k, journey: journey, app: apps.App{App: pending.App, AllowHosts: pending.AllowHosts}}
	e.remember(ctx, p)
	if err := dir.Remove(ctx, id); err != nil {
		outcome.Warnings = append(outcome.Warnings, err)
	}
	return e.tellLogin(p, outcome)
}

// finishFailed forgets the attempt if Salesforce has said no to it. After a slip in pasting, or without a network, the
// same command may be tried again.
func (e *Env) finishFailed(ctx context.Context, dir *login.PendingDir, id string, err error) error {
	if _, ok := errors.AsType[*sftoken.Error](err); ok && !errors.Is(err, sftoken.ErrTemporary) {
		return errors.Join(err, dir.Remove(ctx, id))
	}
	return err
}

// readPasted reads one line: a pipe's or the person's.
func (e *Env) readPasted(ctx context.Context) (string, error) {
	if e.Interactive() {
		return e.ask(ctx, question{id: "pasted", hidden: true})
	}
	if e.StdinTTY {
		return "", &localError{id: "pasted-missing", code: exitUsage, hints: true}
	}
	scanner := bufio.NewScanner(io.LimitReader(e.Stdin, 64<<10))
	for scanner.Scan() {
		if line := strings.TrimSpace(scanner.Text()); line != "" {
			return line, nil
		}
	}
	if err := scanner.Err(); err != nil {
		return "", fmt.Errorf("read the pasted address: %w", err)
	}
	return "", &localError{id: "pasted-missing", code: exitUsage, hints: true}
}
