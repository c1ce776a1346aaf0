package doctor

import (
	"context"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/sftoken/sftoken/internal/callback"
)

// environment says what of this machine makes a login in the browser different.
func environment(_ context.Context, x *examination) []Finding {
	var all []Finding
	if x.Environment.NoBrowser != "" {
		all = append(all, found(Note, "browser-"+x.Environment.NoBrowser))
	}
	if x.Environment.WSL {
		all = append(all, found(Note, "wsl"))
	}
	if len(all) == 0 {
		return []Finding{found(OK, "environment")}
	}
	return all
}

// port binds the callback's port and gives it back at once. A grant that lives needs it at the next login only.
func port(ctx context.Context, x *examination) []Finding {
	redirect := x.App.RedirectURI
	if redirect == "" {
		return nil
	}
	server, err := callback.Listen(ctx, callback.Options{RedirectURI: redirect, Match: func(string) bool { return false }})
	if err == nil {
		return []Finding{closed(server, redirect)}
	}
	if _, ok := errors.AsType[*callback.NotListenableError](err); ok {
		return []Finding{failed(Note, "port-paste", err, "redirect", redirect)}
	}
	level := Failure
	if !deadOrGone(x.Grant) || x.Pasted != nil && x.Pasted.final() {
		level = Note
	}
	return []Finding{failed(level, "port", err, "redirect", redirect)}
}

func closed(server *callback.Server, redirect string) Finding {
	_ = server.Close() // nobody has come
	return found(OK, "port", "redirect", redirect)
}

// proxies looks at the variables that send requests through a proxy.
func proxies(_ context.Context, x *examination) []Finding {
	var all []Finding
	for _, name := range slices.Sorted(maps.Keys(x.Environment.Proxies)) {
		value := x.Environment.Proxies[name]
		if strings.EqualFold(name, "NO_PROXY") {
			continue
		}
		if !strings.Contains(value, "://") {
			value = "http://" + value
		}
		u, err := url.Parse(value)
		switch {
		case err != nil || u.Hostname() == "":
			all = append(all, found(Failure, "proxy-malformed", "name", name))
		case u.Scheme == "https":
			// observed: a company's proxy speaks plain http, and the address was written with https
			level := Warning
			if x.connected {
				level = Note
			}
			all = append(all, found(level, "proxy-https", "name", name, "proxy", u.Host).explained("network-tls"))
		default:
			all = append(all, found(Note, "proxy", "name", name, "proxy", u.Host))
		}
	}
	if len(all) == 0 {
		return []Finding{found(OK, "proxy-none")}
	}
	return all
}
