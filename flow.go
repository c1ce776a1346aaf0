package sftoken

import (
	"slices"
	"time"
)

// Flow names a way to get tokens from Salesforce, as a person writes it on a command line and as a grant remembers it. The
// zero Flow is FlowWebServer, so that whoever has never heard of the others need not name it.
type Flow string

// The flows of Salesforce. [Flow.Facts] says of each what it needs and what to expect of it.
const (
	FlowWebServer          Flow = "web-server"           // a person in a browser; the one to choose
	FlowJWTBearer          Flow = "jwt-bearer"           // a server with a private key, as one user
	FlowClientCredentials  Flow = "client-credentials"   // a server with a secret, as the app's run-as user
	FlowDevice             Flow = "device"               // a person in a browser on another machine
	FlowUsernamePassword   Flow = "username-password"    // retires
	FlowUserAgent          Flow = "user-agent"           // the implicit flow; retires
	FlowHybrid             Flow = "hybrid"               // web server, with session ids for the org's pages
	FlowSAMLBearer         Flow = "saml-bearer"          // an assertion that the app signed
	FlowSAMLAssertion      Flow = "saml-assertion"       // an assertion that the org's identity provider signed
	FlowTokenExchange      Flow = "token-exchange"       // another server's token
	FlowAssetToken         Flow = "asset-token"          // a JWT for a connected device
	FlowCodeAndCredentials Flow = "code-and-credentials" // headless login of a site's user
)

// Need is something a flow cannot do without.
type Need string

// What flows need.
const (
	NeedRedirectURI  Need = "redirect-uri"
	NeedClientSecret Need = "client-secret" // or a private key, by which the app authenticates as well
	NeedPrivateKey   Need = "private-key"
	NeedUsername     Need = "username"
	NeedPassword     Need = "password"
	NeedAssertion    Need = "assertion"
	NeedToken        Need = "token" // another server's, or for an asset token one of this org
)

// Renewal is how a new access token is had when the old one has died.
type Renewal string

// The ways to renew.
const (
	RenewByRefreshToken Renewal = "refresh-token" // if one was asked for and came
	RenewByRunning      Renewal = "run-again"     // the flow itself, with what the grant holds
	RenewByLogin        Renewal = "login"         // not without whoever brought the password, assertion or token
)

// Evidence is how sure a fact about Salesforce's future is.
type Evidence string

// The kinds of evidence.
const (
	Documented Evidence = "documented" // Salesforce's own pages say so
	Quoted     Evidence = "quoted"     // others quote Salesforce's release notes; read them before relying on it
)

// Ending is what Salesforce has announced for a flow.
type Ending struct {
	On       time.Time // the first day, UTC; zero: nothing is announced
	Narrowed bool      // it goes on for some apps
	Evidence Evidence
	Source   string // release note, page
}

// IsZero reports whether nothing is announced.
func (e Ending) IsZero() bool { return e.On.IsZero() }

// FlowFacts are what is to be known of a flow before it is tried.
type FlowFacts struct {
	Flow         Flow
	GrantType    string // "grant_type" at the token endpoint; empty for the user-agent flow, which does not go there
	Needs        []Need // besides a client id and a login host
	RefreshToken bool   // whether it can ever give one, given the refresh_token scope
	Renewal      Renewal
	MyDomain     bool // runs at the org's My Domain or site only, not at a login pool
	Scopes       bool // scopes can be asked for; else those of the app apply
	Browser      bool // a person logs in on Salesforce's page
	Ending       Ending
}

func day(year int, month time.Month, d int) time.Time {
	return time.Date(year, month, d, 0, 0, 0, 0, time.UTC)
}

// The grant types of Salesforce's token endpoint. "device" is literal: RFC 8628 has a URN there (sfdx-core).
const (
	grantCode              = "authorization_code"
	grantRefresh           = "refresh_token"
	grantHybridCode        = "hybrid_auth_code"
	grantHybridRefresh     = "hybrid_refresh"
	grantJWTBearer         = "urn:ietf:params:oauth:grant-type:jwt-bearer"
	grantClientCredentials = "client_credentials"
	grantDevice            = "device"
	grantPassword          = "password"
	grantSAMLBearer        = "urn:ietf:params:oauth:grant-type:saml2-bearer"
	grantSAMLAssertion     = "assertion"
	grantTokenExchange     = "urn:ietf:params:oauth:grant-type:token-exchange"
)

// flows are the facts, in the order in which a list of them reads well. The dates are those of the Winter '27 release
// notes, pages 155, 952 and 953, as third parties quote them.
var flows = []FlowFacts{
	{
		Flow: FlowWebServer, GrantType: grantCode, Needs: []Need{NeedRedirectURI},
		RefreshToken: true, Renewal: RenewByRefreshToken, Scopes: true, Browser: true,
	},
	{
		Flow: FlowJWTBearer, GrantType: grantJWTBearer, Needs: []Need{NeedPrivateKey, NeedUsername},
		Renewal: RenewByRunning,
	},
	{
		Flow: FlowClientCredentials, GrantType: grantClientCredentials, Needs: []Need{NeedClientSecret},
		Renewal: RenewByRunning, MyDomain: true,
	},
	{
		Flow: FlowDevice, GrantType: grantDevice,
		RefreshToken: true, Renewal: RenewByRefreshToken, Scopes: true, Browser: true,
		Ending: Ending{day(2026, time.November, 30), true, Quoted, "Winter '27 release notes, page 155: only local external client apps with a localhost callback"},
	},
	{
		Flow: FlowHybrid, GrantType: grantHybridCode, Needs: []Need{NeedRedirectURI},
		RefreshToken: true, Renewal: RenewByRefreshToken, Scopes: true, Browser: true,
	},
	{
		Flow: FlowUserAgent, Needs: []Need{NeedRedirectURI},
		RefreshToken: true, Renewal: RenewByRefreshToken, Scopes: true, Browser: true,
		Ending: Ending{day(2027, time.February, 20), false, Quoted, "Winter '27 release notes, page 953"},
	},
	{
		Flow: FlowUsernamePassword, GrantType: grantPassword, Needs: []Need{NeedUsername, NeedPassword},
		Renewal: RenewByLogin,
		Ending:  Ending{day(2027, time.February, 20), false, Quoted, "Winter '27 release notes, page 952"},
	},
	{Flow: FlowSAMLBearer, GrantType: grantSAMLBearer, Needs: []Need{NeedAssertion}, Renewal: RenewByLogin},
	{Flow: FlowSAMLAssertion, GrantType: grantSAMLAssertion, Needs: []Need{NeedAssertion}, Renewal: RenewByLogin, MyDomain: true},
	{
		Flow: FlowTokenExchange, GrantType: grantTokenExchange, Needs: []Need{NeedToken},
		RefreshToken: true, Renewal: RenewByRefreshToken, MyDomain: true, Scopes: true,
	},
	{Flow: FlowAssetToken, GrantType: grantTokenExchange, Needs: []Need{NeedToken, NeedAssertion}, Renewal: RenewByLogin},
	{
		Flow: FlowCodeAndCredentials, GrantType: grantCode, Needs: []Need{NeedRedirectURI, NeedUsername, NeedPassword},
		RefreshToken: true, Renewal: RenewByRefreshToken, MyDomain: true, Scopes: true,
	},
}

// Flows returns the facts of every flow, the ones to prefer first.
func Flows() []FlowFacts {
	all := slices.Clone(flows)
	for i := range all {
		all[i].Needs = slices.Clone(all[i].Needs)
	}
	return all
}

// ParseFlow reads the name of a flow. The error is an *AppError.
func ParseFlow(name string) (Flow, error) {
	f := Flow(name).or()
	if f.Facts().Flow == "" {
		return "", &AppError{"flow", "Salesforce has none of that name", "flow-unknown"}
	}
	return f, nil
}

func (f Flow) or() Flow {
	if f == "" {
		return FlowWebServer
	}
	return f
}

// String returns the flow's name.
func (f Flow) String() string { return string(f.or()) }

// Facts returns what is known of the flow; the zero FlowFacts if there is no such flow.
func (f Flow) Facts() FlowFacts {
	i := slices.IndexFunc(flows, func(facts FlowFacts) bool { return facts.Flow == f.or() })
	if i < 0 {
		return FlowFacts{}
	}
	facts := flows[i]
	facts.Needs = slices.Clone(facts.Needs)
	return facts
}
