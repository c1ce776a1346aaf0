package cli

import (
	"cmp"
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/internal/apps"
	"github.com/sftoken/sftoken/internal/appsetup"
)

func newAppCheckCommand(env *Env) *cobra.Command {
	var org orgFlags
	var flows []string
	cmd := &cobra.Command{
		Use:   "check [name]",
		Short: "Compare an app's settings in the org with what its logins need",
		Long: `Read an app's settings from its org and say which of them make logins or refreshes fail, which could be safer, and where
in Setup each is changed. Nothing is changed.

It is checked against what is remembered of the app here. Exit code 1: there is a problem.`,
		Example: `  sftoken app check
  sftoken app check sftoken --using admin
  sftoken app check nightly --using admin --flow client-credentials --flow jwt`,
		Args:              atMostOne,
		ValidArgsFunction: env.completeApps,
		RunE: func(cmd *cobra.Command, args []string) error {
			return env.appCheck(cmd.Context(), &org, flows, args)
		},
	}
	org.add(env, cmd)
	cmd.Flags().StringSliceVar(&flows, "flow", nil, "flow that the app is used for: web-server, device, jwt, client-credentials (default web-server)")
	return cmd
}

type appCheckAnswer struct {
	Name     string           `json:"name"`
	OK       bool             `json:"ok"` // there is no problem
	Findings []appFindingView `json:"findings"`
}

type appFindingView struct {
	ID      string `json:"id"`
	Problem bool   `json:"problem"` // false: advice
	Message string `json:"message"`
	Fix     string `json:"fix"`
}

func (e *Env) appCheck(ctx context.Context, f *orgFlags, flows, args []string) error {
	use, err := flowsOf(flows)
	if err != nil {
		return err
	}
	app, err := e.chosenApp(ctx, args)
	if err != nil {
		if len(args) == 0 {
			return err
		}
		// An app that nobody has logged in with yet can be checked as well: as the public client that login would take it for.
		settings, configErr := e.Config()
		if configErr != nil {
			return configErr
		}
		app = apps.App{App: sftoken.App{RedirectURI: cmp.Or(settings.RedirectURI, sftoken.DefaultRedirectURI)}}
	}
	current, err := e.currentApp(ctx, f, app, args)
	if err != nil {
		return err
	}
	answer := appCheckAnswer{Name: current.Name, OK: true, Findings: []appFindingView{}}
	for _, found := range current.Check(appsetup.Use{App: app.App, Flows: use}) {
		answer.OK = answer.OK && found.Level != appsetup.Problem
		answer.Findings = append(answer.Findings, appFindingView{
			ID: found.ID, Problem: found.Level == appsetup.Problem,
			Message: found.Message(e.Language()), Fix: found.Fix(e.Language()),
		})
	}
	if e.JSON {
		err = e.WriteJSON(answer)
	} else {
		err = e.writeAppCheck(answer)
	}
	if err == nil && !answer.OK {
		err = &toldError{code: exitFailed}
	}
	return err
}

func flowsOf(words []string) ([]sftoken.Flow, error) {
	var flows []sftoken.Flow
	for _, word := range words {
		if word == "jwt" {
			word = string(sftoken.FlowJWTBearer)
		}
		flow, err := sftoken.ParseFlow(word)
		if err != nil {
			return nil, err
		}
		flows = append(flows, flow)
	}
	return flows, nil
}

func (e *Env) writeAppCheck(answer appCheckAnswer) error {
	id := "app.sound"
	if !answer.OK {
		id = "app.unsound"
	}
	if _, err := fmt.Fprintln(e.Stdout, e.Text(id, map[string]any{"app": answer.Name})); err != nil {
		return err
	}
	for _, f := range answer.Findings {
		word := e.Text("app.advice", nil)
		if f.Problem {
			word = e.Text("app.problem", nil)
		}
		if _, err := fmt.Fprintf(e.Stdout, "\n%s %s\n  %s\n", word, f.Message, f.Fix); err != nil {
			return err
		}
	}
	return nil
}
