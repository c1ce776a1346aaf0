package wire

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Diagram returns exchanges as a sequence diagram in Mermaid's language, which GitHub and many editors draw. client names
// the side that asks. Each arrow carries what the request or the answer was about; secrets are placeholders there too.
func Diagram(exchanges []Exchange, client string) string {
	var out strings.Builder
	fmt.Fprintf(&out, "sequenceDiagram\n    autonumber\n    participant client as %s\n", plain(client))
	var hosts []string
	for _, x := range exchanges {
		if host := hostOf(x.URL); !slices.Contains(hosts, host) {
			hosts = append(hosts, host)
			fmt.Fprintf(&out, "    participant host%d as %s\n", len(hosts), plain(host))
		}
	}
	for _, x := range exchanges {
		to := fmt.Sprintf("host%d", slices.Index(hosts, hostOf(x.URL))+1)
		about := append(slices.Clone(x.Query), x.Form...)
		if x.Bearer != "" {
			about = append(about, Field{"Authorization", x.Bearer})
		}
		fmt.Fprintf(&out, "    client->>%s: %s\n", to, message(x.Method+" "+pathOf(x.URL), about))
		if x.Status == 0 {
			fmt.Fprintf(&out, "    %s--xclient: %s\n", to, plain(x.Err))
			continue
		}
		status := strings.TrimSpace(fmt.Sprintf("%d %s", x.Status, http.StatusText(x.Status)))
		fmt.Fprintf(&out, "    %s-->>client: %s\n", to, message(status+" after "+x.Duration.Round(1e6).String(), append(slices.Clone(x.Answer), x.Carried...)))
		if x.Err != "" {
			fmt.Fprintf(&out, "    Note over client: %s\n", plain(x.Err))
		}
	}
	return out.String()
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return "?"
	}
	return u.Host
}

func pathOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Path == "" {
		return "/"
	}
	return u.Path
}

// What one arrow carries; the archive has the rest.
const (
	maxArrow  = 60 // characters of a value
	maxFields = 12
)

func message(head string, fields []Field) string {
	lines := []string{plain(head)}
	for i, f := range fields {
		if i == maxFields {
			return strings.Join(append(lines, "…"), "<br/>")
		}
		value := f.Value
		if runes := []rune(value); len(runes) > maxArrow {
			value = string(runes[:maxArrow]) + "…"
		}
		lines = append(lines, plain(f.Name+"="+value))
	}
	return strings.Join(lines, "<br/>")
}

// plain writes what Mermaid would take for its own as entity codes, without the ampersand that HTML's have.
func plain(text string) string {
	var out strings.Builder
	for _, r := range text {
		switch {
		case r == '\n', r == '\r', r == '\t':
			out.WriteByte(' ')
		case strings.ContainsRune(`#;<>"%{}`, r):
			fmt.Fprintf(&out, "#%d;", r)
		default:
			out.WriteRune(r)
		}
	}
	return out.String()
}
