package explain

import (
	"slices"
	"strings"

	"github.com/sftoken/sftoken"
)

// signature recognises an error that Salesforce reported. Of those fields that are set, endpoint and grant must be equal,
// and the error's code must be one of codes or its description contain one of texts. With both set, both must fit.
type signature struct {
	id       string
	endpoint string
	grant    string // the same words mean different things in different grants
	codes    []string
	texts    []string
}

// signatures are tried in order. Codes and texts are normalised: lower case, underscores, no full stop. Where a code alone
// is enough, its descriptions are not listed.
var signatures = []signature{
	{id: "refresh-parallel", texts: []string{"token request is already being processed"}},
	{id: "app-not-installed", texts: []string{"must be installed into org"}},
	{id: "client-secret-wrong", codes: []string{"invalid_client"}, texts: []string{"invalid client credentials"}},
	{id: "client-id-unknown", codes: []string{"invalid_client_id"}},
	{id: "app-wrong-org", codes: []string{"oauth_ec_app_not_found", "app_not_found", "oauth_authorization_blocked"}},
	{id: "app-wrong-org", texts: []string{"cross-org oauth flows are not supported", "external client app is not installed"}},
	{id: "app-blocked", codes: []string{"oauth_app_blocked", "app_blocked", "fail_close_app_blocked"}},
	{id: "app-blocked", texts: []string{"blocked by admin", "oauth app blocked"}},
	{id: "user-not-approved", codes: []string{"oauth_app_access_denied", "invalid_app_access"}},
	{id: "user-not-approved", texts: []string{"not admin approved", "hasn't approved this consumer"}},
	{id: "page-generic", codes: []string{"oauth_approval_error_generic"}},
	{id: "redirect-mismatch", codes: []string{"redirect_uri_mismatch", "redirect_uri_missing"}},
	{id: "pkce-required", codes: []string{"invalid_request"}, texts: []string{"missing required code challenge"}},
	{id: "pkce-wrong", texts: []string{"code verifier", "code challenge"}},
	{id: "scope-not-on-app", codes: []string{"invalid_scope"}},
	{id: "app-switched-off", codes: []string{"oauth_flow_disabled"}},
	{id: "ip-restricted", texts: []string{"ip restricted"}},
	{id: "user-inactive", codes: []string{"inactive_user"}},
	{id: "user-inactive", texts: []string{"inactive user", "user is inactive"}},
	{id: "org-inactive", codes: []string{"inactive_org"}},
	{id: "org-inactive", texts: []string{"inactive organization", "org is locked"}},
	{id: "rate-limit", codes: []string{"rate_limit_exceeded"}},
	{id: "rate-limit", texts: []string{"login rate exceeded", "number of logins exceeded"}},
	{id: "code-dead", grant: "authorization_code", texts: []string{"expired authorization code", "invalid authorization code"}},
	{id: "refresh-dead", texts: []string{"expired access/refresh token", "token validity expired"}},
	{id: "auth-failure", grant: "authorization_code", texts: []string{"authentication failure"}},
	{id: "auth-failure", grant: "refresh_token", texts: []string{"authentication failure"}},
	{id: "auth-failure", endpoint: "authorize", texts: []string{"invalid user credentials"}},
	{id: "request-refused", codes: []string{"unsupported_grant_type", "unsupported_response_type"}},
	{id: "request-refused", codes: []string{"invalid_request"}, texts: []string{
		"scope parameter not supported", "https required", "must use http get", "out-of-band not supported",
	}},
	{id: "unknown-error", codes: []string{"unknown_error"}},
	{id: "salesforce-down", codes: []string{"server_error", "service_unavailable", "system_down"}},
	{id: "revoke-refused", endpoint: "revoke", codes: []string{"unsupported_token_type", "invalid_token"}},
	{id: "access-token-refused", codes: []string{"bad_oauth_token", "missing_oauth_token", "wrong_org"}},
	{id: "session-policy", codes: []string{"invalid_session_id"}, texts: []string{"not valid for use with the rest api"}},
	{id: "access-token-refused", codes: []string{"invalid_session_id"}},
	{id: "api-off", codes: []string{"api_currently_disabled", "api_disabled_for_org"}},
	{id: "api-limit", codes: []string{"request_limit_exceeded"}},
	{id: "session-level", codes: []string{"invalid_session_level"}},
	{id: "app-set-up", codes: []string{"oauth_policy_not_found", "ecapp_policy_not_found", "invalid_distribution_state", "installation_error"}},
	{id: "app-proof-required", codes: []string{"client_blocked", "client_blocked_retry", "app_attest_failed", "app_attest_failed_retry", "invalid_dpop_proof", "use_dpop_nonce"}},
	{id: "client-secret-wrong", codes: []string{"invalid_client", "invalid_client_credentials", "invalid_basic_auth_header"}},
	{id: "immediate", codes: []string{"immediate_unsuccessful"}},
	{id: "denied", codes: []string{"access_denied"}},
	{id: "denied", texts: []string{"end-user denied authorization"}},
	// What a refresh answers otherwise with invalid_grant is not known word for word, but its meaning is (RFC 6749 section 5.2).
	{id: "refresh-dead", grant: "refresh_token", codes: []string{"invalid_grant"}},
	{id: "code-dead", grant: "authorization_code", codes: []string{"invalid_grant"}},
}

func matchWire(err *sftoken.Error) string {
	code := strings.ReplaceAll(normal(err.Code), "-", "_")
	description := normal(err.Description)
	for _, s := range signatures {
		if s.matches(err, code, description) {
			return s.id
		}
	}
	// Salesforce's front door answers 420 and 406 with a web page when it is busy (observed by others).
	if err.Status >= 500 || err.Status == 420 || err.Status == 406 {
		return "salesforce-down"
	}
	if err.Status == 429 {
		return "rate-limit"
	}
	return ""
}

func (s signature) matches(err *sftoken.Error, code, description string) bool {
	if s.endpoint != "" && s.endpoint != err.Endpoint || s.grant != "" && s.grant != err.GrantType {
		return false
	}
	if len(s.codes) > 0 && !slices.Contains(s.codes, code) {
		return false
	}
	return len(s.texts) == 0 || slices.ContainsFunc(s.texts, func(text string) bool {
		return strings.Contains(description, text)
	})
}

// normal levels capitals, typographic apostrophes and full stops, in which Salesforce is not consistent (observed).
func normal(text string) string {
	text = strings.ReplaceAll(strings.ToLower(strings.TrimSpace(text)), "’", "'")
	return strings.TrimSuffix(text, ".")
}
