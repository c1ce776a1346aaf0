package appsetup

import (
	"embed"
	"maps"

	"golang.org/x/text/language"

	"github.com/sftoken/sftoken/internal/message"
)

//go:embed text/*.toml
var files embed.FS

var texts = message.New(files)

// names are the words that Setup has today (failures.md section 7); they are under "name.<id>", and every text that speaks of
// Setup takes them from there.
var names = []string{
	"Setup", "QuickFind", "Manager", "New", "Settings", "Policies", "Edit", "Save", "Create", "OAuthSettings", "OAuthPolicies",
	"AppPolicies", "BasicInformation", "Label", "APIName", "ContactEmail", "Distribution", "AppDescription", "EnableOAuth", "Callback", "Scopes",
	"PKCE", "SecretWeb", "SecretRefresh", "Rotation", "IdleLimit", "Device", "ClientCredentials", "RunAs", "JWT", "Users", "AllUsers",
	"ApprovedUsers", "PermissionSets", "Profiles", "RefreshPolicy", "UntilRevoked", "AfterIdle", "AfterTime", "IP", "IPEnforce", "IPRelax",
	"IPRelaxSecond", "IPRelaxRefresh", "KeyAndSecret", "SessionLevel", "AppSettings", "SecretByREST", "Enabled", "OAuthPlugin", "Local",
}

// other is the language that Setup may be in when the person reads lang.
func other(lang language.Tag) language.Tag {
	if texts.For(lang).Language() == language.Japanese {
		return language.English
	}
	return language.Japanese
}

// Name is what Setup calls something, in the person's language and in the other one.
func Name(lang language.Tag, id string) (name, elsewhere string) {
	return texts.For(lang).Text("name."+id, nil), texts.For(other(lang)).Text("name."+id, nil)
}

// withNames adds the names of Setup to the data of a text, each with what it is called in the other language.
func withNames(lang language.Tag, data map[string]any) map[string]any {
	all := map[string]any{}
	for _, id := range names {
		name, elsewhere := Name(lang, id)
		if elsewhere != name {
			name = texts.For(lang).Text("both", map[string]any{"name": name, "other": elsewhere})
		}
		all[id] = name
	}
	maps.Copy(all, data)
	return all
}
