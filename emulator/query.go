package emulator

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// syntax compiles a pattern when it is first used: a program that only links the emulator starts faster for it.
func syntax(pattern string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })
}

// cursor is the rest of a query's answer.
type cursor struct {
	userID  string
	object  *object
	columns []string
	rows    []record
	batch   int
	made    time.Time
}

const (
	largestBatch  = 2000
	smallestBatch = 200
	maxCursors    = 10 // of a user, oldest forgotten first, as at Salesforce
	cursorLife    = 2 * 24 * time.Hour
)

// query and toolingQuery answer SOQL. The tooling API knows objects of its own beside the data API's.
func (s *Server) query(c *call, a *session)        { s.runQuery(c, a, false) }
func (s *Server) toolingQuery(c *call, a *session) { s.runQuery(c, a, true) }

func (s *Server) runQuery(c *call, a *session, tooling bool) {
	soql := c.form.Get("q")
	query, no := parseQuery(soql)
	if no != nil {
		c.refuseData(http.StatusBadRequest, no.code, no.message)
		return
	}
	who := s.owner(a)
	of := s.objectNamed(query.object, &who.org, tooling)
	if of == nil {
		c.refuseData(http.StatusBadRequest, "INVALID_TYPE", fmt.Sprintf("sObject type '%s' is not supported. If you are attempting to use a custom object, be sure to append the '__c' after the entity name. Please reference your WSDL or the describe call for the appropriate names.", query.object))
		return
	}
	var rows []record
	if of.rows != nil {
		rows = of.rows(s, who)
	}
	found, columns, no := query.run(of, rows, soql, s.now())
	if no != nil {
		c.refuseData(http.StatusBadRequest, no.code, no.message)
		return
	}
	if columns == nil && query.all == "" { // COUNT()
		c.writeJSON(http.StatusOK, map[string]any{"totalSize": len(found), "done": true, "records": []any{}})
		return
	}
	s.page(c, &cursor{userID: who.id(), object: of, columns: columns, rows: found, batch: batchSize(c), made: s.now()}, 0, "")
}

// batchSize is what Sforce-Query-Options asks for, within Salesforce's bounds.
func batchSize(c *call) int {
	name, value, _ := strings.Cut(c.r.Header.Get("Sforce-Query-Options"), "=")
	n, err := strconv.Atoi(strings.TrimSpace(value))
	if !strings.EqualFold(strings.TrimSpace(name), "batchSize") || err != nil {
		return largestBatch
	}
	return min(max(n, smallestBatch), largestBatch)
}

// page writes the rows of k from a place on. When that is not all, the cursor is kept and the answer says where the rest is.
func (s *Server) page(c *call, k *cursor, from int, locator string) {
	until := min(from+k.batch, len(k.rows))
	records := make([]record, 0, until-from)
	for _, row := range k.rows[from:until] {
		records = append(records, c.picked(k.object, row, k.columns))
	}
	answer := map[string]any{"totalSize": len(k.rows), "done": until == len(k.rows), "records": records}
	if until < len(k.rows) {
		if locator == "" {
			locator = s.keep(k)
		}
		answer["nextRecordsUrl"] = fmt.Sprintf("/services/data/%s/query/%s-%d", c.r.PathValue("version"), locator, until)
	}
	// sf asks a second time with columns=true and reads columnMetadata.
	if c.form.Get("columns") == "true" {
		answer["columnMetadata"] = []any{}
	}
	c.writeJSON(http.StatusOK, answer)
}

// picked is a row as an answer has it: attributes, and the columns asked for.
func (c *call) picked(of *object, row record, columns []string) record {
	out := record{"attributes": attributes(c, of.name, row)}
	for _, name := range columns {
		out[name] = wire(row[name])
	}
	return out
}

func (s *Server) keep(k *cursor) string {
	locator := s.org.next("01g")
	s.org.mu.Lock()
	defer s.org.mu.Unlock()
	mine, oldest := 0, ""
	for name, other := range s.org.cursors {
		switch {
		case k.made.Sub(other.made) > cursorLife:
			delete(s.org.cursors, name)
		case other.userID == k.userID:
			if mine++; oldest == "" || name < oldest {
				oldest = name
			}
		}
	}
	if mine >= maxCursors {
		delete(s.org.cursors, oldest)
	}
	s.org.cursors[locator] = k
	return locator
}

// queryMore answers a nextRecordsUrl.
func (s *Server) queryMore(c *call, a *session) {
	locator, place, _ := strings.Cut(c.r.PathValue("locator"), "-")
	from, err := strconv.Atoi(place)
	s.org.mu.Lock()
	k := s.org.cursors[locator]
	s.org.mu.Unlock()
	if k == nil || err != nil || from < 0 || from > len(k.rows) || k.userID != s.owner(a).id() || s.now().Sub(k.made) > cursorLife {
		c.refuseData(http.StatusBadRequest, "INVALID_QUERY_LOCATOR", "invalid query locator")
		return
	}
	s.page(c, k, from, locator)
}
