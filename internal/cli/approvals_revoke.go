package cli

import (
	"context"
	"regexp"
	"slices"
	"sync"

	"github.com/sftoken/sftoken/internal/approvals"
	"github.com/spf13/cobra"
)

type approvalsRevokeOptions struct {
	identify bool
	yes      bool
}

func newApprovalsRevokeCommand(env *Env) *cobra.Command {
	var o approvalsRevokeOptions
	cmd := &cobra.Command{
		Use:   "revoke [alias] id…",
		Short: "Revoke approvals: the programs that use them must log in again",
		Long: `Revoke approvals by the ids that sftoken approvals shows. Whatever program uses one of them must log in again.

This login's own approval is not revoked here, nor one that may be it: --identify refreshes once to be certain, and sftoken
logout ends this login.`,
		Example: `  sftoken approvals revoke prod 1a2b3c4d
  sftoken approvals revoke prod 1a2b3c4d 5e6f7a8b --identify --yes`,
		ValidArgsFunction: env.completeAliases,
		RunE: func(cmd *cobra.Command, args []string) error {
			var alias []string
			ids := args
			if len(args) > 0 && !approvalID().MatchString(args[0]) {
				alias, ids = args[:1], args[1:]
			}
			if len(ids) == 0 {
				return &usageError{id: "approval-missing", command: cmd.CommandPath()}
			}
			return env.revokeApprovals(cmd.Context(), o, alias, ids)
		},
	}
	addIdentify(cmd, &o.identify)
	cmd.Flags().BoolVarP(&o.yes, "yes", "y", false, "do not ask")
	env.addOnRotate(cmd)
	return cmd
}

// approvalID is what tells an id from an alias.
var approvalID = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9a-f]{8}$`) })

type approvalsRevokeAnswer struct {
	Alias   string            `json:"alias"`
	Revoked []revokedApproval `json:"revoked"`
}

type revokedApproval struct {
	ID         string `json:"id"`
	App        string `json:"app"`
	Revocation string `json:"revocation"`
	Reason     string `json:"reason,omitempty"`
}

func (e *Env) revokeApprovals(ctx context.Context, o approvalsRevokeOptions, args, ids []string) error {
	s, err := e.openSession(ctx, args)
	if err != nil {
		return err
	}
	defer s.Close()
	list, _, err := s.approvals(ctx, o.identify)
	if err != nil {
		return err
	}
	chosen, err := chooseApprovals(s.alias, list, ids)
	if err != nil {
		return err
	}
	if err := e.confirmApprovals(ctx, o, s.alias, chosen); err != nil {
		return err
	}
	grant, err := s.grant(ctx)
	if err != nil {
		return err
	}
	client := e.client(grant)
	answer, code := approvalsRevokeAnswer{Alias: s.alias, Revoked: []revokedApproval{}}, exitOK
	for _, a := range chosen {
		one := revokedApproval{ID: a.ID(), App: a.App}
		var failed error
		one.Revocation, failed = revokeToken(ctx, client, a.DeleteToken)
		if failed != nil {
			one.Reason, code = failed.Error(), max(code, exitOf(failed))
			if !e.JSON {
				e.tell(failed)
			}
		} else if !e.JSON {
			e.Say("approvals."+one.Revocation, map[string]any{"id": one.ID, "app": one.App})
		}
		answer.Revoked = append(answer.Revoked, one)
	}
	if e.JSON {
		if err := e.WriteJSON(answer); err != nil {
			return err
		}
	}
	if code != exitOK {
		return &toldError{code: code}
	}
	return nil
}

// chooseApprovals finds all of the ids or none, and none that may be the login's own.
func chooseApprovals(alias string, list []*approvals.Approval, ids []string) (chosen []*approvals.Approval, err error) {
	for _, id := range ids {
		data := map[string]any{"alias": alias, "id": id}
		same := slices.DeleteFunc(slices.Clone(list), func(a *approvals.Approval) bool { return a.ID() != id })
		switch {
		case len(same) != 1:
			return nil, &localError{id: "approval-unknown", code: exitUsage, hints: true, data: data}
		case same[0].Ours == approvals.Yes, same[0].Ours == approvals.Probably:
			return nil, &localError{id: "approval-ours", code: exitUsage, hints: true, data: data}
		case same[0].Ours != approvals.No:
			return nil, &localError{id: "approval-unclear", code: exitUsage, hints: true, data: data}
		}
		if !slices.Contains(chosen, same[0]) {
			chosen = append(chosen, same[0])
		}
	}
	return chosen, nil
}

func (e *Env) confirmApprovals(ctx context.Context, o approvalsRevokeOptions, alias string, chosen []*approvals.Approval) error {
	if o.yes {
		return nil
	}
	var names []string
	for _, a := range chosen {
		names = append(names, a.App+" "+a.ID())
	}
	data := map[string]any{"alias": alias, "count": len(chosen), "approvals": joined(names)}
	if !e.Interactive() {
		return &localError{id: "approval-unconfirmed", code: exitUsage, hints: true, data: data}
	}
	yes, err := e.confirm(ctx, e.Text("ask.revoke-approvals", data))
	if err == nil && !yes {
		err = &localError{id: "refused", code: exitRefused}
	}
	return err
}
