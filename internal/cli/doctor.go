package cli

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/internal/doctor"
)

// doctorOptions are the flags of doctor; those of the app are login's.
type doctorOptions struct {
	loginOptions
	refresh bool
	all     bool
	report  string
}

func newDoctorCommand(env *Env) *cobra.Command {
	var o doctorOptions
	cmd := &cobra.Command{
		Use:   "doctor [alias] [what you saw]",
		Short: "Find out why a login or a token does not come",
		Long: `Find out why a login or a token does not come, or that all is well: what was entered, this machine, the way to Salesforce,
the app, the store, and of a login that is kept its tokens, approvals and history.

It gives no approval, and spends the refresh token only with --refresh. Give it what you saw too: the address of
Salesforce's error page, the address that the browser came back to, or an error's words. The verdict comes first, then
what it rests on, then what to do. The exit code is 0 unless something does not work.`,
		Example: `  sftoken doctor prod
  sftoken doctor 'https://acme.my.salesforce.com/setup/secur/RemoteAccessErrorPage.apexp?error=…'
  sftoken doctor --host acme --client-id 3MVG9…     # before the first login
  sftoken doctor prod --refresh                     # the one proof of a refresh token
  sftoken doctor prod --report doctor.html          # a page for the administrator, no secret in it`,
		Args:              cobra.MaximumNArgs(2),
		ValidArgsFunction: env.completeAliases,
		RunE: func(cmd *cobra.Command, args []string) error {
			return env.doctor(cmd.Context(), &o, args)
		},
	}
	o.addAppFlags(cmd)
	flags := cmd.Flags()
	flags.BoolVar(&o.refresh, "refresh", false, "spend the refresh token once, and save what comes")
	flags.BoolVar(&o.all, "all", false, "show every check, not only what is wrong")
	flags.StringVar(&o.report, "report", "", "write a page to this file, to be sent to an administrator")
	_ = cmd.MarkFlagFilename("report", "html")
	return cmd
}

func (e *Env) doctor(ctx context.Context, o *doctorOptions, args []string) error {
	p, err := e.patient(ctx, o, args)
	if err != nil {
		return err
	}
	defer p.close()
	progress := e.startProgress()
	result := doctor.Run(ctx, p.subject, progress.done)
	progress.end()
	if ctx.Err() != nil {
		return errInterrupted
	}
	report := result.Tell(p.subject, e.Language(), e.about)
	if o.report != "" {
		if err := writeReport(o.report, report); err != nil {
			return err
		}
	}
	if err := e.tellDoctor(o, report, p); err != nil {
		return err
	}
	if code := exitOfVerdict(result.Verdict()); code != exitOK {
		return &toldError{code: code}
	}
	return nil
}

// exitOfVerdict is what the failure would have ended another command with.
func exitOfVerdict(v *doctor.Finding) int {
	switch {
	case v == nil || v.Level != doctor.Failure:
		return exitOK
	case v.Err != nil:
		return exitOf(v.Err)
	case v.Check == "grant" || v.Check == "refresh-token":
		return exitLogin
	case v.Check == "store":
		return exitStore
	}
	return exitFailed
}

// doctorAnswer is what doctor says with --json. Nothing in it is secret.
type doctorAnswer struct {
	Level    string        `json:"level"` // of the verdict: ok, warning, unknown, failure
	Title    string        `json:"title"`
	Message  string        `json:"message,omitempty"`
	Entry    string        `json:"entry,omitempty"` // for sftoken explain
	Check    string        `json:"check,omitempty"` // that decided
	Hints    []string      `json:"hints"`
	Alias    string        `json:"alias,omitempty"`
	Host     string        `json:"host,omitempty"`
	ClientID string        `json:"client_id,omitempty"`
	Seconds  float64       `json:"seconds"`
	Report   string        `json:"report,omitempty"` // the file that was written
	Findings []doctorCheck `json:"findings"`
}

type doctorCheck struct {
	Check   string   `json:"check"`
	ID      string   `json:"id"`
	Level   string   `json:"level"`
	Message string   `json:"message"`
	Entry   string   `json:"entry,omitempty"`
	Hints   []string `json:"hints,omitempty"`
}

func doctorAnswerOf(r *doctor.Report, s *doctor.Subject, file string) doctorAnswer {
	answer := doctorAnswer{
		Level: string(r.Level), Title: r.Title, Message: r.Message, Entry: r.Entry, Check: r.Check, Hints: orEmpty(r.Hints),
		Host: s.App.Host.String(), ClientID: s.App.ClientID, Seconds: r.Took.Seconds(), Report: file, Findings: []doctorCheck{},
	}
	if s.Grant != nil {
		answer.Alias = s.Grant.Alias
	}
	for _, f := range r.Findings {
		answer.Findings = append(answer.Findings, doctorCheck{f.Check, f.ID, string(f.Level), f.Message, f.Entry, f.Hints})
	}
	return answer
}

// offerDoctor has the failure of a login end with the command that looks into it: the same app, and what was seen. Nobody
// needs it after saying no, or after Ctrl-C.
func (e *Env) offerDoctor(o *loginOptions, app sftoken.App, err error) {
	if errors.Is(err, errInterrupted) || errors.Is(err, context.Canceled) || errors.Is(err, sftoken.ErrDenied) {
		return
	}
	same := *o
	same.flowName = "" // it looks at app, host and network, whatever the flow
	same.host, same.clientID = app.Host.String(), app.ClientID
	if same.redirectURI = app.RedirectURI; same.redirectURI == sftoken.DefaultRedirectURI {
		same.redirectURI = ""
	}
	e.offer = same.command("sftoken doctor", "")
	if wire, ok := errors.AsType[*sftoken.Error](err); ok && wire.Code != "" {
		e.offer += " " + shellWord(strings.TrimSuffix(wire.Code+": "+wire.Description, ": "))
	}
}
