package cli

import (
	"cmp"
	"path/filepath"
	"strings"

	"github.com/sftoken/sftoken/internal/config"
	"github.com/sftoken/sftoken/store/sf"
)

// What the Salesforce CLI (sf) reads from its environment, read in the same way.

// salesforceDir is where sf keeps its logins. There is no setting for it but the home directory.
func (e *Env) salesforceDir() (string, error) {
	home := cmp.Or(e.Getenv("HOME"), e.Getenv("USERPROFILE"))
	if home == "" {
		return "", &config.Error{Source: "HOME", Reason: "is not set, so there is no place to look for the Salesforce CLI's logins; name it: --store sf:DIRECTORY"}
	}
	return filepath.Join(home, ".sfdx"), nil
}

// salesforceKey says where sf keeps its key, and which hosts a login of sf may be at.
func (e *Env) salesforceKey() (sf.Options, error) {
	settings, err := e.Config()
	if err != nil {
		return sf.Options{}, err
	}
	return sf.Options{
		KeyFile:    strings.EqualFold(e.Getenv("SF_USE_GENERIC_UNIX_KEYCHAIN"), "true"),
		SecretTool: e.Getenv("SFDX_SECRET_TOOL_PATH"),
		AllowHosts: settings.AllowHosts,
	}, nil
}
