package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/sftoken/sftoken/internal/hook"
	"github.com/sftoken/sftoken/refresh"
	"github.com/sftoken/sftoken/store"
)

// addOnRotate gives a command the flag --on-rotate.
func (e *Env) addOnRotate(cmd *cobra.Command) {
	e.rotation.Stderr = e.Stderr // stdout is the answer's
	cmd.Flags().StringVar(&e.rotation.Command, "on-rotate", "",
		"shell command that gets each new refresh token: a line of JSON on its stdin")
}

// onEvent is the engine's. It hands new refresh tokens on. They are saved by then, so that a failure costs nothing here:
// it is told, once.
func (e *Env) onEvent(event refresh.Event) {
	if event.Kind != refresh.Rotated || e.rotation.Command == "" {
		return
	}
	err := e.rotation.run(event)
	switch {
	case err == nil:
	case e.rotation.failed != nil:
		e.rotation.failed(err)
	default:
		e.warnRotation(err)
	}
}

// handOn gives the refresh token of a login to --on-rotate, as if it had been rotated: the old one is dead.
func (e *Env) handOn(g *store.Grant) {
	if !g.RefreshToken.IsZero() {
		e.onEvent(refresh.Event{Kind: refresh.Rotated, Alias: g.Alias, Generation: g.Generation, RefreshToken: g.RefreshToken})
	}
}

func (e *Env) warnRotation(err error) { e.Warn("on-rotate.failed", map[string]any{"reason": err}) }

// rotation is what --on-rotate asked for.
type rotation struct {
	hook.Hook
	failed func(error) // nil: a warning
}

// run does not end with the command's context: the answer that the engine waited for has come, and its hook is due.
func (r *rotation) run(event refresh.Event) error {
	return r.Run(context.Background(), hook.Rotation{
		Alias: event.Alias, Generation: event.Generation, RefreshToken: event.RefreshToken,
	})
}
