package cli

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/internal/login"
	"github.com/sftoken/sftoken/store"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// flowOptions are the flags by which login takes another way than the browser's.
type flowOptions struct {
	flowName      string
	flow          sftoken.Flow // what flowName says
	keyFile       string
	keyPassphrase string // the file that holds it
	username      string
	audience      string
	passwordStdin bool
	password      sftoken.Secret

	assertionFile, tokenFile, actorTokenFile string // "-": stdin
	assertion, token, actorToken             sftoken.Secret
	tokenTypeName                            string
	tokenType                                sftoken.TokenType
	tokenHandler                             string
}

// addFlowFlags adds what login and login start have in common.
func (o *flowOptions) addFlowFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&o.flowName, "flow", "", "way to log in (default web-server): "+strings.Join(loginFlows(), ", "))
	flags.StringVar(&o.keyFile, "key-file", "", "the app's private key, in place of a secret: PEM, or .p12")
	flags.StringVar(&o.keyPassphrase, "key-passphrase-file", "", "file that holds the passphrase of the .p12")
	_ = cmd.MarkFlagFilename("key-file", "pem", "key", "p12", "pfx")
	_ = cmd.MarkFlagFilename("key-passphrase-file")
	_ = cmd.RegisterFlagCompletionFunc("flow", cobra.FixedCompletions(loginFlows(), cobra.ShellCompDirectiveNoFileComp))
}

// addDirectFlags adds what only login has: the flows that they are for are done in one command.
func (o *flowOptions) addDirectFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&o.username, "username", "", "user name to log in as, with flows that do not ask Salesforce's page")
	flags.StringVar(&o.audience, "audience", "", "whom the JWT is for (default: the login host)")
	flags.StringVar(&o.assertionFile, "assertion-file", "", "SAML assertion, as XML or base64; - is stdin")
	flags.StringVar(&o.tokenFile, "token-file", "", "token to exchange, or of the asset's user; - is stdin")
	flags.StringVar(&o.tokenTypeName, "token-type", "", "what the token is: access_token (default), id_token, jwt, refresh_token or saml2")
	flags.StringVar(&o.tokenHandler, "token-handler", "", "Apex class that judges the token (default: the app's)")
	flags.StringVar(&o.actorTokenFile, "actor-token-file", "", "JWT that describes the asset")
	for _, file := range []string{"assertion-file", "token-file", "actor-token-file"} {
		_ = cmd.MarkFlagFilename(file)
	}
	flags.BoolVar(&o.passwordStdin, "password-stdin", false, "read the user's password from stdin, with the security token behind it if one is needed")
}

func loginFlows() (names []string) {
	for _, facts := range sftoken.Flows() {
		names = append(names, facts.Flow.String())
	}
	return names
}

// throughRedirect reports a flow whose code comes to our redirect URI.
func throughRedirect(flow sftoken.Flow) bool {
	return flow == "" || flow == sftoken.FlowWebServer || flow == sftoken.FlowHybrid
}

// byAddress reports a flow that begins with an authorize address in a browser.
func byAddress(flow sftoken.Flow) bool { return throughRedirect(flow) || flow == sftoken.FlowUserAgent }

// flagFlows are the flags that some flows have no use for, with those that have one.
var flagFlows = map[string]func(sftoken.FlowFacts) bool{
	"key-file":            hasKey,
	"key-passphrase-file": hasKey,
	"username":            needing(sftoken.NeedUsername),
	"password-stdin":      needing(sftoken.NeedPassword),
	"audience":            only(sftoken.FlowJWTBearer),
	"assertion-file":      only(sftoken.FlowSAMLBearer, sftoken.FlowSAMLAssertion),
	"token-file":          needing(sftoken.NeedToken),
	"token-type":          only(sftoken.FlowTokenExchange),
	"token-handler":       only(sftoken.FlowTokenExchange),
	"actor-token-file":    only(sftoken.FlowAssetToken),
	"redirect-uri":        needing(sftoken.NeedRedirectURI),
	"scope":               func(f sftoken.FlowFacts) bool { return f.Scopes },
	"prompt":              func(f sftoken.FlowFacts) bool { return byAddress(f.Flow) },
	"login-hint":          func(f sftoken.FlowFacts) bool { return byAddress(f.Flow) },
	"browser":             func(f sftoken.FlowFacts) bool { return f.Browser },
	"no-browser":          func(f sftoken.FlowFacts) bool { return f.Browser },
	"timeout":             func(f sftoken.FlowFacts) bool { return f.Browser },
	"on-rotate":           func(f sftoken.FlowFacts) bool { return f.RefreshToken },
	"client-secret-file":  hasSecret,
	"client-secret-stdin": hasSecret,
}

func only(flows ...sftoken.Flow) func(sftoken.FlowFacts) bool {
	return func(f sftoken.FlowFacts) bool { return slices.Contains(flows, f.Flow) }
}

func needing(need sftoken.Need) func(sftoken.FlowFacts) bool {
	return func(f sftoken.FlowFacts) bool { return slices.Contains(f.Needs, need) }
}

func hasKey(f sftoken.FlowFacts) bool {
	return throughRedirect(f.Flow) || f.Flow == sftoken.FlowJWTBearer || f.Flow == sftoken.FlowClientCredentials
}

// hasSecret: a device login sends no secret, and its refreshes do.
func hasSecret(f sftoken.FlowFacts) bool {
	return !slices.Contains([]sftoken.Flow{sftoken.FlowJWTBearer, sftoken.FlowSAMLBearer, sftoken.FlowSAMLAssertion}, f.Flow)
}

// checkFlow takes the flow by its name, and refuses flags that it has no use for: whoever gives one expects something of it.
func (o *loginOptions) checkFlow(cmd *cobra.Command) (err error) {
	if o.flowName != "" && !slices.Contains(loginFlows(), o.flowName) {
		return &usageError{id: "flow-unknown", data: map[string]any{"flow": o.flowName, "flows": strings.Join(loginFlows(), ", ")}, command: cmd.CommandPath()}
	}
	if o.flow, err = sftoken.ParseFlow(o.flowName); err != nil {
		return err
	}
	if cmd.Name() == "start" && !throughRedirect(o.flow) {
		return &usageError{id: "start-flow", data: map[string]any{"flow": o.flowName}, command: cmd.CommandPath()}
	}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if err == nil && !o.takes(f.Name) {
			err = &usageError{id: "flow-flag", data: map[string]any{"flag": "--" + f.Name, "flow": o.flow.String()}, command: cmd.CommandPath()}
		}
	})
	switch {
	case err != nil:
		return err
	case o.passwordStdin && o.secretStdin:
		return notBoth(cmd, "--password-stdin", "--client-secret-stdin")
	case o.keyFile != "" && o.secretFile != "":
		return notBoth(cmd, "--key-file", "--client-secret-file")
	case o.keyFile != "" && o.secretStdin:
		return notBoth(cmd, "--key-file", "--client-secret-stdin")
	}
	return nil
}

// takes reports whether the flow has a use for a flag.
func (o *loginOptions) takes(flag string) bool {
	has := flagFlows[flag]
	return has == nil || has(o.flow.Facts())
}

func (o *loginOptions) needs(need sftoken.Need) bool {
	return slices.Contains(o.flow.Facts().Needs, need)
}

// flowApp is the app as the flow uses it: the scopes of an earlier login are not for a flow that takes none.
func (o *loginOptions) flowApp(app sftoken.App) sftoken.App {
	if !o.flow.Facts().Scopes && len(o.scopes) == 0 {
		app.Scopes = nil
	}
	return app
}

// fillFlow asks for what the flow needs besides the app. A login that is renewed has it.
func (e *Env) fillFlow(ctx context.Context, o *loginOptions, existing *store.Grant) error {
	if err := e.fillBrought(o); err != nil || !o.needs(sftoken.NeedUsername) {
		return err
	}
	if existing != nil && existing.Flow == o.flow { // only a JWT bearer login keeps these
		o.username, o.audience = cmp.Or(o.username, existing.Subject), cmp.Or(o.audience, existing.Audience)
	}
	if err := e.fillUsername(ctx, o); err != nil || !o.needs(sftoken.NeedPassword) {
		return err
	}
	return e.fillPassword(ctx, o)
}

func (e *Env) fillUsername(ctx context.Context, o *loginOptions) (err error) {
	if o.username != "" {
		return nil
	}
	if !e.Interactive() {
		return missingFlag("--username")
	}
	o.username, err = e.ask(ctx, question{id: "username"})
	if err == nil && o.username == "" {
		return &sftoken.AppError{Field: "user name", Reason: "none was given", ID: "username-empty"}
	}
	return err
}

// missingFlag is missing for what no variable can say.
func missingFlag(flag string) error {
	return &localError{id: "flag-missing", code: exitUsage, hints: true, data: map[string]any{"flag": flag}}
}

// journey is the login by the flow, about to begin.
func (o *loginOptions) journey(client *sftoken.Client, s store.Store, alias string) (*login.Journey, error) {
	if byAddress(o.flow) {
		return login.Begin(client, s, alias, sftoken.AuthorizeOptions{Flow: o.flow, Prompt: o.prompt, LoginHint: o.loginHint})
	}
	journey, err := login.Direct(client, s, alias, o.flow)
	if err == nil && o.flow == sftoken.FlowJWTBearer {
		journey.Subject, journey.Audience = o.username, o.audience
	}
	return journey, err
}

// obtain runs the flow and keeps what it gives.
func (e *Env) obtain(ctx context.Context, o *loginOptions, p *plan) (*login.Outcome, error) {
	switch o.flow {
	case sftoken.FlowJWTBearer:
		return e.loginJWT(ctx, o, p)
	case sftoken.FlowClientCredentials:
		return p.journey.Run(ctx, p.journey.Client.ClientCredentials)
	case sftoken.FlowDevice:
		return e.loginDevice(ctx, o, p)
	case sftoken.FlowUsernamePassword, sftoken.FlowCodeAndCredentials:
		return e.loginPassword(ctx, o, p)
	case sftoken.FlowUserAgent:
		return e.loginUserAgent(ctx, o, p)
	case sftoken.FlowSAMLBearer, sftoken.FlowSAMLAssertion:
		return e.loginAssertion(ctx, o, p)
	case sftoken.FlowTokenExchange:
		return e.loginExchange(ctx, o, p)
	case sftoken.FlowAssetToken:
		return e.loginAsset(ctx, o, p)
	}
	return e.travel(ctx, o, p)
}

// sayFlow says before anything is sent what to expect of a flow that is not the usual one.
func (e *Env) sayFlow(flow sftoken.Flow) {
	facts := flow.Facts()
	if facts.Flow != sftoken.FlowWebServer {
		e.Say("flow."+string(facts.Renewal), map[string]any{"flow": flow.String()})
	}
	if !facts.Ending.IsZero() {
		e.Warn("flow.ending-"+string(facts.Ending.Evidence), map[string]any{
			"flow": flow.String(), "date": facts.Ending.On.Format("2006-01-02"), "narrowed": facts.Ending.Narrowed,
		})
	}
}
