package cli

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/internal/apps"
	"github.com/sftoken/sftoken/internal/appsetup"
	"github.com/sftoken/sftoken/store"
)

// rotateFlags are those of app rotate-secret.
type rotateFlags struct {
	org       orgFlags
	stageOnly bool
	cancel    bool
	retire    bool
	yes       bool
}

func newAppRotateSecretCommand(env *Env) *cobra.Command {
	var f rotateFlags
	cmd := &cobra.Command{
		Use:   "rotate-secret [name]",
		Short: "Give an app a new consumer key and secret, and switch the logins here to them",
		Long: `Give an app a new consumer key and secret without ending a login: Salesforce makes them beside the old ones, they are
kept here, the org is told to use them, and the app and the logins here are switched. The old ones go on working for 30
days, so that other machines and programs can be switched too; --retire ends them at once.

A run that broke off is gone on with by running it again. Refresh tokens stay as they are.`,
		Example: `  sftoken app rotate-secret nightly --using admin
  sftoken app rotate-secret nightly --using admin --stage-only    # make them, switch later
  sftoken app rotate-secret nightly --using admin --retire        # the old secret has leaked`,
		Args:              atMostOne,
		ValidArgsFunction: env.completeApps,
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.stageOnly && f.retire {
				return notBoth(cmd, "--stage-only", "--retire")
			}
			return env.appRotate(cmd.Context(), &f, args)
		},
	}
	f.org.add(env, cmd)
	flags := cmd.Flags()
	flags.BoolVar(&f.stageOnly, "stage-only", false, "make the new key and secret, and use them at the next run")
	flags.BoolVar(&f.cancel, "cancel", false, "drop a new key and secret that are not used yet")
	flags.BoolVar(&f.retire, "retire", false, "end the old key and secret at once")
	flags.BoolVarP(&f.yes, "yes", "y", false, "do not ask")
	return cmd
}

type appRotateAnswer struct {
	appView
	Rotated  bool     `json:"rotated"`  // the org uses the new ones
	Switched []string `json:"switched"` // aliases of the logins that use them now
	Retired  bool     `json:"retired"`  // the old ones are refused from now on
}

func (e *Env) appRotate(ctx context.Context, f *rotateFlags, args []string) error {
	app, err := e.chosenApp(ctx, args)
	if err != nil {
		return err
	}
	if app.Made.Name == "" {
		return &localError{id: "app-nameless", code: exitUsage, hints: true, data: map[string]any{"app": shortID(app.ClientID)}}
	}
	if err := e.confirmRotation(ctx, f, app); err != nil {
		return err
	}
	a, err := e.signIn(ctx, f.org.of(app))
	if err != nil {
		return err
	}
	defer a.Close()
	e.about = map[string]string{"app": app.Made.Name}
	if org := app.Made.OrgID; org != "" && !sftoken.SameID(org, a.grant.OrgID) {
		return &localError{id: "app-other-org", code: exitUsage, data: map[string]any{"app": app.Made.Name, "org": org, "other": a.grant.OrgID}}
	}
	k, err := e.createKept(ctx)
	if err != nil {
		return err
	}
	defer k.Close()
	consumer, err := a.Consumer(ctx, app.Made.Name, app.Made.AppID)
	if err != nil {
		return err
	}
	return (&rotating{env: e, flags: f, admin: a, kept: k, app: app, consumer: consumer}).run(ctx)
}

func (e *Env) confirmRotation(ctx context.Context, f *rotateFlags, app apps.App) error {
	if f.yes || f.stageOnly || f.cancel {
		return nil
	}
	data := map[string]any{"app": app.Made.Name}
	if !e.Interactive() {
		return &localError{id: "rotation-unconfirmed", code: exitUsage, hints: true, data: data}
	}
	text := "ask.rotate"
	if f.retire {
		text = "ask.rotate-retire"
	}
	yes, err := e.confirm(ctx, e.Text(text, data))
	if err == nil && !yes {
		err = &localError{id: "refused", code: exitRefused}
	}
	return err
}

// rotating is one rotation. Each step is safe to be the last: before the org is told to use the new secret it is kept here,
// and until the logins are switched the old one works.
type rotating struct {
	env      *Env
	flags    *rotateFlags
	admin    *admin
	kept     *kept
	app      apps.App
	consumer appsetup.Consumer
}

func (r *rotating) run(ctx context.Context) error {
	if r.flags.cancel {
		return r.cancel(ctx)
	}
	if err := r.stage(ctx); err != nil {
		return err
	}
	if r.flags.stageOnly {
		return r.tell(appRotateAnswer{appView: appViewOf(r.app), Switched: []string{}})
	}
	staged := r.app.Staged
	gone, err := r.admin.Promote(ctx, r.consumer, &appsetup.Staged{ID: staged.ID, Key: staged.ClientID, Secret: staged.Secret})
	if err != nil {
		return err
	}
	if gone {
		return r.forget(ctx)
	}
	// The org uses the new ones now. Nothing that is switched below may be stopped half way.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	answer := appRotateAnswer{Rotated: true, Switched: []string{}}
	old := r.app
	if answer.Switched, err = r.switchLogins(ctx, old, staged); err != nil {
		return err
	}
	r.app.ClientID, r.app.Staged = staged.ClientID, nil
	if !r.app.ClientSecret.IsZero() { // a public client stays one
		r.app.ClientSecret = staged.Secret
	}
	if err := r.kept.apps().Replace(ctx, old, r.app); err != nil {
		return err
	}
	if r.flags.retire {
		if answer.Retired, err = r.admin.Retire(ctx, r.app.Made.Name, r.consumer); err != nil {
			return err
		}
	}
	answer.appView = appViewOf(r.app)
	return r.tell(answer)
}

// stage makes new credentials and keeps them, unless that was done before.
func (r *rotating) stage(ctx context.Context) error {
	if r.app.Staged != nil {
		r.env.Say("app.resumed", map[string]any{"app": r.app.Made.Name})
		return nil
	}
	staged, err := r.admin.Stage(ctx, r.app.Made.Name, r.consumer)
	if held, ok := errors.AsType[*appsetup.StagedError](err); ok && held.Previous && r.flags.retire {
		if _, err = r.admin.Retire(ctx, r.app.Made.Name, r.consumer); err == nil {
			staged, err = r.admin.Stage(ctx, r.app.Made.Name, r.consumer)
		}
	}
	if err != nil {
		return err
	}
	r.app.Staged = &apps.Staged{ID: staged.ID, ClientID: staged.Key, Secret: staged.Secret, ExpiresAt: staged.Expires}
	if err := r.kept.apps().Remember(context.WithoutCancel(ctx), r.app); err != nil {
		return errors.Join(err, r.admin.Drop(ctx, r.consumer, staged.ID)) // nobody has its secret
	}
	return nil
}

// forget gives up staged credentials that the org has given up.
func (r *rotating) forget(ctx context.Context) error {
	r.app.Staged = nil
	if err := r.kept.apps().Remember(ctx, r.app); err != nil {
		return err
	}
	return &localError{id: "app-staged-gone", code: exitFailed, hints: true, data: map[string]any{"app": r.app.Made.Name}}
}

// cancel drops what is staged, by whomever: a run whose answer was lost has left credentials that nobody has.
func (r *rotating) cancel(ctx context.Context) error {
	if r.app.Staged != nil && r.consumer.Key == r.app.Staged.ClientID {
		return &localError{id: "app-rotated-already", code: exitUsage, hints: true, data: map[string]any{"app": r.app.Made.Name}}
	}
	dropped, err := r.admin.Unstage(ctx, r.app.Made.Name, r.consumer)
	if err != nil {
		return err
	}
	if !dropped && r.app.Staged == nil {
		return &localError{id: "app-nothing-staged", code: exitUsage, data: map[string]any{"app": r.app.Made.Name}}
	}
	r.app.Staged = nil
	if err := r.kept.apps().Remember(ctx, r.app); err != nil {
		return err
	}
	return r.tell(appRotateAnswer{appView: appViewOf(r.app), Switched: []string{}})
}

// switchLogins gives the new key and secret to every login of the app, each under its lease, so that a refresh that is on its
// way ends before.
func (r *rotating) switchLogins(ctx context.Context, old apps.App, to *apps.Staged) ([]string, error) {
	switched := []string{}
	for grant, err := range r.kept.List(ctx) {
		if err != nil || grant.App.ClientID != old.ClientID {
			continue // what cannot be read is told of by sftoken list
		}
		if err := switchLogin(ctx, r.kept, grant.Alias, old.ClientID, to); err != nil {
			return switched, err
		}
		switched = append(switched, grant.Alias)
	}
	return switched, nil
}

func switchLogin(ctx context.Context, k *kept, alias, from string, to *apps.Staged) error {
	lease, err := k.Lease(ctx, alias)
	if err != nil {
		return err
	}
	defer lease.Release()
	grant, err := lease.Load(ctx)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if grant.App.ClientID != from {
		return nil
	}
	grant.App.ClientID = to.ClientID
	if !grant.App.ClientSecret.IsZero() {
		grant.App.ClientSecret = to.Secret
	}
	return lease.Save(ctx, grant)
}

func (r *rotating) tell(answer appRotateAnswer) error {
	if r.env.JSON {
		return r.env.WriteJSON(answer)
	}
	data := map[string]any{
		"app": answer.Name, "client": answer.ClientID, "logins": joined(answer.Switched), "retired": answer.Retired,
	}
	switch {
	case answer.Rotated:
		r.env.Say("app.rotated", data)
	case answer.Staged != nil:
		data["expiry"] = cmp.Or(localTime(answer.Staged.ExpiresAt), "30 d")
		r.env.Say("app.staged", data)
	default:
		r.env.Say("app.cancelled", data)
	}
	return nil
}
