package emulator

import "net/http"

// allScopes are the scopes that Salesforce's discovery document lists, in wire names.
var allScopes = []string{
	"api", "web", "full", "refresh_token", "offline_access", "id", "profile", "email", "address", "phone", "openid",
	"visualforce", "chatter_api", "custom_permissions", "wave_api", "eclair_api", "pardot_api", "lightning", "content",
	"cdp_ingest_api", "cdp_profile_api", "cdp_query_api", "cdp_segment_api", "cdp_identityresolution_api",
	"cdp_calculated_insight_api", "cdp_api", "data_cloud_user_claims", "chatbot_api", "sfap_api", "interaction_api",
	"einstein_gpt_api", "mcp_api", "scrt_api", "forgot_password", "user_registration_api", "pwdless_login_api",
}

// public lets scripts of any origin read an answer, as Salesforce does for discovery and keys.
func (c *call) public() {
	c.w.Header().Set("Access-Control-Allow-Origin", "*")
	c.w.Header().Set("Access-Control-Allow-Credentials", "false")
}

// openidConfiguration has the members of login.salesforce.com's document and no others: grant_types_supported and
// code_challenge_methods_supported are missing there too. A My Domain adds its logout members.
func (s *Server) openidConfiguration(c *call) {
	document := map[string]any{
		"issuer":                                c.base,
		"authorization_endpoint":                c.base + "/services/oauth2/authorize",
		"token_endpoint":                        c.base + "/services/oauth2/token",
		"revocation_endpoint":                   c.base + "/services/oauth2/revoke",
		"userinfo_endpoint":                     c.base + "/services/oauth2/userinfo",
		"jwks_uri":                              c.base + "/id/keys",
		"registration_endpoint":                 c.base + "/services/oauth2/register",
		"introspection_endpoint":                c.base + "/services/oauth2/introspect",
		"scopes_supported":                      allScopes,
		"response_types_supported":              []string{"code", "token", "token id_token"},
		"subject_types_supported":               []string{"public"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
		"display_values_supported":              []string{"page", "popup", "touch"},
		"token_endpoint_auth_methods_supported": []string{"client_secret_post", "client_secret_basic", "private_key_jwt"},
		"claims_supported": []string{
			"active", "address", "email", "email_verified", "family_name", "given_name", "is_app_installed", "language",
			"locale", "name", "nickname", "organization_id", "phone_number", "phone_number_verified", "photos", "picture",
			"preferred_username", "profile", "sub", "updated_at", "urls", "user_id", "user_type", "zoneinfo",
		},
	}
	if c.realm.kind == myDomain {
		document["end_session_endpoint"] = c.base + "/services/auth/idp/oidc/logout"
		document["frontchannel_logout_supported"] = true
		document["frontchannel_logout_session_supported"] = false
	}
	c.public()
	c.writeJSON(http.StatusOK, document)
}

// authorizationServer is the document of api.salesforce.com. The login pools and My Domains have none.
func (s *Server) authorizationServer(c *call) {
	if c.realm.kind != anyHost && c.realm.kind != apiHost {
		http.NotFound(c.w, c.r)
		return
	}
	c.public()
	c.writeJSON(http.StatusOK, map[string]any{
		"issuer":                                c.base,
		"authorization_endpoint":                c.base + "/services/oauth2/authorize?prompt=select_account",
		"token_endpoint":                        c.base + "/services/oauth2/token",
		"scopes_supported":                      []string{"api", "sfap_api", "refresh_token", "einstein_gpt_api"},
		"response_types_supported":              []string{"code"},
		"token_endpoint_auth_methods_supported": []string{"client_secret_post"},
		"code_challenge_methods_supported":      []string{"S256"},
		"grant_types_supported":                 []string{"authorization_code", "refresh_token"},
	})
}
