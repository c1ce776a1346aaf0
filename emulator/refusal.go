package emulator

// refusal is a "no" in Salesforce's words. Texts are verbatim from the sources that the reference collects;
// where a source gives the code but no text, the comment says so.
type refusal struct {
	code, description string
	browser           string   // the code at authorize, where it differs from the token endpoint's
	delivery          delivery // at authorize; the token endpoint always answers 400 with a body
}

// delivery is how the authorize endpoint brings a refusal to the browser.
type delivery int

const (
	byRedirect delivery = iota // to the callback, as query parameters
	byPage                     // RemoteAccessErrorPage: the callback is not trusted, or Salesforce keeps the person
	byText                     // a bare body without a Content-Type, as observed
)

var (
	refusedClientID       = &refusal{code: "invalid_client_id", description: "client identifier invalid", delivery: byPage}
	refusedSecret         = &refusal{code: "invalid_client", description: "invalid client credentials"}
	refusedBasic          = &refusal{code: "invalid_basic_auth_header", description: "invalid basic authorization header"} // text not documented
	refusedRedirect       = &refusal{code: "redirect_uri_mismatch", description: "redirect_uri must match configuration", delivery: byPage}
	refusedNoRedirect     = &refusal{code: "redirect_uri_missing", description: "redirect_uri not provided", delivery: byPage}
	refusedResponseType   = &refusal{code: "unsupported_response_type", description: "response type not supported"}
	refusedGrantType      = &refusal{code: "unsupported_grant_type", description: "grant type not supported"}
	refusedNoChallenge    = &refusal{code: "invalid_request", description: "missing required code challenge", delivery: byText}
	refusedNoChallengeOrg = &refusal{code: "invalid_request", description: "missing required code challenge", delivery: byPage} // observed when the whole org requires PKCE
	refusedPlain          = &refusal{code: "invalid_request", description: "code challenge method not supported"}               // text not documented
	refusedScope          = &refusal{code: "invalid_scope", description: "the requested scope is invalid, unknown, or malformed"}
	refusedScopeOfApp     = &refusal{code: "invalid_scope", description: "the requested scope is not allowed"}
	refusedScopeParam     = &refusal{code: "invalid_request", description: "scope parameter not supported"}
	refusedMethod         = &refusal{code: "invalid_request", description: "must use HTTP POST"} // the twin of the documented "must use HTTP GET"
	refusedImmediate      = &refusal{code: "immediate_unsuccessful", description: "immediate unsuccessful"}
	refusedByUser         = &refusal{code: "access_denied", description: "end-user denied authorization"}

	refusedCode        = &refusal{code: "invalid_grant", description: "invalid authorization code"}
	refusedCodeExpired = &refusal{code: "invalid_grant", description: "expired authorization code"}
	refusedVerifier    = &refusal{code: "invalid_request", description: "invalid code verifier"} // code documented, text believed
	refusedNoVerifier  = &refusal{code: "invalid_grant", description: "invalid code verifier"}   // code documented, text believed
	refusedRefresh     = &refusal{code: "invalid_grant", description: "expired access/refresh token"}

	refusedAppBlocked   = &refusal{code: "app_blocked", description: "this app is blocked by admin", browser: "OAUTH_APP_BLOCKED", delivery: byPage}
	refusedAppDisabled  = &refusal{code: "oauth_flow_disabled", description: "The external client app or the OAuth plugin is disabled."}
	refusedAppNotFound  = &refusal{code: "app_not_found", description: "External client app is not installed in this org", browser: "OAUTH_EC_APP_NOT_FOUND"}
	refusedNotInstalled = &refusal{code: "invalid_client", description: "app must be installed into org", delivery: byPage}
	refusedCrossOrg     = &refusal{code: "OAUTH_AUTHORIZATION_BLOCKED", description: "Cross-org OAuth flows are not supported for this external client app"}
	refusedNotAdmitted  = &refusal{code: "invalid_app_access", description: "user is not admin approved to access this app", browser: "OAUTH_APP_ACCESS_DENIED", delivery: byPage}

	refusedUserInactive = &refusal{code: "inactive_user", description: "user is inactive"}
	refusedOrgInactive  = &refusal{code: "inactive_org", description: "org is locked, closed, or suspended"}
	refusedRate         = &refusal{code: "rate_limit_exceeded", description: "number of logins exceeded"}

	refusedTokenType = &refusal{code: "unsupported_token_type", description: "this token type is not supported"}
	refusedToken     = &refusal{code: "invalid_token", description: "invalid token"} // text not documented
)

// genericPageText is what Salesforce's error page shows instead of some reasons, "app must be installed into org" among them; the reason is then in
// the page's URL only (observed, many times; the spelling is Salesforce's).
const genericPageText = "OAUTH_APPROVAL_ERROR_GENERIC : An unexpected error has occured during authentication. Please try again."
