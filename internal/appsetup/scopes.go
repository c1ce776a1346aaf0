package appsetup

import "strings"

// scope is a scope in its three names: on the wire, in the metadata of an external client app, and in Setup.
type scope struct{ wire, enum, label string }

// scopes are those of salesforce-oauth.md section 7: discovery's names, and the enumeration that an org itself has listed in
// a deployment error (observed, API 67). A label that is empty was not seen in Setup.
var scopes = []scope{
	{"api", "Api", "Manage user data via APIs (api)"},
	{"web", "Web", "Manage user data via Web browsers (web)"},
	{"full", "Full", "Full access (full)"},
	{"refresh_token", "RefreshToken", "Perform requests at any time (refresh_token, offline_access)"},
	{"offline_access", "OfflineAccess", "Perform requests at any time (refresh_token, offline_access)"},
	{"id", "Basic", "Access the identity URL service (id, profile, email, address, phone)"},
	{"profile", "Profile", "Access the identity URL service (id, profile, email, address, phone)"},
	{"email", "Email", "Access the identity URL service (id, profile, email, address, phone)"},
	{"address", "Address", "Access the identity URL service (id, profile, email, address, phone)"},
	{"phone", "Phone", "Access the identity URL service (id, profile, email, address, phone)"},
	{"openid", "OpenID", "Access unique user identifiers (openid)"},
	{"visualforce", "CustomApplications", "Access Visualforce applications (visualforce)"},
	{"chatter_api", "Chatter", "Access Connect REST API resources (chatter_api)"},
	{"custom_permissions", "CustomPermissions", "Access custom permissions (custom_permissions)"},
	{"wave_api", "Wave", "Access Analytics REST API resources (wave_api)"},
	{"eclair_api", "Eclair", "Access Analytics REST API Charts Geodata resources (eclair_api)"},
	{"pardot_api", "Pardot", "Manage Pardot services (pardot_api)"},
	{"lightning", "Lightning", "Access Lightning applications (lightning)"},
	{"content", "Content", "Access content resources (content)"},
	{"cdp_ingest_api", "CDPIngest", ""},
	{"cdp_profile_api", "CDPProfile", ""},
	{"cdp_query_api", "CDPQuery", ""},
	{"cdp_segment_api", "CDPSegment", ""},
	{"cdp_identityresolution_api", "CDPIdentityResolution", ""},
	{"cdp_calculated_insight_api", "CDPCalculatedInsight", ""},
	{"cdp_api", "CDP", ""},
	{"data_cloud_user_claims", "DataCloudUserClaims", ""},
	{"chatbot_api", "Chatbot", "Access chatbot services (chatbot_api)"},
	{"sfap_api", "SFApiPlatform", "Access the Salesforce API Platform (sfap_api)"},
	{"interaction_api", "Interaction", ""},
	{"einstein_gpt_api", "EinsteinGPT", ""},
	{"mcp_api", "MCP", "Access MCP servers (mcp_api)"},
	{"scrt_api", "SCRT", ""},
	{"forgot_password", "ForgotPassword", ""},
	{"user_registration_api", "UserRegistration", ""},
	{"pwdless_login_api", "PwdlessLogin", ""},
}

func scopeNamed(wire string) (scope, bool) {
	for _, s := range scopes {
		if s.wire == wire {
			return s, true
		}
	}
	return scope{}, false
}

// Scopes lists the names of all scopes that an app can have, as on the wire.
func Scopes() []string {
	names := make([]string, 0, len(scopes))
	for _, s := range scopes {
		names = append(names, s.wire)
	}
	return names
}

// enumsOf writes scopes as metadata has them.
func enumsOf(wires []string) string {
	enums := make([]string, 0, len(wires))
	for _, wire := range wires {
		s, _ := scopeNamed(wire)
		enums = append(enums, s.enum)
	}
	return strings.Join(enums, ", ")
}

// wiresOf reads what enumsOf writes. A scope that is not known here keeps the name that it has.
func wiresOf(enums string) []string {
	var wires []string
	for enum := range strings.SplitSeq(enums, ",") {
		enum = strings.TrimSpace(enum)
		if enum == "" {
			continue
		}
		wire := enum
		for _, s := range scopes {
			if strings.EqualFold(s.enum, enum) {
				wire = s.wire
			}
		}
		wires = append(wires, wire)
	}
	return wires
}
