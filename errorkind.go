package sftoken

import (
	"slices"
	"strings"
)

// kind is the sentinel that the error belongs to, or nil: most often the app or the request is wrong then, and neither
// waiting nor logging in helps. The first row of kinds that fits decides.
func (e *Error) kind() error {
	code, desc := normal(e.Code), normal(e.Description)
	code = strings.ReplaceAll(code, "-", "_") // Salesforce's help writes access-denied in one example, access_denied in the next
	for _, row := range kinds {
		if row.grant != "" && row.grant != plainGrant(e.GrantType) {
			continue
		}
		if slices.Contains(row.codes, code) || slices.ContainsFunc(row.texts, func(text string) bool {
			return strings.Contains(desc, text)
		}) {
			return row.kind
		}
	}
	if e.Status >= 500 || slices.Contains([]int{406, 408, 420, 425, 429}, e.Status) { // 406 and 420: observed in front of Salesforce
		return ErrTemporary
	}
	return nil
}

// plainGrant is the grant type that the hybrid flow has taken its own from.
func plainGrant(grantType string) string {
	switch grantType {
	case grantHybridCode:
		return grantCode
	case grantHybridRefresh:
		return grantRefresh
	}
	return grantType
}

// normal levels out the capitals and full stops in which Salesforce is not consistent (observed).
func normal(text string) string {
	return strings.TrimSuffix(strings.ToLower(strings.TrimSpace(text)), ".")
}

// kinds are Salesforce's error codes (OAuthErrorCode of its Android SDK, help "OAuth 2.0 authorization errors") and
// descriptions (most of them observed) by what a caller can do.
var kinds = []struct {
	kind  error
	grant string   // only for this grant type
	codes []string // equal
	texts []string // contained in the description
}{
	// Two requests spent the same token at once: the other one has it.
	{kind: ErrTemporary, texts: []string{"token request is already being processed"}},
	// These come as invalid_grant too, but the request or the app is wrong, not the grant.
	{kind: nil, texts: []string{
		"not supported on this domain", "no valid scopes defined", "client credentials", "grant type not supported",
		"flow not enabled", "flow is not enabled",
	}},
	{
		kind: ErrBlocked,
		codes: []string{
			"oauth_app_blocked", "app_blocked", "fail_close_app_blocked", "client_blocked", "oauth_app_access_denied",
			"invalid_app_access", "app_not_found", "oauth_ec_app_not_found", "oauth_authorization_blocked",
			"oauth_flow_disabled", "oauth_policy_not_found", "ecapp_policy_not_found", "installation_error",
			"invalid_distribution_state", "invalid_session_level", "app_attest_failed", "inactive_org",
		},
		texts: []string{
			"must be installed into org", "is not installed in this org", "cross-org oauth flows are not supported",
			"blocked by admin", "not admin approved", "hasn't approved this consumer", "installed and preauthorized",
			"ip restricted", "invalid login hours", "inactive organization",
		},
	},
	{
		kind: ErrTemporary,
		codes: []string{
			"unknown_error", "server_error", "service_unavailable", "system_down", "temporarily_unavailable",
			"rate_limit_exceeded", "slow_down", "authorization_pending", "client_blocked_retry", "app_attest_failed_retry",
			"request_limit_exceeded", "server_unavailable",
		},
		texts: []string{"retry your request", "login rate exceeded", "number of logins exceeded"},
	},
	{
		kind:  ErrLoginRequired,
		codes: []string{"inactive_user", "immediate_unsuccessful"},
		texts: []string{"inactive user", "user is inactive"},
	},
	// A dead refresh token is invalid_grant, but for servers that say invalid_request.
	{
		kind: ErrLoginRequired, grant: grantRefresh,
		codes: []string{"invalid_grant"},
		texts: []string{"expired access/refresh token", "token validity expired", "invalid refresh token", "refresh token is invalid"},
	},
	{
		kind: ErrLoginRequired, grant: grantCode,
		codes: []string{"invalid_grant"},
		texts: []string{"expired authorization code", "invalid authorization code"},
	},
	// A device code that is unknown, spent or too old. Salesforce has no expired_token (help, "OAuth 2.0 device flow").
	{kind: ErrLoginRequired, grant: grantDevice, codes: []string{"invalid_grant"}},
	{
		kind:  ErrDenied,
		codes: []string{"access_denied"},
		texts: []string{"end-user denied authorization"},
	},
}
