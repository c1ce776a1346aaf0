package cli

import (
	"context"

	"github.com/spf13/cobra"
)

func newWhoamiCommand(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:   "whoami [alias]",
		Short: "Ask Salesforce whose login this is",
		Long: `Ask Salesforce whose login this is. That it answers proves that the token works; sftoken show tells what was known at
the last refresh, without asking.`,
		Example: `  sftoken whoami prod
  sftoken whoami prod --json | jq -r .username`,
		Args:              atMostOne,
		ValidArgsFunction: env.completeAliases,
		RunE: func(cmd *cobra.Command, args []string) error {
			return env.whoami(cmd.Context(), args)
		},
	}
}

type whoamiAnswer struct {
	Alias       string `json:"alias"`
	Username    string `json:"username"`
	Name        string `json:"name,omitempty"`
	Email       string `json:"email,omitempty"`
	UserID      string `json:"user_id"`
	OrgID       string `json:"org_id"`
	UserType    string `json:"user_type,omitempty"`
	Language    string `json:"language,omitempty"`
	Locale      string `json:"locale,omitempty"`
	TimeZone    string `json:"time_zone,omitempty"`
	InstanceURL string `json:"instance_url"`
}

func (e *Env) whoami(ctx context.Context, args []string) error {
	s, err := e.openSession(ctx, args)
	if err != nil {
		return err
	}
	defer s.Close()
	client, err := s.api(ctx, "")
	if err != nil {
		return err
	}
	var user struct {
		Username string `json:"preferred_username"`
		Name     string `json:"name"`
		Email    string `json:"email"`
		UserID   string `json:"user_id"`
		OrgID    string `json:"organization_id"`
		Type     string `json:"user_type"`
		Language string `json:"language"`
		Locale   string `json:"locale"`
		Zone     string `json:"zoneinfo"`
	}
	if err := client.Get(ctx, "/services/oauth2/userinfo", &user); err != nil {
		return err
	}
	answer := whoamiAnswer{
		Alias: s.alias, Username: user.Username, Name: user.Name, Email: user.Email, UserID: user.UserID, OrgID: user.OrgID,
		UserType: user.Type, Language: user.Language, Locale: user.Locale, TimeZone: user.Zone, InstanceURL: client.Origin,
	}
	if e.JSON {
		return e.WriteJSON(answer)
	}
	return e.writeFacts([][2]string{
		{e.Text("show.user", nil), withNote(answer.Username, answer.Name)},
		{e.Text("whoami.email", nil), answer.Email},
		{e.Text("show.user_id", nil), answer.UserID},
		{e.Text("show.org", nil), answer.OrgID},
		{e.Text("show.instance", nil), answer.InstanceURL},
		{e.Text("whoami.type", nil), answer.UserType},
		{e.Text("whoami.locale", nil), withNote(answer.Locale, answer.Language)},
		{e.Text("whoami.zone", nil), answer.TimeZone},
	})
}
