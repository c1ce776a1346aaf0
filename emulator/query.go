package emulator

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// selection is the part of SOQL that clients use right after a login:
// SELECT a, b FROM Object [WHERE c = 'text'] [LIMIT n].
type selection struct {
	fields       []string
	object       string
	where, value string
	limit        int // -1: none
}

var (
	selectSyntax = syntax(`(?is)^\s*select\s+([\w\s,.()]+?)\s+from\s+(\w+)\b(.*)$`)
	whereSyntax  = syntax(`(?is)\bwhere\s+(\w+)\s*=\s*'([^'\\]*)'`)
	limitSyntax  = syntax(`(?is)\blimit\s+(\d{1,6})\b`)
)

// syntax compiles a pattern when it is first used: a program that only links the emulator starts faster for it.
func syntax(pattern string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })
}

func parseQuery(soql string) (selection, bool) {
	match := selectSyntax().FindStringSubmatch(soql)
	if match == nil {
		return selection{}, false
	}
	query := selection{object: match[2], limit: -1}
	for field := range strings.SplitSeq(match[1], ",") {
		query.fields = append(query.fields, strings.TrimSpace(field))
	}
	if where := whereSyntax().FindStringSubmatch(match[3]); where != nil {
		query.where, query.value = where[1], where[2]
	}
	if limit := limitSyntax().FindStringSubmatch(match[3]); limit != nil {
		query.limit, _ = strconv.Atoi(limit[1]) // six digits
	}
	return query, true
}

// query answers SOQL on User, Organization and, in a dev hub, ScratchOrgInfo.
func (s *Server) query(c *call, a *session) {
	query, ok := parseQuery(c.form.Get("q"))
	if !ok {
		c.refuseData(http.StatusBadRequest, "MALFORMED_QUERY", "unexpected token: query must begin with SELECT … FROM …")
		return
	}
	switch strings.ToLower(query.object) {
	case "organization":
		s.answerQuery(c, query, "Organization", s.records("Organization", a))
	case "user":
		s.answerQuery(c, query, "User", s.records("User", a))
	case "scratchorginfo":
		if s.owner(a).org.DevHub {
			writeRows(c, nil)
			return
		}
		fallthrough
	default:
		c.refuseData(http.StatusBadRequest, "INVALID_TYPE", fmt.Sprintf("sObject type '%s' is not supported.", query.object))
	}
}

// toolingQuery answers the one question that the Salesforce CLI asks there: no sandbox is being made.
func (s *Server) toolingQuery(c *call, _ *session) {
	query, ok := parseQuery(c.form.Get("q"))
	switch {
	case !ok:
		c.refuseData(http.StatusBadRequest, "MALFORMED_QUERY", "unexpected token: query must begin with SELECT … FROM …")
	case strings.EqualFold(query.object, "SandboxProcess"):
		writeRows(c, nil)
	default:
		c.refuseData(http.StatusBadRequest, "INVALID_TYPE", fmt.Sprintf("sObject type '%s' is not supported.", query.object))
	}
}

func (s *Server) answerQuery(c *call, query selection, object string, rows []record) {
	names := map[string]string{} // lower case to real
	for name := range maps.Keys(rows[0]) {
		names[strings.ToLower(name)] = name
	}
	for _, field := range append(slices.Clone(query.fields), query.where) {
		if field != "" && names[strings.ToLower(field)] == "" {
			c.refuseData(http.StatusBadRequest, "INVALID_FIELD", fmt.Sprintf("No such column '%s' on entity '%s'.", field, object))
			return
		}
	}
	var found []record
	for _, row := range rows {
		if query.where != "" && !equalText(row[names[strings.ToLower(query.where)]], query.value) {
			continue
		}
		if query.limit >= 0 && len(found) == query.limit {
			break
		}
		picked := record{"attributes": attributes(c, object, row)}
		for _, field := range query.fields {
			name := names[strings.ToLower(field)]
			picked[name] = row[name]
		}
		found = append(found, picked)
	}
	writeRows(c, found)
}

// equalText compares as SOQL does: without regard to case, and a 15-character id with an 18-character one.
func equalText(value any, text string) bool {
	have, ok := value.(string)
	return ok && (strings.EqualFold(have, text) || (len(text) == 15 && id15(have) == text))
}

// writeRows answers a query. sf asks a second time with columns=true and reads columnMetadata.
func writeRows(c *call, rows []record) {
	if rows == nil {
		rows = []record{}
	}
	answer := map[string]any{"totalSize": len(rows), "done": true, "records": rows}
	if c.form.Get("columns") == "true" {
		answer["columnMetadata"] = []any{}
	}
	c.writeJSON(http.StatusOK, answer)
}
