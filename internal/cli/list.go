package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"charm.land/lipgloss/v2"
	"charm.land/lipgloss/v2/table"
	"github.com/sftoken/sftoken/store"
	"github.com/spf13/cobra"
)

func newListCommand(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the logins that are kept here",
		Example: `  sftoken list
  sftoken list --json | jq -r '.logins[] | select(.state == "dead") | .alias'`,
		Args:              noArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return env.list(cmd.Context())
		},
	}
}

type listAnswer struct {
	Logins []grantView `json:"logins"`
	place
}

func (e *Env) list(ctx context.Context) error {
	k, err := e.openKept(ctx)
	if err != nil {
		return err
	}
	defer k.Close()
	answer := listAnswer{Logins: []grantView{}, place: k.where()}
	var unreadable []error
	for grant, err := range k.List(ctx) {
		if err == nil {
			answer.Logins = append(answer.Logins, viewOf(grant))
			continue
		}
		damaged, ok := errors.AsType[*store.Error](err)
		if !ok || damaged.Alias == "" {
			return err
		}
		unreadable = append(unreadable, err)
		answer.Logins = append(answer.Logins, grantView{Alias: damaged.Alias, State: stateUnreadable, Error: err.Error()})
	}
	if e.JSON {
		err = e.WriteJSON(answer)
	} else {
		err = e.writeList(answer.Logins)
	}
	if err != nil || len(unreadable) == 0 {
		return err
	}
	// The list is the answer; what could not be read is told beside it, and by the exit code.
	if !e.JSON {
		for _, err := range unreadable {
			e.tell(err)
		}
	}
	return &toldError{code: exitOf(unreadable[0])}
}

func (e *Env) writeList(logins []grantView) error {
	if len(logins) == 0 {
		e.Say("list.empty", nil)
		return nil
	}
	rows := make([][]string, 0, len(logins))
	for _, login := range logins {
		refreshed := ""
		if login.RefreshedAt != nil {
			refreshed = login.RefreshedAt.Local().Format("2006-01-02 15:04")
		}
		rows = append(rows, []string{
			login.Alias, login.Username, login.OrgID, strings.TrimPrefix(login.InstanceURL, "https://"),
			e.Text("state."+login.State, nil), refreshed,
		})
	}
	headers := lines(e.Text("list.headers", nil))
	_, err := fmt.Fprintln(e.Stdout, e.table(headers, rows))
	return err
}

// table lays rows out in columns by what they measure on a terminal, where Japanese is twice as wide.
func (e *Env) table(headers []string, rows [][]string) string {
	cell := lipgloss.NewStyle().PaddingRight(2)
	head := cell
	if e.ColorOut() {
		head = head.Bold(true)
	}
	t := table.New().
		BorderTop(false).BorderBottom(false).BorderLeft(false).BorderRight(false).
		BorderColumn(false).BorderHeader(false).
		Headers(headers...).
		Rows(rows...).
		Wrap(false).
		StyleFunc(func(row, _ int) lipgloss.Style {
			if row == table.HeaderRow {
				return head
			}
			return cell
		})
	var b strings.Builder
	for line := range strings.Lines(t.String()) {
		b.WriteString(strings.TrimRight(line, " \n"))
		b.WriteByte('\n')
	}
	return strings.TrimRight(b.String(), "\n")
}
