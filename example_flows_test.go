package sftoken_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http/httptest"
	"net/url"
	"strings"

	"github.com/sftoken/sftoken"
)

// clientOf makes the client of an app at server. A real one has the consumer key of the app and the org's My Domain, and
// takes key and secret from where secrets are kept.
func clientOf(server *httptest.Server, app sftoken.App) *sftoken.Client {
	host, err := sftoken.ParseHost(server.URL)
	if err != nil {
		log.Fatal(err)
	}
	app.ClientID, app.Host = "3MVG9.example", host
	return &sftoken.Client{App: app}
}

func printToken(token *sftoken.Token, err error) {
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("user", token.UserID, "refresh token:", !token.RefreshToken.IsZero())
}

// What a flow is good for is known before it is tried.
func ExampleFlow_Facts() {
	for _, flow := range []sftoken.Flow{sftoken.FlowWebServer, sftoken.FlowClientCredentials, sftoken.FlowUserAgent} {
		facts := flow.Facts()
		fmt.Printf("%s needs %v, refresh token %v, renewed by %s", flow, facts.Needs, facts.RefreshToken, facts.Renewal)
		if ending := facts.Ending; !ending.IsZero() {
			fmt.Printf(", ends %s (%s)", ending.On.Format("2 January 2006"), ending.Evidence)
		}
		fmt.Println()
	}
	// Output:
	// web-server needs [redirect-uri], refresh token true, renewed by refresh-token
	// client-credentials needs [client-secret], refresh token false, renewed by run-again
	// user-agent needs [redirect-uri], refresh token true, renewed by refresh-token, ends 20 February 2027 (quoted)
}

// What Salesforce would refuse, in words that name something else, is refused before anything is sent.
func ExampleFlow_Validate() {
	pool, err := sftoken.ParseHost("login.salesforce.com")
	if err != nil {
		log.Fatal(err)
	}
	app := sftoken.App{ClientID: "ExampleServer", ClientSecret: sftoken.NewSecret("0123456789012345"), Host: pool}
	err = sftoken.FlowClientCredentials.Validate(app)
	if wrong, ok := errors.AsType[*sftoken.AppError](err); ok {
		fmt.Println(wrong.ID)
	}
	fmt.Println(err)
	// Output:
	// flow-pool-host
	// check login host: the client-credentials flow runs at the org's My Domain only, not at login.salesforce.com
}

// A server acts as one user, by a private key whose certificate the app has. Run it again when the token has died.
func ExampleClient_JWTBearer() {
	server := salesforce()
	defer server.Close()
	client := clientOf(server, sftoken.App{PrivateKey: testKeyPEM()}) // the content of key.pem

	token, err := client.JWTBearer(context.Background(), sftoken.JWTBearerOptions{Subject: "amelia@acme.example"})
	if refused, ok := errors.AsType[*sftoken.Error](err); ok && refused.ClockSkew != 0 {
		log.Fatalf("set the clock: it is off by %v", refused.ClockSkew)
	}
	printToken(token, err)
	// Output: user 0056g0000049jc6AAA refresh token: false
}

// A server acts as the app's run-as user.
func ExampleClient_ClientCredentials() {
	server := salesforce()
	defer server.Close()
	client := clientOf(server, sftoken.App{ClientSecret: sftoken.NewSecret("consumer secret")})

	printToken(client.ClientCredentials(context.Background()))
	// Output: user 0056g0000049jc6AAA refresh token: false
}

// A private key stands in for the secret wherever the app has to authenticate: nothing secret goes over the wire.
func ExampleApp_privateKey() {
	server := salesforce()
	defer server.Close()
	client := clientOf(server, sftoken.App{PrivateKey: testKeyPEM()})

	printToken(client.Refresh(context.Background(), sftoken.NewSecret("5Aep861first")))
	// Output: user 0056g0000049jc6AAA refresh token: true
}

// A login on a machine without a browser: the person uses another one.
func ExampleClient_AwaitDevice() {
	server := salesforce()
	defer server.Close()
	client := clientOf(server, sftoken.App{})

	login, err := client.StartDevice(context.Background(), nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("open", strings.Replace(login.VerificationURI, server.URL, "https://acme.my.salesforce.com", 1), "and enter", login.UserCode)
	printToken(client.AwaitDevice(context.Background(), login))
	// Output:
	// open https://acme.my.salesforce.com/setup/connect and enter X1D9SEET
	// user 0056g0000049jc6AAA refresh token: true
}

// User name and password, while that lasts.
func ExampleClient_Password() {
	server := salesforce()
	defer server.Close()
	client := clientOf(server, sftoken.App{ClientSecret: sftoken.NewSecret("consumer secret")})

	printToken(client.Password(context.Background(), sftoken.PasswordOptions{
		Username:      "amelia@acme.example",
		Password:      sftoken.NewSecret("password"),
		SecurityToken: sftoken.NewSecret("the one that came by mail"),
	}))
	// Output: user 0056g0000049jc6AAA refresh token: false
}

// The user-agent flow brings tokens in the fragment of an address, which a person pastes or a page posts.
func ExampleClient_AcceptTokenPasted() {
	server := salesforce()
	defer server.Close()
	client := clientOf(server, sftoken.App{RedirectURI: "https://login.salesforce.com/services/oauth2/success"})
	client.App.ClientID = "PlatformCLI"

	attempt, err := client.Authorize(sftoken.AuthorizeOptions{Flow: sftoken.FlowUserAgent})
	if err != nil {
		log.Fatal(err)
	}
	// Here the person opens attempt.URL, logs in, and copies the address of the last page.
	pasted := attempt.RedirectURI + "#" + url.Values{
		"access_token": {"00D!x"}, "id": {server.URL + "/id/00D6g000006wre4EAA/0056g0000049jc6AAA"}, "state": {attempt.State.Reveal()},
	}.Encode()

	printToken(client.AcceptTokenPasted(attempt, pasted))
	// Output: user 0056g0000049jc6AAA refresh token: false
}

// The hybrid flow is the web server flow with session ids for the org's pages.
func ExampleClient_RefreshHybrid() {
	server := salesforce()
	defer server.Close()
	client := clientOf(server, sftoken.App{RedirectURI: sftoken.DefaultRedirectURI})
	client.App.ClientID = "PlatformCLI"

	attempt, err := client.Authorize(sftoken.AuthorizeOptions{
		Flow: sftoken.FlowHybrid, Scopes: []string{"api", "refresh_token", "web", "lightning"},
	})
	if err != nil {
		log.Fatal(err)
	}
	// Here the person opens attempt.URL, and the callback brings a code.
	token, err := client.Exchange(context.Background(), attempt, sftoken.NewSecret("aPrxExample=="))
	if err != nil {
		log.Fatal(err)
	}
	printToken(client.RefreshHybrid(context.Background(), token.RefreshToken))
	// Output: user 0056g0000049jc6AAA refresh token: true
}

// An assertion that the app signed, by a SAML library of its own.
func ExampleClient_SAMLBearer() {
	server := salesforce()
	defer server.Close()
	client := clientOf(server, sftoken.App{})

	printToken(client.SAMLBearer(context.Background(), sftoken.NewSecret("<saml:Assertion>…</saml:Assertion>")))
	// Output: user 0056g0000049jc6AAA refresh token: false
}

// An assertion of the org's identity provider needs no app at all.
func ExampleClient_SAMLAssertion() {
	server := salesforce()
	defer server.Close()
	host, err := sftoken.ParseHost(server.URL)
	if err != nil {
		log.Fatal(err)
	}
	client := &sftoken.Client{App: sftoken.App{Host: host}}

	printToken(client.SAMLAssertion(context.Background(), sftoken.NewSecret("<saml:Assertion>…</saml:Assertion>")))
	// Output: user 0056g0000049jc6AAA refresh token: false
}

// The token of another identity provider, which a handler in the org knows.
func ExampleClient_TokenExchange() {
	server := salesforce()
	defer server.Close()
	client := clientOf(server, sftoken.App{ClientSecret: sftoken.NewSecret("consumer secret")})

	printToken(client.TokenExchange(context.Background(), sftoken.TokenExchangeOptions{
		SubjectToken: sftoken.NewSecret("eyJ…"),
		SubjectType:  sftoken.JWTType,
		Handler:      "OktaTokenHandler",
	}))
	// Output: user 0056g0000049jc6AAA refresh token: false
}

// A JWT for a device, by the right of the user who registers it.
func ExampleClient_AssetToken() {
	server := salesforce()
	defer server.Close()
	client := clientOf(server, sftoken.App{ClientSecret: sftoken.NewSecret("consumer secret")})

	token, err := client.AssetToken(context.Background(), sftoken.AssetTokenOptions{
		AccessToken: sftoken.NewSecret("00D!x"),
		ActorToken:  sftoken.NewSecret("eyJ…"),
	})
	fmt.Println(token.AccessToken, err)
	// Output: [secret] <nil>
}

// A site's user logs in on the app's own page.
func ExampleClient_CodeAndCredentials() {
	server := salesforce()
	defer server.Close()
	client := clientOf(server, sftoken.App{RedirectURI: "https://acme.my.site.com/services/oauth2/echo"})

	printToken(client.CodeAndCredentials(context.Background(), sftoken.CredentialsOptions{
		Username: "customer@example.com",
		Password: sftoken.NewSecret("password"),
	}))
	// Output: user 0056g0000049jc6AAA refresh token: true
}
