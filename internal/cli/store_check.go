package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/sftoken/sftoken/internal/apps"
	"github.com/sftoken/sftoken/internal/inspect"
	"github.com/sftoken/sftoken/internal/stores"
	"github.com/sftoken/sftoken/keys"
	"github.com/spf13/cobra"
)

func newStoreCheckCommand(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Look whether everything that is kept can be used, and is safe",
		Long: `Open every login, look at who can read the files, at the keys, at what crashes have left, and at files that
are not sftoken's. Nothing is changed and no network is needed, but for a store on another machine. The exit code is
7 if there is a problem.`,
		Example: `  sftoken store check
  sftoken store check --json | jq '.findings[] | select(.problem)'`,
		Args:              noArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return env.storeCheck(cmd.Context())
		},
	}
}

type checkAnswer struct {
	Logins   int           `json:"logins"` // that open
	Problems int           `json:"problems"`
	Findings []findingView `json:"findings"`
	place
}

type findingView struct {
	ID      string   `json:"id"`
	Problem bool     `json:"problem"`
	Alias   string   `json:"alias,omitempty"`
	Path    string   `json:"path,omitempty"`
	Message string   `json:"message"`
	Hints   []string `json:"hints"`
}

func (e *Env) storeCheck(ctx context.Context) error {
	at, err := e.location()
	if err != nil {
		return err
	}
	t, k, err := e.inspectTarget(ctx, at)
	if err != nil {
		return err
	}
	if k.Store != nil {
		defer k.Close()
	}
	found, err := inspect.Run(ctx, t)
	if err != nil {
		return err
	}
	answer := checkAnswer{Logins: found.Grants, Problems: found.Problems(), Findings: []findingView{}, place: k.where()}
	for _, f := range found.All {
		answer.Findings = append(answer.Findings, e.viewFinding(f))
	}
	if e.JSON {
		err = e.WriteJSON(answer)
	} else {
		e.tellFindings(answer)
	}
	if err == nil && answer.Problems > 0 {
		err = &toldError{code: exitStore}
	}
	return err
}

// inspectTarget opens what can be opened. That something cannot is a finding, and no error.
func (e *Env) inspectTarget(ctx context.Context, at stores.Location) (inspect.Target, *kept, error) {
	dir, err := e.dataDir(at)
	if err != nil {
		return inspect.Target{}, nil, err
	}
	t := inspect.Target{DataDir: dir, SpoolDir: at.SpoolDir(dir), Now: e.Now()}
	known, err := stores.Known(dir)
	if err != nil {
		return inspect.Target{}, nil, err
	}
	for _, l := range append(known, at) {
		if l.Kind == stores.SQLite {
			t.Others = append(t.Others, l.Path)
		}
	}
	k := &kept{at: at, dir: dir}
	t.Keys, k.place, t.KeysErr = keys.Open(ctx, keys.Options{Dir: dir})
	k.key = t.Keys
	if t.KeysErr == nil {
		t.Apps = func() error { _, err := apps.Open(dir, t.Keys).List(); return err }
	}
	if t.KeysErr == nil || errors.Is(t.KeysErr, keys.ErrNoKey) {
		opened, err := e.withStore(ctx, at, t.Keys, k.place, false)
		if t.StoreErr = err; err == nil {
			k, t.Store = opened, opened.Store
			t.KeysErr = nil
		}
	}
	return t, k, ctx.Err()
}

// viewFinding puts a finding into words: those of its error, or of the catalogue under "check.<id>", with what to do about
// it under "mend.<id>".
func (e *Env) viewFinding(f inspect.Finding) findingView {
	v := findingView{ID: f.ID, Problem: f.Problem, Alias: f.Alias, Path: f.Path}
	if f.Err != nil {
		r := e.reportOf(f.Err)
		v.ID, v.Message, v.Hints = r.Code, r.Message, r.Hints
		return v
	}
	data := map[string]any{"alias": f.Alias, "path": f.Path, "name": filepath.Base(f.Path), "key": f.Key}
	v.Message, v.Hints = e.Text("check."+f.ID, data), lines(e.Text("mend."+f.ID, data))
	return v
}

func (e *Env) tellFindings(a checkAnswer) {
	for _, f := range a.Findings {
		label := e.bold(e.Text("check.note", nil))
		if f.Problem {
			label = e.red(e.Text("check.problem", nil))
		}
		fmt.Fprintf(e.Stderr, "%s %s\n", label, f.Message)
		for _, hint := range f.Hints {
			fmt.Fprintf(e.Stderr, "%s %s\n", e.bold("hint:"), hint)
		}
	}
	id := "check.sound"
	if a.Problems > 0 {
		id = "check.unsound"
	}
	fmt.Fprintln(e.Stdout, e.Text(id, map[string]any{"logins": a.Logins, "problems": a.Problems, "place": a.KeptIn}))
}
