package cli

import (
	"fmt"
	"time"

	"github.com/sftoken/sftoken/internal/transfer"
	"github.com/spf13/cobra"
)

func newStoreCommand(env *Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "store",
		Short: "Check, back up, move and re-encrypt what is kept",
		Long: `Look after the store of logins. It is the files of the data directory, unless --store, SFTOKEN_STORE or
store in the config file names another:

  file:DIR                       encrypted files in a data directory with keys of its own
  sqlite:FILE                    a database for many processes on one machine
  postgres://USER@HOST/DATABASE  a database for many machines; its password comes from PGPASSWORD, PGPASSFILE or a
                                 service file, never from the URL
  sf:                            the Salesforce CLI's own logins (~/.sfdx), which it and sftoken then refresh in turn`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			return unknownCommand(cmd, args[0])
		},
	}
	cmd.AddCommand(newStoreCheckCommand(env), newStoreRekeyCommand(env), newStoreBackupCommand(env),
		newStoreRestoreCommand(env), newStoreCopyCommand(env))
	return cmd
}

// progress draws how far a long work is, on one line of a terminal, several times a second at most. Off a terminal it says
// nothing.
type progress struct {
	env   *Env
	id    string // catalogue
	next  time.Time
	drawn bool
}

func (p *progress) step(data map[string]any) {
	if !p.env.StderrTTY || p.env.dumb() || p.env.JSON {
		return
	}
	now := p.env.Now()
	if now.Before(p.next) {
		return
	}
	p.next, p.drawn = now.Add(100*time.Millisecond), true
	fmt.Fprintf(p.env.Stderr, "\r\x1b[K%s", p.env.Text(p.id, data))
}

// end takes the line away.
func (p *progress) end() {
	if p.drawn {
		fmt.Fprint(p.env.Stderr, "\r\x1b[K")
	}
	p.drawn = false
}

// transferAnswer is what store restore and store copy say with --json.
type transferAnswer struct {
	From   string          `json:"from"`
	To     string          `json:"to"`
	Made   *time.Time      `json:"made,omitempty"` // of a backup
	Logins []transferEntry `json:"logins"`
	Apps   int             `json:"apps,omitempty"` // added to the remembered ones
}

type transferEntry struct {
	Alias   string `json:"alias"`
	Outcome string `json:"outcome"` // added, replaced, same, kept, failed
	State   string `json:"state,omitempty"`
	Rotates bool   `json:"rotates"`
	Error   string `json:"error,omitempty"`
}

// tally collects what became of each grant.
type tally struct {
	env    *Env
	answer transferAnswer
	kept   []string
	spent  []string // came over, and their refresh tokens are spent by use
	counts map[transfer.Verdict]int
	worst  error
}

func (e *Env) newTally(from, to string) *tally {
	return &tally{env: e, answer: transferAnswer{From: from, To: to, Logins: []transferEntry{}}, counts: map[transfer.Verdict]int{}}
}

func (t *tally) add(r transfer.Result) {
	entry := transferEntry{Alias: r.Alias, Outcome: string(r.Verdict)}
	if r.Grant != nil {
		entry.State, entry.Rotates = r.Grant.State.String(), r.Grant.MayRotate()
	}
	t.counts[r.Verdict]++
	switch r.Verdict {
	case transfer.Kept:
		t.kept = append(t.kept, r.Alias)
	case transfer.Failed:
		entry.Error = r.Err.Error()
		if t.worst == nil {
			t.worst = r.Err
		}
		if !t.env.JSON {
			t.env.tell(r.Err)
		}
	default:
		if entry.Rotates {
			t.spent = append(t.spent, r.Alias)
		}
	}
	t.answer.Logins = append(t.answer.Logins, entry)
}

// tell says what became of all, and returns the error that is the command's: what failed, or else what was left alone.
func (t *tally) tell(id string) error {
	e := t.env
	if e.JSON {
		if err := e.WriteJSON(t.answer); err != nil {
			return err
		}
	} else {
		e.Say(id, map[string]any{
			"added": t.counts[transfer.Added], "replaced": t.counts[transfer.Replaced],
			"same": t.counts[transfer.Same], "to": t.answer.To,
		})
	}
	switch {
	case t.worst != nil:
		return &toldError{code: exitOf(t.worst)}
	case len(t.kept) > 0 && e.JSON:
		return &toldError{code: exitFailed}
	case len(t.kept) > 0:
		return &localError{id: "logins-kept", code: exitFailed, hints: true, data: map[string]any{"aliases": joined(t.kept)}}
	}
	return nil
}
