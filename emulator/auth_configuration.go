package emulator

import "net/http"

// authConfiguration answers /.well-known/auth-configuration of a My Domain or a site: how its login page works [PM]. The pools
// have none.
func (s *Server) authConfiguration(c *call) {
	if c.realm.kind != myDomain {
		http.NotFound(c.w, c.r)
		return
	}
	var loginPage any
	if c.realm.site != nil {
		loginPage = map[string]any{"LoginPageUrl": c.base + "/", "UsernamePasswordEnabled": true}
	}
	c.public()
	c.writeJSON(http.StatusOK, map[string]any{
		"OrgId": c.realm.orgID,
		"Url":   c.base,
		"MobileSDK": map[string]bool{
			"UseiOSNativeBrowserForAuthentication": false, "UseAndroidNativeBrowserForAuthentication": false,
			"shareBrowserSessionIOS": false, "shareBrowserSessionAndroid": false,
		},
		"LoginPage":            loginPage,
		"SamlProviders":        []any{},
		"AuthProviders":        []any{},
		"CertificateLogin":     map[string]any{},
		"LoginPageType":        "standard",
		"LoginPageTypeConfigs": map[string]bool{"ApplyToEmbeddedLogin": false},
	})
}
