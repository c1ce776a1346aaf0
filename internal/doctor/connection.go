package doctor

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/sftoken/sftoken"
)

// dns looks the login host up, unless a proxy does.
func dns(ctx context.Context, x *examination) []Finding {
	host := hostname(x.App.Host)
	if _, err := netip.ParseAddr(host); err == nil || host == "" || !x.Environment.Direct {
		return nil
	}
	addresses, err := net.DefaultResolver.LookupHost(ctx, host)
	if err != nil {
		x.mu.Lock()
		x.nameless = true
		x.mu.Unlock()
		return []Finding{failed(Failure, "dns", &sftoken.TransportError{Endpoint: "discovery", URL: x.App.Host.String(), Err: err}, "host", host)}
	}
	return []Finding{found(OK, "dns", "host", host, "addresses", strings.Join(addresses[:min(len(addresses), 3)], ", "))}
}

func hostname(host sftoken.Host) string {
	u, err := url.Parse(host.String())
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// connection asks the login host for its discovery document: that shows DNS, proxy and TLS on the way, whether Salesforce is
// at the end of it, and what time it is there.
func connection(ctx context.Context, x *examination) []Finding {
	_, err := x.client.Discover(ctx)
	if wire, ok := errors.AsType[*sftoken.Error](err); ok && wire.Status < 500 && wire.Status != 420 && wire.Status != 406 {
		err = nil // something answers there, and the document is not what is needed
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "proxyconnect" {
		f := failed(Failure, "connection-proxy", err)
		f.Entry = nil // which speaks of the login host
		return []Finding{f}
	}
	if err != nil {
		return []Finding{failed(Failure, "connection", err, "host", x.App.Host)}
	}
	x.mu.Lock()
	x.connected = true
	x.mu.Unlock()
	issuer := x.answer.issuer()
	switch {
	case issuer == "":
		return []Finding{found(OK, "connection-plain", "host", x.App.Host)}
	case inspects(issuer):
		return []Finding{found(Note, "connection-inspected", "host", x.App.Host, "issuer", issuer)}
	}
	return []Finding{found(OK, "connection", "host", x.App.Host, "issuer", issuer)}
}

// inspectors are makers of proxies that read along, as their certificates name themselves.
var inspectors = []string{
	"zscaler", "netskope", "blue coat", "bluecoat", "fortinet", "fortigate", "palo alto", "cisco umbrella", "skyhigh", "mcafee",
	"forcepoint", "websense", "sophos", "check point", "cato networks", "menlo security", "barracuda", "watchguard", "squid", "mitmproxy",
}

func inspects(issuer string) bool {
	issuer = strings.ToLower(issuer)
	for _, name := range inspectors {
		if strings.Contains(issuer, name) {
			return true
		}
	}
	return false
}

// Salesforce takes an assertion for three minutes (H: remoteaccess_oauth_jwt_flow); a minute is worth a word.
const (
	skewWorth = time.Minute
	skewLimit = 3 * time.Minute
)

// clock compares this machine's clock with the Date header of an answer.
func clock(_ context.Context, x *examination) []Finding {
	skew, ok := x.answer.skew()
	if !ok {
		return nil
	}
	data := []any{"skew", skew.Abs().String(), "ahead", skew > 0}
	switch {
	case skew.Abs() > skewLimit:
		return []Finding{found(Failure, "clock", data...).explained("jwt-expired")}
	case skew.Abs() > skewWorth:
		return []Finding{found(Warning, "clock", data...).explained("jwt-expired")}
	}
	return []Finding{found(OK, "clock-right", data...)}
}
