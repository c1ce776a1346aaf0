package cli

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/sftoken/sftoken/internal/approvals"
	"github.com/sftoken/sftoken/internal/rest"
	"github.com/sftoken/sftoken/store"
	"github.com/spf13/cobra"
)

func newApprovalsCommand(env *Env) *cobra.Command {
	var identify bool
	cmd := &cobra.Command{
		Use:   "approvals [alias]",
		Short: "List the approvals of this user that the org keeps, and which is this login",
		Long: `List the approvals of this user that the org keeps: each is a refresh token of some app. A user has five of an app;
a sixth revokes the oldest, and with it whatever program uses it.

The org does not say which approval is whose. The one that was last used when this login was last refreshed is
probably this login's own. --identify refreshes once and looks which has changed: then it is certain.`,
		Example: `  sftoken approvals prod
  sftoken approvals prod --identify
  sftoken approvals revoke prod 1a2b3c4d`,
		Args:              atMostOne,
		ValidArgsFunction: env.completeAliases,
		RunE: func(cmd *cobra.Command, args []string) error {
			return env.approvals(cmd.Context(), identify, args)
		},
	}
	addIdentify(cmd, &identify)
	env.addOnRotate(cmd)
	cmd.AddCommand(newApprovalsRevokeCommand(env))
	return cmd
}

func addIdentify(cmd *cobra.Command, identify *bool) {
	cmd.Flags().BoolVar(identify, "identify", false, "refresh this login once, to be certain which approval is its own")
}

type approvalsAnswer struct {
	Alias     string         `json:"alias"`
	UserID    string         `json:"user_id"`
	Approvals []approvalView `json:"approvals"`
}

type approvalView struct {
	ID       string     `json:"id,omitempty"` // to revoke it by; none: the org gives no way to
	App      string     `json:"app"`
	AppItem  string     `json:"app_menu_item_id,omitempty"`
	LastUsed *time.Time `json:"last_used_at,omitempty"`
	Uses     int        `json:"use_count"`
	Ours     string     `json:"ours"`
	NextOut  bool       `json:"next_out"`
}

func (e *Env) approvals(ctx context.Context, identify bool, args []string) error {
	s, err := e.openSession(ctx, args)
	if err != nil {
		return err
	}
	defer s.Close()
	list, userID, err := s.approvals(ctx, identify)
	if err != nil {
		return err
	}
	answer := approvalsAnswer{Alias: s.alias, UserID: userID, Approvals: []approvalView{}}
	for _, a := range list {
		answer.Approvals = append(answer.Approvals, approvalView{
			ID: a.ID(), App: a.App, AppItem: a.AppItem, LastUsed: known(a.LastUsed), Uses: a.Uses, Ours: string(a.Ours), NextOut: a.NextOut,
		})
	}
	if e.JSON {
		return e.WriteJSON(answer)
	}
	return e.writeApprovals(answer)
}

// approvals lists those of the login's user, and says which is the login's own: certainly if it may refresh.
func (s *session) approvals(ctx context.Context, identify bool) (list []*approvals.Approval, userID string, err error) {
	client, err := s.api(ctx, "")
	if err != nil {
		return nil, "", err
	}
	grant, err := s.grant(ctx)
	if err != nil {
		return nil, "", err
	}
	if userID, err = userOf(ctx, client, grant); err != nil {
		return nil, "", err
	}
	if list, err = approvals.List(ctx, client, userID); err != nil {
		return nil, "", err
	}
	if identify {
		list, err = s.identified(ctx, client, list, userID)
		return list, userID, err
	}
	used := grant.RefreshedAt
	if used.IsZero() {
		used = grant.CreatedAt
	}
	approvals.Guess(list, used)
	return list, userID, nil
}

// userOf is the login's user, whom a grant that was imported may not know.
func userOf(ctx context.Context, client *rest.Client, grant *store.Grant) (string, error) {
	if grant.UserID != "" {
		return grant.UserID, nil
	}
	var user struct {
		ID string `json:"user_id"`
	}
	err := client.Get(ctx, "/services/oauth2/userinfo", &user)
	return user.ID, err
}

func (s *session) identified(ctx context.Context, client *rest.Client, before []*approvals.Approval, userID string) ([]*approvals.Approval, error) {
	if _, err := s.engine.Refresh(ctx, s.alias); err != nil {
		return nil, err
	}
	after, err := approvals.List(ctx, client, userID)
	if err == nil {
		approvals.Compare(before, after)
	}
	return after, err
}

func (e *Env) writeApprovals(answer approvalsAnswer) error {
	if len(answer.Approvals) == 0 {
		e.Say("approvals.none", map[string]any{"alias": answer.Alias})
		return nil
	}
	rows := make([][]string, 0, len(answer.Approvals))
	unclear, full := true, false
	for _, a := range answer.Approvals {
		note := e.Text("approvals."+a.Ours, nil)
		if a.NextOut {
			note, full = note+e.Text("approvals.next-out", nil), true
		}
		unclear = unclear && a.Ours != string(approvals.Yes) && a.Ours != string(approvals.Probably)
		rows = append(rows, []string{a.ID, a.App, localTime(a.LastUsed), strconv.Itoa(a.Uses), note})
	}
	if _, err := fmt.Fprintln(e.Stdout, e.table(lines(e.Text("approvals.headers", nil)), rows)); err != nil {
		return err
	}
	if full {
		e.Say("approvals.full", map[string]any{"most": approvals.Most})
	}
	if unclear {
		e.Say("approvals.unclear", map[string]any{"alias": answer.Alias})
	}
	return nil
}
