package doctor

import (
	"context"
	"time"

	"github.com/sftoken/sftoken"
)

// change is something that Salesforce has announced, for grants of a flow.
type change struct {
	id     string
	from   time.Time
	season string // where no day is known
	source string
}

func date(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

// changes are those that hit whatever the flow is. All are as others quote the release notes of Winter '27. Those of a flow
// are in sftoken.FlowFacts.
var changes = []change{
	{id: "ahead-idle", from: date(2026, time.November, 4), source: "Winter '27 release notes, page 954"},
	{id: "ahead-connected-app", from: date(2027, time.June, 1), season: "Summer '27", source: "Winter '27 release notes, page 950"},
}

// ahead tells of announced changes that will hit this app, with their date and how sure it is.
func ahead(_ context.Context, x *examination) []Finding {
	if x.App.Host.IsZero() || x.App.Host.IsLoopback() {
		return nil
	}
	flow := sftoken.FlowWebServer
	if x.grant != nil {
		flow = x.grant.Flow
	}
	facts := flow.Facts()
	var all []Finding
	if end := facts.Ending; !end.IsZero() {
		all = append(all, found(Warning, "ahead-flow", "flow", flow, "date", end.On.Format(time.DateOnly), "narrowed", end.Narrowed,
			"sure", string(end.Evidence), "source", end.Source, "over", x.Now.After(end.On)))
	}
	for _, c := range changes {
		if c.id == "ahead-idle" && !facts.RefreshToken || c.id == "ahead-connected-app" && x.App.ClientID == sftoken.PlatformCLI {
			continue
		}
		when := c.season
		if when == "" {
			when = c.from.Format(time.DateOnly)
		}
		all = append(all, found(Note, c.id, "date", when, "sure", string(sftoken.Quoted), "source", c.source, "over", x.Now.After(c.from)))
	}
	return all
}
