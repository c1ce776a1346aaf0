package emulator

import (
	"net/netip"
	"time"
)

// loginEvent is a row of LoginHistory.
type loginEvent struct {
	number           int
	who              *account
	at               time.Time
	source           netip.Addr
	kind, status     string
	application, url string
	browser          string
}

// maxHistory bounds what is remembered of each emulator, oldest forgotten first. Salesforce keeps six months.
const maxHistory = 20_000

// noteLogin adds a row to LoginHistory. The words are those of the object's documentation as far as they are known: Success,
// Invalid Password and Restricted IP are V, the rest B.
func (s *Server) noteLogin(c *call, who *account, app *App, how use, status string) {
	event := loginEvent{
		who: who, at: s.now(), status: status, source: s.address(c),
		kind: "Application", application: "Browser", url: hostname(c.r.Host), browser: c.r.UserAgent(),
	}
	switch {
	case app != nil:
		event.kind, event.application = "Remote Access 2.0", app.name()
	case how == byOther:
		event.kind, event.application = "Other Apex API", "N/A"
	}
	s.org.mu.Lock()
	defer s.org.mu.Unlock()
	s.org.events++
	event.number = s.org.events
	if len(s.org.history) >= maxHistory {
		s.org.history = append(s.org.history[:0], s.org.history[maxHistory/4:]...)
	}
	s.org.history = append(s.org.history, event)
}

// historyOf returns the logins of an org, newest first; of one user only unless userID is "".
func (s *Server) historyOf(orgID, userID string) []loginEvent {
	s.org.mu.Lock()
	defer s.org.mu.Unlock()
	var found []loginEvent
	for i := len(s.org.history) - 1; i >= 0; i-- {
		if event := s.org.history[i]; event.who.org.ID == orgID && (userID == "" || event.who.id() == userID) {
			found = append(found, event)
		}
	}
	return found
}

// sourceIP is nil for a request that came without an address.
func sourceIP(addr netip.Addr) any {
	if !addr.IsValid() {
		return nil
	}
	return addr.String()
}
