package cli

import (
	"os"

	"github.com/sftoken/sftoken/internal/appsetup"
	"github.com/sftoken/sftoken/internal/config"
	"github.com/spf13/cobra"
)

// defaultAppName is what an app is called in the org if nobody says otherwise.
const defaultAppName = "sftoken"

func newAppCommand(env *Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "app",
		Short: "Make the app that logins need, look at it, and renew its secret",
		Long: `An app is what Salesforce knows a program by: an external client app with a consumer key, callback URLs, scopes and
policies. sftoken app create makes one in an org and logs in with it; who may not deploy gets the same as files
(template) or page by page (guide).`,
		Example: `  sftoken app create              # from an org to a kept refresh token
  sftoken app check               # is the app as logins need it?
  sftoken app guide --lang ja     # the same by hand`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newAppCreateCommand(env), newAppListCommand(env), newAppShowCommand(env), newAppCheckCommand(env),
		newAppRotateSecretCommand(env), newAppTemplateCommand(env), newAppGuideCommand(env))
	return cmd
}

// appFlags describe an app.
type appFlags struct {
	label, description, contact string
	redirectURIs, scopes        []string
	confidential, pkce          bool
	rotation                    bool
	refreshPolicy               string
	permittedUsers              string
	permissionSets, profiles    []string
	ipRelaxation                string
	device                      bool
	runAs                       string
	certificate                 string
}

func (f *appFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.label, "label", "", "what people see the app called (default its name)")
	flags.StringVar(&f.description, "description", "", "what the app is for, for administrators")
	flags.StringVar(&f.contact, "contact-email", "", "who answers for the app (default the e-mail of who makes it)")
	flags.StringSliceVar(&f.redirectURIs, "redirect-uri", nil, "callback URL; the first is used for logins (default http://localhost:1717/OauthRedirect)")
	flags.StringSliceVar(&f.scopes, "scope", nil, "scopes the app has (default \"api refresh_token\")")
	flags.BoolVar(&f.confidential, "confidential", false, "ask for a client secret at login and at each refresh")
	flags.BoolVar(&f.pkce, "pkce", true, "require PKCE")
	flags.BoolVar(&f.rotation, "rotation", true, "give a new refresh token at each refresh")
	flags.StringVar(&f.refreshPolicy, "refresh-policy", "", "until-revoked, idle:30d, lifetime:12h … (default idle:30d)")
	flags.StringVar(&f.permittedUsers, "permitted-users", "", "all, or approved: those of --permission-set and --profile (default all)")
	flags.StringSliceVar(&f.permissionSets, "permission-set", nil, "permission set whose users may log in, by its API name")
	flags.StringSliceVar(&f.profiles, "profile", nil, "profile whose users may log in")
	flags.StringVar(&f.ipRelaxation, "ip-relaxation", "", "enforce, relax, relax-second-factor or relax-refresh (default enforce)")
	flags.BoolVar(&f.device, "device", false, "switch the device flow on")
	flags.StringVar(&f.runAs, "client-credentials-user", "", "switch the client credentials flow on, and run it as this user")
	flags.StringVar(&f.certificate, "certificate", "", "PEM file of a certificate: switch the JWT bearer flow on")
	_ = cmd.MarkFlagFilename("certificate")
	_ = cmd.RegisterFlagCompletionFunc("scope", cobra.FixedCompletions(appsetup.Scopes(), cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("permitted-users", cobra.FixedCompletions([]string{"all", "approved"}, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("ip-relaxation", cobra.FixedCompletions(
		[]string{"enforce", "relax", "relax-second-factor", "relax-refresh"}, cobra.ShellCompDirectiveNoFileComp))
}

// settings are what the flags say. They are not checked yet: the contact may still come from whoever signs in.
func (f *appFlags) settings(name string) (appsetup.Settings, error) {
	s := appsetup.Settings{
		Name: name, Label: f.label, Description: f.description, ContactEmail: f.contact,
		RedirectURIs: f.redirectURIs, Scopes: words(f.scopes),
		Confidential: f.confidential, WithoutPKCE: !f.pkce, WithoutRotation: !f.rotation,
		AdminApproved:  f.permittedUsers == "approved",
		PermissionSets: f.permissionSets, Profiles: f.profiles,
		Device: f.device, ClientCredentialsUser: f.runAs,
	}
	if f.permittedUsers != "" && f.permittedUsers != "all" && f.permittedUsers != "approved" {
		return s, &localError{id: "permitted-users", code: exitUsage, data: map[string]any{"value": f.permittedUsers}}
	}
	if f.ipRelaxation != "enforce" {
		s.IPRelaxation = appsetup.IPRelaxation(f.ipRelaxation)
	}
	if f.refreshPolicy != "" {
		policy, err := appsetup.ParseRefreshPolicy(f.refreshPolicy)
		if err != nil {
			return s, err
		}
		s.RefreshPolicy = policy
	}
	if f.certificate != "" {
		content, err := os.ReadFile(f.certificate)
		if err != nil {
			return s, &localError{id: "certificate-unreadable", code: exitUsage, err: err}
		}
		s.Certificate = string(content)
	}
	return s, nil
}

// withDefaults takes callback and scopes from the settings of this machine if no flag says any.
func (f *appFlags) withDefaults(settings *config.Config) {
	if len(f.redirectURIs) == 0 && settings.RedirectURI != "" {
		f.redirectURIs = []string{settings.RedirectURI}
	}
	if len(f.scopes) == 0 {
		f.scopes = settings.Scopes
	}
}

// appName is the name that was given, or the usual one.
func appName(args []string) string {
	if len(args) > 0 {
		return args[0]
	}
	return defaultAppName
}
