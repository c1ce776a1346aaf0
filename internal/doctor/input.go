package doctor

import (
	"context"
	"strings"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/store"
)

// input looks at the shapes of what was entered: swapped fields, cut keys, spaces (Flow.Validate). Those of a grant are known
// to have worked.
func input(_ context.Context, x *examination) []Finding {
	switch {
	case x.InputErr != nil:
		return []Finding{failed(Failure, "input", x.InputErr)}
	case x.Grant != nil:
		return nil
	case x.App.ClientID == "" && x.App.Host.IsZero():
		return nil
	case x.App.ClientID == "":
		return []Finding{found(Note, "input-no-client")}
	}
	if err := sftoken.FlowWebServer.Validate(x.App); err != nil {
		return []Finding{failed(Failure, "input", err)}
	}
	return []Finding{found(OK, "input")}
}

// hostClass speaks of the kind of login host. The pools cannot serve apps that are local to an org.
func hostClass(_ context.Context, x *examination) []Finding {
	host := x.App.Host
	if host.IsZero() {
		return nil
	}
	all := []Finding{found(OK, "host", "host", host)}
	if host.IsPool() {
		all = []Finding{found(Note, "host-pool", "host", host)}
	}
	if typed := strings.Trim(x.HostText, " /"); rewritten(typed, host) {
		all = append(all, found(Note, "host-rewritten", "typed", cleanHost(typed), "host", host))
	}
	return all
}

// rewritten reports an address that leads to another host than the one in it.
func rewritten(typed string, host sftoken.Host) bool {
	return strings.Contains(typed, ".") && !strings.Contains(strings.ToLower(typed), strings.TrimPrefix(host.String(), "https://")) && !host.IsLoopback()
}

// cleanHost takes off what may be secret in an address.
func cleanHost(text string) string {
	if at := strings.LastIndex(text, "@"); at >= 0 {
		text = text[at+1:]
	}
	if end := strings.IndexAny(text, "?#"); end >= 0 {
		text = text[:end]
	}
	return text[:min(len(text), 100)]
}

// kept is the health of the store and its keys.
func kept(_ context.Context, x *examination) []Finding {
	if x.Kept == nil {
		return nil
	}
	var all []Finding
	for _, f := range x.Kept.All {
		level := Note
		if f.Problem {
			level = Failure
		}
		data := []any{"alias", f.Alias, "path", f.Path, "id", f.ID}
		// What is wrong with another grant does not keep this one from working.
		if f.Alias != "" && (x.Grant == nil || f.Alias != x.Grant.Alias) {
			if f.Problem {
				level = Warning
			}
		}
		if f.Err != nil {
			all = append(all, failed(level, "store-error", f.Err, data...))
		} else {
			all = append(all, found(level, "store-finding", data...))
		}
	}
	if x.Kept.Problems() == 0 {
		all = append(all, found(OK, "store", "count", x.Kept.Grants))
	}
	return all
}

// deadOrGone reports a grant that is to be logged in to again.
func deadOrGone(g *store.Grant) bool { return g == nil || g.State == store.Dead }
