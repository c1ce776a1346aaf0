package cli

import (
	"strconv"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/sftoken/sftoken/emulator"
)

// emulator orders the script's emulator about:
//
//	emulator fail ENDPOINT STATUS BODY   the next answer of an endpoint
//	emulator hang ENDPOINT               the next answer of an endpoint comes after a minute
//	emulator off                         stops listening
//	emulator expire                      every access token dies
//	emulator advance DURATION            its clock jumps
//	emulator cut ENDPOINT SKIP           the connection breaks off within an answer of an endpoint, after SKIP that do not
//	emulator permit PERMISSION…          amelia has these permissions and no others
//	emulator secrets                     the org gives consumer secrets away by REST
//	emulator key FILE                    a new private key, whose public key the confidential app has from now on
//	emulator approve                     the confidential app, by the user of the robot
//	emulator block                       the confidential app
//	emulator asked ENDPOINT N            an endpoint was asked N times since the last such check
func emulatorCommand(ts *testscript.TestScript, neg bool, args []string) {
	b := ts.Value(benchKey{}).(*bench)
	if neg || len(args) == 0 {
		ts.Fatalf("usage: emulator ORDER …")
	}
	switch args[0] {
	case "fail":
		status, err := strconv.Atoi(args[2])
		ts.Check(err)
		b.emulator.Fail(emulator.Fault{Endpoint: emulator.Endpoint(args[1]), Status: status, Body: args[3]})
	case "hang":
		b.emulator.Fail(emulator.Fault{Endpoint: emulator.Endpoint(args[1]), Delay: time.Minute})
	case "off":
		b.server.Close()
	case "expire":
		b.emulator.ExpireSessions()
	case "advance":
		d, err := time.ParseDuration(args[1])
		ts.Check(err)
		b.emulator.Advance(d)
	case "cut":
		skip, err := strconv.Atoi(args[2])
		ts.Check(err)
		b.emulator.Fail(emulator.Fault{Endpoint: emulator.Endpoint(args[1]), Skip: skip, Cut: true, CutAfter: 5, AfterEffect: true})
	case "permit":
		profile := emulator.Profile{Name: "Permitted"}
		for _, permission := range args[1:] {
			profile.Permissions = append(profile.Permissions, emulator.Permission(permission))
		}
		ts.Check(b.emulator.UpdateOrg("acme", func(o *emulator.Org) { o.Profiles = append(o.Profiles, profile) }))
		ts.Check(b.emulator.UpdateUser(emulator.Username, func(u *emulator.User) { u.Profile = profile.Name }))
	case "secrets":
		ts.Check(b.emulator.UpdateOrg("acme", func(o *emulator.Org) { o.SecretsByREST = true }))
	case "key":
		public, err := newKeyFile(ts.MkAbs(args[1]))
		ts.Check(err)
		ts.Check(b.emulator.UpdateApp(emulator.ClientIDConfidential, func(app *emulator.App) { app.Certificate = public }))
	case "assertion": // of the confidential app, about its user
		certificate, err := newAssertion(ts.MkAbs(args[1]), emulator.ClientIDConfidential, emulator.Username, ts.Getenv("EMULATOR"))
		ts.Check(err)
		ts.Check(b.emulator.UpdateApp(emulator.ClientIDConfidential, func(app *emulator.App) { app.Certificate = certificate }))
	case "approve":
		_, err := b.emulator.Approve(emulator.ClientIDConfidential, emulator.Username, "api", "refresh_token")
		ts.Check(err)
	case "widen": // what an administrator switches on for the flows that few have
		ts.Check(b.emulator.UpdateOrg("acme", func(org *emulator.Org) {
			org.CodeCredentials = true
			org.TokenHandlers = []emulator.TokenHandler{{
				Name: "Handler", Apps: []string{emulator.ClientIDConfidential}, Tokens: map[string]string{"theirs": emulator.Username},
			}}
		}))
		ts.Check(b.emulator.UpdateApp(emulator.ClientIDConfidential, func(app *emulator.App) {
			app.TokenExchange, app.AssetTokens, app.CodeCredentials = true, true, true
		}))
	case "block":
		ts.Check(b.emulator.UpdateApp(emulator.ClientIDConfidential, func(app *emulator.App) { app.Blocked = true }))
	case "asked":
		want, err := strconv.Atoi(args[2])
		ts.Check(err)
		got := 0
		for _, r := range b.emulator.Requests() {
			if r.Endpoint == emulator.Endpoint(args[1]) {
				got++
			}
		}
		b.emulator.ClearRequests()
		if got != want {
			ts.Fatalf("%s was asked %d times, want %d", args[1], got, want)
		}
	default:
		ts.Fatalf("emulator: unknown order %q", args[0])
	}
}
