// Package sftoken speaks Salesforce's OAuth 2.0 and OpenID Connect dialect: it obtains, spends, checks and revokes
// tokens.
//
// A login is [Client.Authorize], a person in a browser, [Attempt.Accept] and [Client.Exchange]. A kept refresh token is
// spent by [Client.Refresh]. [ParseHost] turns whatever a person pastes into the host where both of these run.
//
// The package keeps nothing and retries nothing: one call is one request, but for a redirect to another Salesforce host,
// which is followed once by our own code (see [Client]). Whoever holds refresh tokens across processes wants packages
// store and refresh on top. It reads no environment variable except for the proxy settings that net/http itself reads, uses the
// standard library only, and anybody may import it.
//
// Errors: [*Error] when Salesforce answered with one, [*TransportError] when no whole answer came, [*UnexpectedError]
// when the answer is none that we understand or trust, [*RedirectError] when it points elsewhere. Branch with errors.Is
// on [ErrLoginRequired], [ErrTemporary], [ErrBlocked], [ErrDenied] and [ErrStateMismatch].
package sftoken
