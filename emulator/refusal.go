package emulator

// refusal is a "no" in Salesforce's words. Texts are verbatim from the sources that the reference collects;
// where a source gives the code but no text, the comment says so.
type refusal struct {
	code, description string
	browser           string   // the code at authorize, where it differs from the token endpoint's
	uri               string   // of a page that explains it; after the emulator's address
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

	refusedAssertion         = &refusal{code: "invalid_grant", description: "invalid assertion"}
	refusedAudience          = &refusal{code: "invalid_grant", description: "audience is invalid"}
	refusedAudienceSAML      = &refusal{code: "invalid_grant", description: "Audience validation failed"}
	refusedAssertionType     = &refusal{code: "invalid_assertion_type", description: "invalid assertion type"} // code documented, text believed
	refusedJTI               = &refusal{code: "bad_jti_claim", description: "jti claim was used before"}       // code documented, text believed
	refusedNotApproved       = &refusal{code: "invalid_grant", description: "user hasn't approved this consumer"}
	refusedNoRefreshScope    = &refusal{code: "invalid_request", description: "refresh_token scope is required and the connected app should be installed and preauthorized."}
	refusedLogin             = &refusal{code: "invalid_grant", description: "authentication failure"}
	refusedUserCredentials   = &refusal{code: "invalid_grant", description: "invalid user credentials"}
	refusedDomain            = &refusal{code: "invalid_grant", description: "request not supported on this domain"}
	refusedNoCredentialsUser = &refusal{code: "invalid_grant", description: "no client credentials user enabled"}
	refusedNoCredentialsFlow = &refusal{code: "invalid_grant", description: "client credentials flow not enabled"}
	refusedNoScopes          = &refusal{code: "invalid_grant", description: "no valid scopes defined"}
	refusedHandler           = &refusal{code: "invalid_grant", description: "token handler validation failed"} // text observed, code believed
	refusedNoExchange        = &refusal{code: "invalid_grant", description: "token exchange flow not enabled"} // believed
	refusedNoAssetTokens     = &refusal{code: "invalid_grant", description: "asset tokens not enabled"}        // believed
	refusedHTTPS             = &refusal{code: "invalid_request", description: "HTTPS required"}
	refusedNotGet            = &refusal{code: "invalid_request", description: "must use HTTP GET"}
	refusedOutOfBand         = &refusal{code: "invalid_request", description: "out-of-band not supported", delivery: byPage} // there is no callback to go to

	// Headless identity: the codes are documented, the texts are believed.
	refusedOTP          = &refusal{code: "invalid_otp", description: "invalid one-time password"}
	refusedRegistration = &refusal{code: "failed_registration", description: "the user could not be registered"}
	refusedJSON         = &refusal{code: "invalid_request", description: "the body is not JSON"}

	// The device flow: the codes are documented, the texts are believed.
	refusedNoDeviceFlow  = &refusal{code: "invalid_grant", description: "device flow is not enabled for the app"}
	refusedDeviceCode    = &refusal{code: "invalid_request", description: "invalid device code"}
	refusedDeviceExpired = &refusal{code: "invalid_grant", description: "expired device code"}
	refusedDevicePending = &refusal{code: "authorization_pending", description: "user has not approved this device yet"}
	refusedDeviceTooFast = &refusal{code: "slow_down", description: "polling too frequently"}

	refusedAppBlocked   = &refusal{code: "app_blocked", description: "this app is blocked by admin", browser: "OAUTH_APP_BLOCKED", delivery: byPage}
	refusedAppDisabled  = &refusal{code: "oauth_flow_disabled", description: "The external client app or the OAuth plugin is disabled."}
	refusedAppNotFound  = &refusal{code: "app_not_found", description: "External client app is not installed in this org", browser: "OAUTH_EC_APP_NOT_FOUND"}
	refusedNotInstalled = &refusal{code: "invalid_client", description: "app must be installed into org", delivery: byPage}
	refusedCrossOrg     = &refusal{code: "OAUTH_AUTHORIZATION_BLOCKED", description: "Cross-org OAuth flows are not supported for this external client app"}
	refusedNotAdmitted  = &refusal{code: "invalid_app_access", description: "user is not admin approved to access this app", browser: "OAUTH_APP_ACCESS_DENIED", delivery: byPage}

	refusedUserInactive = &refusal{code: "inactive_user", description: "user is inactive"}
	refusedOrgInactive  = &refusal{code: "inactive_org", description: "org is locked, closed, or suspended"}
	refusedIP           = &refusal{code: "invalid_grant", description: "ip restricted"}
	refusedHours        = &refusal{code: "invalid_grant", description: "ip restricted or invalid login hours"}
	refusedRate         = &refusal{code: "rate_limit_exceeded", description: "number of logins exceeded"}

	refusedTokenType = &refusal{code: "unsupported_token_type", description: "this token type is not supported"}
	refusedToken     = &refusal{code: "invalid_token", description: "invalid token"} // text not documented
)

// genericPageText is what Salesforce's error page shows instead of some reasons, "app must be installed into org" among them; the reason is then in
// the page's URL only (observed, many times; the spelling is Salesforce's).
const genericPageText = "OAUTH_APPROVAL_ERROR_GENERIC : An unexpected error has occured during authentication. Please try again."
