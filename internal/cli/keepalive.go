package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/sftoken/sftoken/refresh"
	"github.com/sftoken/sftoken/store"
)

type keepaliveOptions struct {
	watch         bool
	within, limit days
	unit          string
}

func newKeepaliveCommand(env *Env) *cobra.Command {
	o := keepaliveOptions{limit: days(refresh.IdleLimit)}
	cmd := &cobra.Command{
		Use:   "keepalive [alias...]",
		Short: "Refresh the logins that are about to go idle",
		Long: `Refresh the logins that are about to go idle. Salesforce ends a refresh token that nobody
has used for 30 days, or for as long as the app's policy says. Run this every day, or let
it run as a service.

Without an alias it looks after all logins; dead ones are left out. The requests are
spread: at most 5 a second and 4 at once at one login host. A login that fails stops no
other; the exit code is that of the worst. After three failures of a login host in a row
the rest of its logins waits for the next run.

With --on-rotate, each new refresh token is given to COMMAND, which the shell runs, as a
line of JSON on stdin: {"alias": …, "generation": …, "refresh_token": …}. The token is kept
here before; if the command fails within its 30 seconds or at their end, that is told.`,
		Example: `  sftoken keepalive
  sftoken keepalive prod --within 30d                     # whatever its age
  sftoken keepalive --watch --json >> keepalive.log       # as a service, until SIGTERM
  sftoken keepalive --install-unit systemd | sh           # every day; read it first`,
		ValidArgsFunction: env.completeAliases,
		RunE: func(cmd *cobra.Command, aliases []string) error {
			for _, alias := range aliases {
				if err := store.ValidAlias(alias); err != nil {
					return err
				}
			}
			if o.unit != "" && o.watch {
				return &usageError{id: "unit-and-watch", command: cmd.CommandPath()}
			}
			if o.unit != "" {
				return env.printUnit(&o, aliases)
			}
			return env.keepalive(cmd.Context(), &o, aliases)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&o.watch, "watch", false, "go on as a service: look once an hour until SIGTERM or Ctrl-C")
	flags.Var(&o.within, "within", "refresh what would die within this time, such as 7d or 36h (default a third of --idle-limit)")
	flags.Var(&o.limit, "idle-limit", "how long the app's policy lets a refresh token lie unused")
	flags.StringVar(&o.unit, "install-unit", "", "print what makes the system run this every day: systemd, launchd or cron")
	_ = cmd.RegisterFlagCompletionFunc("install-unit", cobra.FixedCompletions(unitKinds, cobra.ShellCompDirectiveNoFileComp))
	env.addOnRotate(cmd)
	return cmd
}

// days is a duration that may be written in days.
type days time.Duration

const day = 24 * time.Hour

func (d *days) Set(text string) error {
	var parsed time.Duration
	var err error
	if number, ok := strings.CutSuffix(text, "d"); ok {
		var n int
		n, err = strconv.Atoi(number)
		parsed = time.Duration(n) * day
	} else {
		parsed, err = time.ParseDuration(text)
	}
	if err != nil || parsed <= 0 || parsed > 3650*day {
		return errors.New("give a time such as 7d or 36h")
	}
	*d = days(parsed)
	return nil
}

func (d *days) String() string {
	switch v := time.Duration(*d); {
	case v == 0:
		return ""
	case v%day == 0:
		return strconv.Itoa(int(v/day)) + "d"
	default:
		return v.String()
	}
}

// Type implements pflag.Value.
func (*days) Type() string { return "time" }

// keepaliveAnswer is one grant's line under --json.
type keepaliveAnswer struct {
	Alias   string     `json:"alias,omitempty"` // none: the look itself failed
	Outcome string     `json:"outcome"`
	Due     *time.Time `json:"idle_until,omitempty"` // before a refresh
	Error   *report    `json:"error,omitempty"`
}

// keeping is one run of the command. Results and the failures of hooks come from several goroutines.
type keeping struct {
	*Env
	mu       sync.Mutex
	progress bool
	count    map[refresh.Outcome]int
	codes    []int
	err      error // of writing
}

func (e *Env) keepalive(ctx context.Context, o *keepaliveOptions, aliases []string) error {
	k, err := e.openKept(ctx)
	if err != nil {
		return err
	}
	defer k.Close()
	engine, done, err := e.engine(k)
	if err != nil {
		return err
	}
	run := &keeping{Env: e, progress: e.StderrTTY && !e.dumb() && !e.JSON, count: map[refresh.Outcome]int{}}
	e.rotation.failed = run.hookFailed
	alive := &refresh.KeepAlive{Engine: engine, Limit: time.Duration(o.limit), Within: time.Duration(o.within), OnResult: run.result}
	if o.watch {
		err = alive.Serve(ctx, aliases...)
	} else {
		err = alive.Run(ctx, aliases...)
	}
	done() // flights have landed and hooks have been told
	run.clear()
	switch {
	case err != nil:
		return err
	case run.err != nil:
		return run.err
	case o.watch:
		return nil // it ended because it was told to
	}
	if !e.JSON {
		if _, err := fmt.Fprintln(e.Stdout, run.summary()); err != nil {
			return err
		}
	}
	if code := worst(run.codes); code != exitOK {
		return &toldError{code: code}
	}
	return nil
}

// bySeverity are the exit codes, the worst first: what no later run cures comes before what waiting cures.
var bySeverity = []int{exitStore, exitBlocked, exitLogin, exitUsage, exitFailed, exitTryAgain}

func worst(codes []int) int {
	for _, code := range bySeverity {
		if slices.Contains(codes, code) {
			return code
		}
	}
	return exitOK
}

// result tells of one grant.
func (k *keeping) result(r refresh.Result) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.clear()
	k.count[r.Outcome]++
	if r.Err != nil {
		k.codes = append(k.codes, exitOf(r.Err))
	}
	k.about = map[string]string{"alias": r.Alias}
	switch {
	case k.JSON:
		answer := keepaliveAnswer{Alias: r.Alias, Outcome: strings.ReplaceAll(string(r.Outcome), " ", "_"), Due: known(r.Due)}
		if r.Err != nil {
			report := k.reportOf(r.Err)
			answer.Error = &report
		}
		k.writeLine(answer)
	case r.Err != nil:
		k.tell(r.Err)
	default:
		_, err := fmt.Fprintln(k.Stdout, k.Text("keepalive."+outcomeTexts[r.Outcome], map[string]any{"alias": r.Alias}))
		k.err = errors.Join(k.err, err)
	}
	if k.progress && r.Done < r.Of {
		fmt.Fprintf(k.Stderr, "%s", k.dim(k.Text("keepalive.progress", map[string]any{"done": r.Done, "of": r.Of})))
	}
}

var outcomeTexts = map[refresh.Outcome]string{
	refresh.Kept: "kept", refresh.NotDue: "not-due", refresh.NoNeed: "no-need",
}

// hookFailed tells of a --on-rotate command that failed. The login is safe; the exit code says that something is not.
func (k *keeping) hookFailed(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.clear()
	k.codes = append(k.codes, exitFailed)
	if k.JSON {
		k.writeLine(keepaliveAnswer{Outcome: "hook_failed", Error: &report{Code: "hook-failed", Message: err.Error(), Hints: []string{}}})
		return
	}
	k.warnRotation(err)
}

func (k *keeping) writeLine(answer keepaliveAnswer) {
	encoder := json.NewEncoder(k.Stdout)
	encoder.SetEscapeHTML(false)
	k.err = errors.Join(k.err, encoder.Encode(answer))
}

// clear takes the progress off the terminal's line.
func (k *keeping) clear() {
	if k.progress {
		fmt.Fprint(k.Stderr, "\r\x1b[K")
	}
}

func (k *keeping) summary() string {
	if len(k.count) == 0 {
		return k.Text("keepalive.nothing", nil)
	}
	return k.Text("keepalive.summary", map[string]any{
		"kept": k.count[refresh.Kept], "failed": k.count[refresh.Failed], "putoff": k.count[refresh.PutOff],
		"untouched": k.count[refresh.NotDue] + k.count[refresh.NoNeed],
	})
}
