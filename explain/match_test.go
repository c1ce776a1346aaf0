package explain

import (
	"testing"

	"github.com/sftoken/sftoken"
)

const (
	code    = "authorization_code"
	refresh = "refresh_token"
	unknown = "" // another flow's error, or one about which nothing is known
)

// The verbatim errors of Salesforce that were collected, with the grant in which they come.
func TestFindWire(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ code, description, endpoint, grant, want string }{
		{"invalid_client_id", "client identifier invalid", "token", code, "client-id-unknown"},
		{"invalid_client_id", "client identifier invalid", "authorize", "", "client-id-unknown"},
		{"invalid_client", "invalid client credentials", "token", code, "client-secret-wrong"},
		{"invalid_client", "Invalid client credentials.", "token", refresh, "client-secret-wrong"},
		{"invalid_client", "app must be installed into org", "authorize", "", "app-not-installed"},
		{"app_not_found", "External client app is not installed in this org", "token", code, "app-wrong-org"},
		{"OAUTH_EC_APP_NOT_FOUND", "External client app is not installed in this org", "authorize", "", "app-wrong-org"},
		{"OAUTH_AUTHORIZATION_BLOCKED", "Cross-org OAuth flows are not supported for this external client app", "authorize", "", "app-wrong-org"},
		{"OAUTH_APP_ACCESS_DENIED", "user is not admin approved to access this app", "authorize", "", "user-not-approved"},
		{"OAUTH_APP_BLOCKED", "this app is blocked by admin", "authorize", "", "app-blocked"},
		{"app_blocked", "", "token", refresh, "app-blocked"},
		{"fail_close_app_blocked", "", "token", refresh, "app-blocked"},
		{"OAUTH_APPROVAL_ERROR_GENERIC", "An unexpected error has occured during authentication. Please try again.", "authorize", "", "page-generic"},
		{"oauth_flow_disabled", "The external client app or the OAuth plugin is disabled.", "token", code, "app-switched-off"},
		{"invalid_app_access", "user is not admin approved to access this app", "token", refresh, "user-not-approved"},
		{"invalid_grant", "user hasn't approved this consumer", "token", refresh, "user-not-approved"},
		{"invalid_grant", "user hasn’t approved this consumer", "token", refresh, "user-not-approved"},
		{"invalid_grant", "authentication failure", "token", refresh, "auth-failure"},
		{"invalid_grant", "authentication failure", "token", code, "auth-failure"},
		{"invalid_grant", "expired access/refresh token", "token", refresh, "refresh-dead"},
		{"invalid_grant", "Expired Access/Refresh Token.", "token", refresh, "refresh-dead"},
		{"invalid_grant", "token validity expired", "token", refresh, "refresh-dead"},
		{"invalid_grant", "token request is already being processed", "token", refresh, "refresh-parallel"},
		{"invalid_grant", "expired authorization code", "token", code, "code-dead"},
		{"invalid_grant", "invalid authorization code", "token", code, "code-dead"},
		{"invalid_grant", "ip restricted", "token", refresh, "ip-restricted"},
		{"invalid_grant", "ip restricted by app developer", "token", refresh, "ip-restricted"},
		{"invalid_grant", "ip restricted or invalid login hours", "token", code, "ip-restricted"},
		{"invalid_grant", "invalid user credentials", "authorize", "", "auth-failure"},
		{"invalid_grant", "inactive user", "token", refresh, "user-inactive"},
		{"inactive_user", "user is inactive", "token", refresh, "user-inactive"},
		{"inactive_org", "org is locked, closed, or suspended", "token", refresh, "org-inactive"},
		{"invalid_grant", "inactive organization", "token", refresh, "org-inactive"},
		{"invalid_grant", "invalid code verifier", "token", code, "pkce-wrong"},
		{"invalid_request", "invalid code verifier", "token", code, "pkce-wrong"},
		{"invalid_grant", "something new", "token", refresh, "refresh-dead"},
		{"invalid_grant", "something new", "token", code, "code-dead"},
		{"invalid_request", "scope parameter not supported", "token", refresh, "scope-not-wanted"},
		{"invalid_request", "missing required code challenge", "authorize", "", "pkce-required"},
		{"invalid_request", "HTTPS required", "authorize", "", "request-refused"},
		{"invalid_request", "Must use HTTP GET", "authorize", "", "request-refused"},
		{"invalid_request", "Out-of-band not supported", "authorize", "", "request-refused"},
		{"redirect_uri_mismatch", "redirect_uri must match configuration", "authorize", "", "redirect-mismatch"},
		{"redirect_uri_mismatch", "redirect_uri must match configuration", "token", code, "redirect-mismatch"},
		{"redirect_uri_missing", "redirect_uri not provided", "authorize", "", "redirect-mismatch"},
		{"unsupported_response_type", "response type not supported", "authorize", "", "request-refused"},
		{"unsupported_grant_type", "grant type not supported", "token", code, "grant-type-refused"},
		{"invalid_scope", "the requested scope is invalid, unknown, or malformed", "authorize", "", "scope-not-on-app"},
		{"invalid_scope", "the requested scope is not allowed", "authorize", "", "scope-not-on-app"},
		{"access_denied", "end-user denied authorization", "authorize", "", "denied"},
		{"access-denied", "End-user denied authorization.", "authorize", "", "denied"}, // as Salesforce's help writes it
		{"immediate_unsuccessful", "immediate unsuccessful", "authorize", "", "immediate"},
		{"rate_limit_exceeded", "number of logins exceeded", "token", refresh, "rate-limit"},
		{"invalid_grant", "login rate exceeded", "token", refresh, "rate-limit"},
		{"unknown_error", "retry your request", "token", code, "unknown-error"},
		{"server_error", "", "token", refresh, "salesforce-down"},
		{"service_unavailable", "", "token", refresh, "salesforce-down"},
		{"system_down", "", "token", refresh, "salesforce-down"},
		{"unsupported_token_type", "this token type is not supported", "revoke", "", "revoke-refused"},
		{"invalid_token", "", "revoke", "", "revoke-refused"},
		{"Bad_OAuth_Token", "", "userinfo", "", "access-token-refused"},
		{"Missing_OAuth_Token", "", "identity", "", "access-token-refused"},
		{"Wrong_Org", "", "identity", "", "access-token-refused"},
		{"INVALID_SESSION_ID", "Session expired or invalid", "versions", "", "access-token-refused"},
		{"INVALID_SESSION_ID", "This session is not valid for use with the REST API", "versions", "", "session-policy"},
		{"API_CURRENTLY_DISABLED", "API is disabled for this User", "versions", "", "api-off"},
		{"API_DISABLED_FOR_ORG", "The REST API is not enabled for this Organization.", "versions", "", "api-off"},
		{"REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", "versions", "", "api-limit"},
		{"invalid_session_level", "", "token", refresh, "session-level"},
		{"oauth_policy_not_found", "", "token", refresh, "app-set-up"},
		{"ecapp_policy_not_found", "", "token", refresh, "app-set-up"},
		{"client_blocked", "", "token", refresh, "app-proof-required"},
		{"invalid_dpop_proof", "", "token", refresh, "app-proof-required"},
		{"invalid_basic_auth_header", "", "introspect", "", "client-secret-wrong"},

		// One text, other grants: the same words mean something else there.
		{"invalid_grant", "expired authorization code", "token", "urn:ietf:params:oauth:grant-type:jwt-bearer", "jwt-expired"},
		{"invalid_grant", "authentication failure", "token", "password", "password-refused"},
		{"invalid_grant", "audience is invalid", "token", "urn:ietf:params:oauth:grant-type:jwt-bearer", "jwt-audience"},
		{"invalid_grant", "Audience validation failed", "token", "urn:ietf:params:oauth:grant-type:saml2-bearer", "jwt-audience"},
		{"invalid_grant", "invalid assertion", "token", "urn:ietf:params:oauth:grant-type:jwt-bearer", "jwt-assertion"},
		{"invalid_request", "refresh_token scope is required and the connected app should be installed and preauthorized.", "token", "urn:ietf:params:oauth:grant-type:jwt-bearer", "jwt-scope"},
		{"invalid_grant", "request not supported on this domain", "token", "client_credentials", "client-credentials-host"},
		{"invalid_grant", "no client credentials user enabled", "token", "client_credentials", "client-credentials-user"},
		{"invalid_grant", "client credentials flow not enabled", "token", "client_credentials", "client-credentials-off"},
		{"invalid_grant", "no valid scopes defined", "token", "client_credentials", "client-credentials-scope"},
		{"invalid_grant", "token handler validation failed", "token", "urn:ietf:params:oauth:grant-type:token-exchange", "token-exchange-refused"},
		{"invalid_grant", "device flow is not enabled for the app", "token", "device", "device-off"},
		{"invalid_client", "invalid client credentials", "token", "urn:ietf:params:oauth:grant-type:jwt-bearer", "jwt-assertion"},
		{"access_denied", "end-user denied authorization", "token", "client_credentials", "client-credentials-user"},
		{"invalid_grant", "authentication failure", "authorize", "", "password-refused"},
		{"invalid_grant", "expired device code", "token", "device", "device-expired"},
		{"access_denied", "end-user denied authorization", "token", "device", "denied"},
		{"invalid_grant", "something new", "token", "hybrid_refresh", "refresh-dead"},
		{"authorization_pending", "", "token", "device", "device-pending"},
		{"slow_down", "polling too quickly for the token endpoint.", "token", "device", "device-pending"},
		{"invalid_assertion_type", "invalid assertion type", "token", "assertion", "jwt-assertion"},
		{"URL_NOT_RESET", "Destination URL not reset. The URL returned from login must be set", "versions", "", "api-wrong-host"},
		{"TXN_SECURITY_METERING_ERROR", "transaction security policies took too long to complete.", "versions", "", "transaction-security"},
		{"INVALID_AUTH_HEADER", "INVALID_AUTH_HEADER", "versions", "", "auth-header-malformed"},
		{"Invalid_Scope", "", "singleaccess", "", "scope-not-on-app"},
		{"No_Access", "", "singleaccess", "", unknown},
		{"Invalid_Param", "", "singleaccess", "", unknown},
	} {
		err := &sftoken.Error{Endpoint: test.endpoint, GrantType: test.grant, Status: 400, Code: test.code, Description: test.description}
		if got := idOf(Find(err)); got != test.want {
			t.Errorf("%s endpoint, grant %q: %s / %s gives %q, want %q", test.endpoint, test.grant, test.code, test.description, got, test.want)
		}
	}
}

// Answers without a code are told apart by their status.
func TestFindStatus(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]string{503: "salesforce-down", 420: "salesforce-down", 406: "salesforce-down", 429: "rate-limit", 404: unknown, 400: unknown} {
		if got := idOf(Find(&sftoken.Error{Endpoint: "token", Status: status})); got != want {
			t.Errorf("status %d gives %q, want %q", status, got, want)
		}
	}
}
