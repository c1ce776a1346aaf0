// Package sftoken speaks Salesforce's OAuth 2.0 and OpenID Connect dialect: it obtains, spends, checks and revokes
// tokens.
//
// # A login
//
// A login is [Client.Authorize], a person in a browser, [Attempt.Accept] and [Client.Exchange]. A kept refresh token is
// spent by [Client.Refresh]. [ParseHost] turns whatever a person pastes into the host where both of these run.
//
// # Which flow
//
// The web server flow with PKCE is the one for people, with a client secret, with a private key, or with neither. A server
// that works as itself takes [Client.ClientCredentials]; one that works as users, [Client.JWTBearer]. The others are for
// those who already have what they need:
//
//	flow                  method                                      refresh token  renewed by
//	web-server            Authorize, Exchange                         yes            Refresh
//	jwt-bearer            JWTBearer                                   never          running it again
//	client-credentials    ClientCredentials                           never          running it again
//	device                StartDevice, AwaitDevice                    yes            Refresh
//	hybrid                Authorize, Exchange                         yes            RefreshHybrid
//	user-agent            Authorize, AcceptToken                      sometimes      Refresh
//	username-password     Password                                    never          a login
//	saml-bearer           SAMLBearer                                  never          another assertion
//	saml-assertion        SAMLAssertion                               never          another assertion
//	token-exchange        TokenExchange                               if asked for   Refresh
//	asset-token           AssetToken                                  never          another token
//	code-and-credentials  CodeAndCredentials                          yes            Refresh
//
// "Yes" means: if the scope refresh_token was asked for and the app has it. [Flow.Facts] holds this table as data, with what
// each flow needs, where it runs, and when Salesforce ends it: device for most apps on 30 November 2026, user agent and
// username-password on 20 February 2027. [Flow.Validate] refuses beforehand what Salesforce would refuse afterwards.
//
// # How the app authenticates
//
// With App.ClientSecret, or where there is none with App.PrivateKey, by an assertion of three minutes (private_key_jwt), or
// not at all, as a public client. JWT bearer, SAML and device requests carry neither, since they need none.
//
// # What it does not do
//
// The package keeps nothing and retries nothing: one call is one request, but for a redirect to another Salesforce host,
// which is followed once by our own code (see [Client]), for [Client.AwaitDevice], which asks until there is an answer, and
// for [Client.CodeAndCredentials], which exchanges its code. Whoever holds refresh tokens across processes wants packages
// store and refresh on top. It makes no SAML and shows no page. It reads no environment variable except for the proxy
// settings that net/http itself reads, uses the standard library only, and anybody may import it.
//
// # Errors
//
// [*Error] when Salesforce answered with one, [*TransportError] when no whole answer came, [*UnexpectedError] when the
// answer is none that we understand or trust, [*RedirectError] when it points elsewhere, [*AppError] when nothing was sent.
// Branch with errors.Is on [ErrLoginRequired], [ErrTemporary], [ErrBlocked], [ErrDenied] and [ErrStateMismatch]. Where an
// assertion was refused and this machine's clock differs from Salesforce's, Error.ClockSkew says by how much.
//
// An ID token in an answer is not verified unasked: [Client.VerifyIDToken], with the attempt's nonce.
package sftoken
