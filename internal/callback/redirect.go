package callback

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
)

// NotListenableError says that answers to a redirect URI can never be received by a server on this machine, so that the
// person has to paste the address at which the browser ends.
type NotListenableError struct {
	RedirectURI string
	Reason      string // English
	Err         error  // the system's refusal, if it was asked
}

func (e *NotListenableError) Error() string {
	return fmt.Sprintf("listen for the browser on %q: %s", e.RedirectURI, e.Reason)
}

func (e *NotListenableError) Unwrap() error { return e.Err }

// ErrorID returns the id of this failure in package explain.
func (e *NotListenableError) ErrorID() string { return "redirect-not-listenable" }

// ErrorData returns what the explanation names.
func (e *NotListenableError) ErrorData() map[string]string {
	return map[string]string{"redirect": e.RedirectURI}
}

// PortBusyError says that another program listens on the redirect URI's port. No other port is tried: Salesforce compares
// the port with the registered one (C-22).
type PortBusyError struct {
	Port int
	Err  error
}

func (e *PortBusyError) Error() string {
	return fmt.Sprintf("listen for the browser on port %d: another program uses it", e.Port)
}

func (e *PortBusyError) Unwrap() error { return e.Err }

// ErrorID returns the id of this failure in package explain.
func (e *PortBusyError) ErrorID() string { return "port-in-use" }

// ErrorData returns what the explanation names.
func (e *PortBusyError) ErrorData() map[string]string {
	return map[string]string{"port": strconv.Itoa(e.Port)}
}

// CanListen returns nil if a server on this machine can receive the answers to a redirect URI, and a *NotListenableError
// that says why not. It tries to bind a port below 1024, which most systems keep to themselves; whether a port is in use is
// left to Listen.
func CanListen(redirectURI string) error {
	target, err := parseRedirect(redirectURI)
	if err != nil || target.port >= 1024 {
		return err
	}
	listeners, err := target.listen(context.Background())
	closeAll(listeners)
	if _, busy := errors.AsType[*PortBusyError](err); busy {
		return nil
	}
	return err
}

// redirect is a redirect URI that can be listened on.
type redirect struct {
	uri       string
	host      string   // as browsers send it: in lower case, without port 80
	path      string   // as it stands in the request line
	addresses []string // to bind, without port
	port      int
}

// salesforceSuccess is the page where Salesforce itself receives the code, for a person to copy it.
const salesforceSuccess = "/services/oauth2/success"

func parseRedirect(uri string) (redirect, error) {
	refuse := func(reason string) (redirect, error) {
		return redirect{}, &NotListenableError{RedirectURI: uri, Reason: reason}
	}
	u, err := url.Parse(uri)
	switch {
	case err != nil || u.Scheme == "" || u.User != nil || u.Fragment != "":
		return refuse("it is not a callback URL")
	case u.Scheme != "http":
		return refuse("only http addresses of this machine can be listened on")
	case u.Path == salesforceSuccess:
		return refuse("it is Salesforce's own page, which shows the code to the person")
	}
	target := redirect{uri: uri, host: strings.ToLower(u.Host), path: u.EscapedPath(), port: 80}
	if target.path == "" {
		target.path = "/"
	}
	if target.addresses = loopback(strings.ToLower(u.Hostname())); target.addresses == nil {
		return refuse("its host is not this machine's localhost")
	}
	if text := u.Port(); text != "" {
		target.port, err = strconv.Atoi(text)
		if err != nil || target.port < 1 || target.port > 65535 {
			return refuse("its port is not one of 1 to 65535")
		}
	}
	target.host = withoutPort80(target.host)
	return target, nil
}

func loopback(host string) []string {
	if host == "localhost" {
		return []string{"127.0.0.1", "::1"}
	}
	if address, err := netip.ParseAddr(host); err == nil && address.IsLoopback() && address.Zone() == "" {
		return []string{address.String()}
	}
	return nil
}

func withoutPort80(host string) string {
	return strings.TrimSuffix(strings.TrimSuffix(host, ":80"), ":")
}

func (r redirect) listen(ctx context.Context) ([]net.Listener, error) {
	var (
		listeners []net.Listener
		missing   error
		config    net.ListenConfig
	)
	for _, address := range r.addresses {
		listener, err := config.Listen(ctx, "tcp", net.JoinHostPort(address, strconv.Itoa(r.port)))
		switch {
		case err == nil:
			listeners = append(listeners, listener)
		case errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT):
			missing = err // a machine without IPv6, or without IPv4
		default:
			closeAll(listeners)
			return nil, r.refusal(err)
		}
	}
	if len(listeners) == 0 {
		return nil, r.refusal(missing)
	}
	return listeners, nil
}

func (r redirect) refusal(err error) error {
	switch {
	case isInUse(err):
		return &PortBusyError{Port: r.port, Err: err}
	case errors.Is(err, syscall.EACCES):
		return &NotListenableError{RedirectURI: r.uri, Reason: fmt.Sprintf("the system does not let this program use port %d", r.port), Err: err}
	default:
		return fmt.Errorf("listen for the browser: %w", err)
	}
}

// isInUse also knows Windows' number for it, WSAEADDRINUSE, which syscall does not take for EADDRINUSE.
func isInUse(err error) bool {
	const wsaAddrInUse = syscall.Errno(10048)
	return errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, wsaAddrInUse)
}

func closeAll(listeners []net.Listener) {
	for _, listener := range listeners {
		_ = listener.Close()
	}
}
