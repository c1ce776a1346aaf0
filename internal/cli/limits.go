package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

func newLimitsCommand(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:   "limits [alias]",
		Short: "Show the org's limits, and how much of each is used",
		Example: `  sftoken limits prod
  sftoken limits prod --json | jq '.limits[] | select(.used_share > 0.8)'`,
		Args:              atMostOne,
		ValidArgsFunction: env.completeAliases,
		RunE: func(cmd *cobra.Command, args []string) error {
			return env.limits(cmd.Context(), args)
		},
	}
}

type limitsAnswer struct {
	Alias  string  `json:"alias"`
	Limits []limit `json:"limits"`
}

type limit struct {
	Name      string  `json:"name"`
	Max       int64   `json:"max"`
	Remaining int64   `json:"remaining"`
	Used      int64   `json:"used"`
	Share     float64 `json:"used_share"` // of max, 0 to 1; more where the org may exceed it
}

// limits shows the fullest first.
func (e *Env) limits(ctx context.Context, args []string) error {
	s, err := e.openSession(ctx, args)
	if err != nil {
		return err
	}
	defer s.Close()
	client, err := s.api(ctx, "")
	if err != nil {
		return err
	}
	var got map[string]struct{ Max, Remaining int64 }
	if err := client.Get(ctx, "limits", &got); err != nil {
		return err
	}
	answer := limitsAnswer{Alias: s.alias, Limits: []limit{}}
	for name, l := range got {
		one := limit{Name: name, Max: l.Max, Remaining: l.Remaining, Used: l.Max - l.Remaining}
		if l.Max > 0 {
			one.Share = float64(one.Used) / float64(l.Max)
		}
		answer.Limits = append(answer.Limits, one)
	}
	slices.SortFunc(answer.Limits, func(a, b limit) int {
		return cmp.Or(cmp.Compare(b.Share, a.Share), strings.Compare(a.Name, b.Name))
	})
	if e.JSON {
		return e.WriteJSON(answer)
	}
	rows := make([][]string, 0, len(answer.Limits))
	for _, l := range answer.Limits {
		rows = append(rows, []string{
			l.Name, strconv.FormatInt(l.Used, 10), strconv.FormatInt(l.Max, 10), fmt.Sprintf("%3.0f %% %s", 100*l.Share, bar(l.Share)),
		})
	}
	_, err = fmt.Fprintln(e.Stdout, e.table(lines(e.Text("limits.headers", nil)), rows))
	return err
}

// bar draws a share in ten steps; anything used shows.
func bar(share float64) string {
	steps := int(min(max(share, 0), 1) * 10)
	if share > 0 {
		steps = max(steps, 1)
	}
	return strings.Repeat("#", steps)
}
