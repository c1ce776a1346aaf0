package cli

import (
	"context"
	"crypto/rand"

	"github.com/sftoken/sftoken/emulator"
	"github.com/sftoken/sftoken/emulator/manage"
)

// manageEmulator prepares the management API on a listener of its own. On loopback it asks for no token; where other machines
// can connect it gets one, which the ready line and the banner tell.
func (e *Env) manageEmulator(ctx context.Context, o emulatorOptions, handler *emulator.Server, ready *readyEmulator) (serving, error) {
	listener, host, err := e.listenEmulator(ctx, "--manage", o.manage, o.exposed)
	if err != nil {
		return serving{}, err
	}
	var options manage.Options
	if !isLoopback(host) {
		options.Hosts = []string{reachableName(host)}
		options.Token = rand.Text()
	}
	ready.ManageURL, ready.ManageToken = "http://"+addressFor(host, listener), options.Token
	return serving{listener, manage.New(handler, options)}, nil
}
