package cli

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"sync"
	"syscall"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/internal/proxy"
	"github.com/sftoken/sftoken/refresh"
	"github.com/spf13/cobra"
)

type proxyOptions struct {
	listen string
	socket string
}

func newProxyCommand(env *Env) *cobra.Command {
	var o proxyOptions
	cmd := &cobra.Command{
		Use:   "proxy [alias] [-- command [argument…]]",
		Short: "Serve the org's API on this machine, with the access token added",
		Long: `Serve the org's API on loopback, or on a Unix socket, until Ctrl-C. The access token is added to each request, and
refreshed when the org says that it has expired: a program that calls the org through the proxy needs none, and never
sees it end.

On loopback the proxy takes only requests with a token of its own, which it prints at its start and which is good for
nothing else; clients send it as they would an access token. On a socket the mode 0600 decides. Browsers are refused.

With a command, the proxy runs for as long as that does, and the command finds address and token where sftoken exec
puts them. Its exit code is the exit code.`,
		Example: `  sftoken proxy prod -- python nightly.py
  sftoken proxy prod --listen 127.0.0.1:8000 > proxy.env &
  sftoken proxy prod --socket ~/.sf.sock &
  curl --unix-socket ~/.sf.sock http://org/services/data/v66.0/limits`,
		ValidArgsFunction: env.completeAliases,
		RunE: func(cmd *cobra.Command, args []string) error {
			alias, command := args, []string(nil)
			if dash := cmd.ArgsLenAtDash(); dash >= 0 {
				var err error
				if alias, command, err = splitAtDash(cmd, args); err != nil {
					return err
				}
			}
			switch {
			case len(alias) > 1:
				return tooMany(cmd, alias[1])
			case o.socket != "" && cmd.Flags().Changed("listen"):
				return notBoth(cmd, "--listen", "--socket")
			case o.socket != "" && command != nil:
				return &usageError{id: "socket-and-program", command: cmd.CommandPath()}
			}
			return env.proxy(cmd.Context(), o, alias, command)
		},
	}
	cmd.Flags().StringVar(&o.listen, "listen", "127.0.0.1:0", "address of loopback to listen on; port 0 is any that is free")
	cmd.Flags().StringVar(&o.socket, "socket", "", "Unix socket to listen on instead, for nobody but you")
	env.addOnRotate(cmd)
	return cmd
}

// proxyAnswer is the line that tells that the proxy is ready.
type proxyAnswer struct {
	Alias       string `json:"alias"`
	InstanceURL string `json:"instance_url,omitempty"` // the proxy's, as a client has it
	AccessToken string `json:"access_token,omitempty"` // the proxy's
	Socket      string `json:"socket,omitempty"`
	OrgURL      string `json:"org_url"`
	PID         int    `json:"pid"`
}

func (e *Env) proxy(ctx context.Context, o proxyOptions, args, command []string) error {
	s, err := e.openSession(ctx, args)
	if err != nil {
		return err
	}
	defer s.Close()
	access, err := s.token(ctx, 0) // a login that does not work is told now
	if err != nil {
		return err
	}
	answer := proxyAnswer{Alias: s.alias, OrgURL: access.InstanceURL, PID: os.Getpid()}
	listener, options, err := o.open(ctx, access)
	if err != nil {
		return e.cannotListen(cmp.Or(o.socket, o.listen), err)
	}
	defer listener.Close()
	base := proxyTransport()
	defer base.CloseIdleConnections()
	options.Transport = &refresh.Transport{Engine: s.engine, Alias: s.alias, Base: base}
	options.OnError = e.tellOnce()
	handler := proxy.New(options)
	if o.socket != "" {
		answer.Socket = o.socket
	} else {
		answer.InstanceURL, answer.AccessToken = "http://"+options.Hosts[0], options.Token.Reveal()
	}
	if command == nil {
		if err := e.announceProxy(answer); err != nil {
			return err
		}
		return proxy.Serve(ctx, listener, handler)
	}
	serving, stop := context.WithCancel(context.WithoutCancel(ctx)) // the command may have something to finish
	var served sync.WaitGroup
	defer served.Wait()
	defer stop()
	served.Go(func() { _ = proxy.Serve(serving, listener, handler) })
	return e.runBeside(ctx, command, &refresh.Access{Token: options.Token, InstanceURL: answer.InstanceURL})
}

// open listens, and says what the proxy demands of its callers. Its token is shaped like an access token of the org, for
// clients check that.
func (o proxyOptions) open(ctx context.Context, access *refresh.Access) (net.Listener, proxy.Options, error) {
	if o.socket != "" {
		listener, err := proxy.ListenSocket(ctx, o.socket)
		return listener, proxy.Options{}, err
	}
	listener, hosts, err := proxy.ListenTCP(ctx, o.listen)
	org := access.OrgID[:min(len(access.OrgID), 15)]
	return listener, proxy.Options{Token: sftoken.NewSecret(cmp.Or(org, "00D") + "!" + rand.Text() + rand.Text()), Hosts: hosts}, err
}

func (e *Env) cannotListen(where string, err error) error {
	data := map[string]any{"address": where}
	switch {
	case errors.Is(err, proxy.ErrNotLoopback):
		return &localError{id: "proxy-not-loopback", code: exitUsage, hints: true, data: data}
	case errors.Is(err, syscall.EADDRINUSE), errors.Is(err, fs.ErrExist):
		return &localError{id: "proxy-address-taken", code: exitFailed, hints: true, data: data}
	}
	return &localError{id: "proxy-cannot-listen", code: exitUsage, data: data, err: err}
}

// proxyTransport calls the org. It leaves compression to the caller, and has connections ready for many.
func proxyTransport() *http.Transport {
	base := http.DefaultTransport.(*http.Transport).Clone()
	base.DisableCompression = true
	base.MaxIdleConnsPerHost = 100
	base.MaxConnsPerHost = 200
	return base
}

func (e *Env) announceProxy(answer proxyAnswer) error {
	if e.JSON {
		return json.NewEncoder(e.Stdout).Encode(answer) // one line: it is waited for
	}
	if answer.Socket != "" {
		e.Say("proxy.socket", map[string]any{"alias": answer.Alias, "org": answer.OrgURL, "socket": answer.Socket})
		return nil
	}
	e.Say("proxy.ready", map[string]any{"alias": answer.Alias, "org": answer.OrgURL, "url": answer.InstanceURL})
	_, err := fmt.Fprintf(e.Stdout, "SF_INSTANCE_URL=%s\nSF_ACCESS_TOKEN=%s\n", answer.InstanceURL, answer.AccessToken)
	return err
}

// tellOnce tells what goes wrong when it begins, not for every request.
func (e *Env) tellOnce() func(error) {
	var mu sync.Mutex
	last := ""
	return func(err error) {
		mu.Lock()
		defer mu.Unlock()
		if err.Error() != last {
			last = err.Error()
			e.tell(err)
		}
	}
}
