package cli

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/internal/login"
)

// loginDevice shows the code, and asks Salesforce until the person has entered it, on this machine or another.
func (e *Env) loginDevice(ctx context.Context, o *loginOptions, p *plan) (*login.Outcome, error) {
	settings, err := e.Config()
	if err != nil {
		return nil, err
	}
	client := p.journey.Client
	device, err := client.StartDevice(ctx, nil)
	if err != nil {
		return nil, err
	}
	if timeout := cmp.Or(o.timeout, settings.Timeout); timeout > 0 && e.Now().Add(timeout).Before(device.ExpiresAt) {
		device.ExpiresAt = e.Now().Add(timeout)
	}
	e.Say("login.device", nil)
	fmt.Fprintf(e.Stderr, "%s\n\n    %s\n\n", device.VerificationURI, e.bold(device.UserCode)) // both are copied: nothing around them
	e.Say("login.device-stranger", nil)
	e.openBrowser(ctx, o, device.CompleteURI(), settings)
	token, err := e.awaitDevice(ctx, client, device)
	if err != nil {
		return nil, err
	}
	return p.journey.Keep(ctx, token)
}

func (e *Env) awaitDevice(ctx context.Context, client *sftoken.Client, device *sftoken.DeviceLogin) (*sftoken.Token, error) {
	w := &waiting{env: e, deadline: device.ExpiresAt.Round(time.Second), id: "wait.device", listening: true}
	defer w.start(true)()
	return client.AwaitDevice(ctx, device)
}
