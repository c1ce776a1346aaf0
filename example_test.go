package sftoken_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"

	"github.com/sftoken/sftoken"
)

// salesforce stands for Salesforce's login server in the examples.
func salesforce() *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		base := "http://" + r.Host
		switch r.PostFormValue("response_type") {
		case "device_code":
			fmt.Fprintf(w, `{"device_code":"d","user_code":"X1D9SEET","verification_uri":%q,"interval":1}`, base+"/setup/connect")
			return
		case "code_credentials":
			fmt.Fprint(w, `{"code":"aPrxExample=="}`)
			return
		}
		rotated := map[string]string{
			"authorization_code": "5Aep861first", "refresh_token": "5Aep861second", "device": "5Aep861first",
			"hybrid_auth_code": "5Aep861first", "hybrid_refresh": "5Aep861second",
		}[r.PostFormValue("grant_type")]
		fmt.Fprintf(w, `{"access_token":"00D!x","refresh_token":%q,"instance_url":%q,"id":%q,"token_type":"Bearer","scope":"api refresh_token"}`,
			rotated, base, base+"/id/00D6g000006wre4EAA/0056g0000049jc6AAA")
	}))
}

// A login: the person's browser opens the attempt's URL, and comes back with a code.
func ExampleClient_Exchange() {
	server := salesforce()
	defer server.Close()
	host, err := sftoken.ParseHost(server.URL) // for an org: its My Domain, or any address of it
	if err != nil {
		log.Fatal(err)
	}
	client := &sftoken.Client{App: sftoken.App{
		ClientID:    "PlatformCLI",
		Host:        host,
		RedirectURI: sftoken.DefaultRedirectURI,
	}}

	attempt, err := client.Authorize(sftoken.AuthorizeOptions{})
	if err != nil {
		log.Fatal(err)
	}
	// Here the person opens attempt.URL, and the callback arrives.
	callback := url.Values{"code": {"aPrxExample=="}, "state": {attempt.State.Reveal()}}

	code, err := attempt.Accept(callback)
	if err != nil {
		log.Fatal(err)
	}
	token, err := client.Exchange(context.Background(), attempt, code)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("org", token.OrgID, "refresh token", token.RefreshToken)
	// Output: org 00D6g000006wre4EAA refresh token [secret]
}

// A refresh: a new refresh token, where one comes, replaces the old one for good.
func ExampleClient_Refresh() {
	server := salesforce()
	defer server.Close()
	host, err := sftoken.ParseHost(server.URL)
	if err != nil {
		log.Fatal(err)
	}
	client := &sftoken.Client{App: sftoken.App{ClientID: "PlatformCLI", Host: host}}
	kept := sftoken.NewSecret("5Aep861first")

	token, err := client.Refresh(context.Background(), kept)
	switch {
	case errors.Is(err, sftoken.ErrLoginRequired):
		log.Fatal("the refresh token is dead: log in again")
	case err != nil:
		log.Fatal(err)
	}
	if !token.RefreshToken.IsZero() {
		kept = token.RefreshToken // to be stored before anything else
	}
	fmt.Println(kept.Reveal())
	// Output: 5Aep861second
}

func ExampleParseHost() {
	for _, pasted := range []string{"sandbox", "acme", "https://acme--uat.sandbox.lightning.force.com/lightning/page/home", "https://salesforce.com.evil.example"} {
		host, err := sftoken.ParseHost(pasted)
		fmt.Println(host, err)
	}
	// Output:
	// https://test.salesforce.com <nil>
	// https://acme.my.salesforce.com <nil>
	// https://acme--uat.sandbox.my.salesforce.com <nil>
	//  parse host "https://salesforce.com.evil.example": not a host of Salesforce
}

func ExampleAttempt_AcceptPasted() {
	attempt := &sftoken.Attempt{State: sftoken.NewSecret("st4te")}
	code, err := attempt.AcceptPasted("http://localhost/?code=aPrxExample%3D%3D&state=st4te")
	fmt.Println(code.Reveal(), err)
	// Output: aPrxExample== <nil>
}
