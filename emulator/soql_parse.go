package emulator

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// soqlError is a refusal of a query, with one of the data API's codes.
type soqlError struct{ code, message string }

func malformed(format string, args ...any) *soqlError {
	return &soqlError{"MALFORMED_QUERY", fmt.Sprintf(format, args...)}
}

// selection is a query: SELECT … FROM one object [WHERE …] [ORDER BY …] [LIMIT n] [OFFSET n]. What else SOQL has (aggregates,
// grouping, subqueries, relationships) is refused, with a text that says so where Salesforce would have answered.
type selection struct {
	fields []lexeme // names; empty for COUNT()
	all    string   // FIELDS(all)
	object string
	where  *condition
	order  []ordering
	limit  int // -1: none
	offset int
}

// condition is a comparison, or "and", "or", "not" of others.
type condition struct {
	join     string
	parts    []*condition
	field    lexeme
	operator string // of a comparison, lower case
	values   []lexeme
}

type ordering struct {
	field      lexeme
	descending bool
	nullsLast  bool
}

// maxQuery is Salesforce's longest query; maxDepth keeps brackets from exhausting the stack.
const (
	maxQuery = 100_000
	maxDepth = 50
)

type soqlParser struct {
	lexemes []lexeme
	at      int
	depth   int
}

func parseQuery(soql string) (*selection, *soqlError) {
	if len(soql) > maxQuery {
		return nil, &soqlError{"QUERY_TOO_COMPLICATED", "The query is longer than 100000 characters"}
	}
	lexemes, no := lex(soql)
	if no != nil {
		return nil, no
	}
	p := &soqlParser{lexemes: lexemes}
	query := &selection{limit: -1}
	for _, clause := range []func(*selection) *soqlError{p.selected, p.from, p.filtered, p.ordered, p.bounded} {
		if no := clause(query); no != nil {
			return nil, no
		}
	}
	return query, nil
}

func (p *soqlParser) peek() lexeme { return p.lexemes[p.at] }

func (p *soqlParser) take() lexeme {
	l := p.lexemes[p.at]
	if l.kind != endOfQuery {
		p.at++
	}
	return l
}

// accept takes the keywords if all of them come next.
func (p *soqlParser) accept(keywords ...string) bool {
	for i, keyword := range keywords {
		if p.at+i >= len(p.lexemes) || !p.lexemes[p.at+i].is(keyword) {
			return false
		}
	}
	p.at += len(keywords)
	return true
}

func (p *soqlParser) unexpected() *soqlError {
	l := p.peek()
	if l.kind == endOfQuery {
		return malformed("unexpected token: '<EOF>'")
	}
	return malformed("unexpected token: '%s'", l.text)
}

// keywords cannot be the name of a field or an object.
var keywords = []string{"select", "from", "where", "and", "or", "not", "order", "by", "limit", "offset", "group", "having", "like", "in"}

func (p *soqlParser) name() (lexeme, *soqlError) {
	if l := p.peek(); l.kind != word || slices.Contains(keywords, strings.ToLower(l.text)) || strings.HasSuffix(l.text, ".") {
		return lexeme{}, p.unexpected()
	}
	return p.take(), nil
}

func (p *soqlParser) selected(query *selection) *soqlError {
	if !p.accept("select") {
		return p.unexpected()
	}
	if p.accept("count", "(", ")") {
		return nil
	}
	for {
		if p.peek().is("(") || p.peek().is("typeof") {
			return malformed("subqueries and TYPEOF are not emulated")
		}
		field, no := p.name()
		if no != nil {
			return no
		}
		switch {
		case field.is("fields") && p.accept("("):
			group, no := p.name()
			if no != nil || !p.accept(")") {
				return p.unexpected()
			}
			query.all = strings.ToLower(group.text)
		case p.peek().is("("):
			return malformed("functions such as %s() are not emulated", field.text)
		default:
			query.fields = append(query.fields, field)
		}
		if !p.accept(",") {
			return nil
		}
	}
}

func (p *soqlParser) from(query *selection) *soqlError {
	if !p.accept("from") {
		return p.unexpected()
	}
	object, no := p.name()
	if no != nil {
		return no
	}
	query.object = object.text
	if p.accept(",") || p.accept("using") {
		return malformed("only one object, without scope, is emulated")
	}
	return nil
}

func (p *soqlParser) filtered(query *selection) (no *soqlError) {
	if p.accept("where") {
		query.where, no = p.either()
	}
	if no == nil && p.accept("with") {
		if !p.accept("security_enforced") && !p.accept("user_mode") && !p.accept("system_mode") {
			return p.unexpected()
		}
	}
	if no == nil && (p.peek().is("group") || p.peek().is("having")) {
		return malformed("GROUP BY and HAVING are not emulated")
	}
	return no
}

// either is a chain of OR. Salesforce refuses AND and OR without brackets between them.
func (p *soqlParser) either() (*condition, *soqlError) {
	if p.depth++; p.depth > maxDepth {
		return nil, &soqlError{"QUERY_TOO_COMPLICATED", "The query has too many brackets"}
	}
	defer func() { p.depth-- }()
	first, no := p.single()
	if no != nil {
		return nil, no
	}
	joined := &condition{parts: []*condition{first}}
	for p.peek().is("and") || p.peek().is("or") {
		join := strings.ToLower(p.peek().text)
		if joined.join != "" && join != joined.join {
			return nil, p.unexpected()
		}
		joined.join = join
		p.take()
		next, no := p.single()
		if no != nil {
			return nil, no
		}
		joined.parts = append(joined.parts, next)
	}
	if joined.join == "" {
		return first, nil
	}
	return joined, nil
}

func (p *soqlParser) single() (*condition, *soqlError) {
	switch {
	case p.accept("not"):
		if p.depth++; p.depth > maxDepth {
			return nil, &soqlError{"QUERY_TOO_COMPLICATED", "The query has too many brackets"}
		}
		defer func() { p.depth-- }()
		inner, no := p.single()
		return &condition{join: "not", parts: []*condition{inner}}, no
	case p.accept("("):
		inner, no := p.either()
		if no == nil && !p.accept(")") {
			no = p.unexpected()
		}
		return inner, no
	}
	field, no := p.name()
	if no != nil {
		return nil, no
	}
	c := &condition{field: field}
	switch {
	case p.accept("not", "in"):
		c.operator = "not in"
	case p.accept("in"):
		c.operator = "in"
	case p.accept("like"):
		c.operator = "like"
	case p.peek().kind == mark && slices.Contains([]string{"=", "!=", "<>", "<", "<=", ">", ">="}, p.peek().text):
		c.operator = strings.Replace(p.take().text, "<>", "!=", 1)
	default:
		return nil, p.unexpected()
	}
	if c.operator == "in" || c.operator == "not in" {
		c.values, no = p.list()
		return c, no
	}
	value, no := p.value()
	c.values = []lexeme{value}
	return c, no
}

func (p *soqlParser) list() ([]lexeme, *soqlError) {
	if !p.accept("(") {
		return nil, p.unexpected()
	}
	var values []lexeme
	for {
		value, no := p.value()
		if no != nil {
			return nil, no
		}
		values = append(values, value)
		if p.accept(")") {
			return values, nil
		}
		if !p.accept(",") {
			return nil, p.unexpected()
		}
	}
}

// value is a literal. LAST_N_DAYS:3 is one.
func (p *soqlParser) value() (lexeme, *soqlError) {
	l := p.peek()
	if l.kind != quotation && l.kind != number && (l.kind != word || slices.Contains(keywords, strings.ToLower(l.text))) {
		return lexeme{}, p.unexpected()
	}
	p.take()
	if l.kind == word && p.accept(":") {
		count := p.take()
		if _, err := strconv.ParseUint(count.text, 10, 16); err != nil {
			return lexeme{}, malformed("unexpected token: '%s'", count.text)
		}
		l.text += ":" + count.text
	}
	return l, nil
}

func (p *soqlParser) ordered(query *selection) *soqlError {
	if !p.accept("order", "by") {
		return nil
	}
	for {
		field, no := p.name()
		if no != nil {
			return no
		}
		by := ordering{field: field}
		if !p.accept("asc") {
			by.descending = p.accept("desc")
		}
		if !p.accept("nulls", "first") {
			by.nullsLast = p.accept("nulls", "last")
		}
		query.order = append(query.order, by)
		if !p.accept(",") {
			return nil
		}
	}
}

func (p *soqlParser) bounded(query *selection) *soqlError {
	count := func() (int, *soqlError) {
		l := p.take()
		n, err := strconv.ParseUint(l.text, 10, 31)
		if err != nil {
			return 0, malformed("unexpected token: '%s'", l.text)
		}
		return int(n), nil
	}
	var no *soqlError
	if p.accept("limit") {
		query.limit, no = count()
	}
	if no == nil && p.accept("offset") {
		query.offset, no = count()
	}
	switch {
	case no != nil:
		return no
	case query.offset > 2000:
		return &soqlError{"NUMBER_OUTSIDE_VALID_RANGE", "Maximum SOQL offset allowed is 2000"}
	case query.all != "" && (query.limit < 0 || query.limit > 200) && query.all != "standard":
		return malformed("The SOQL FIELDS function must have a LIMIT of at most 200")
	}
	_ = p.accept("for", "view") || p.accept("for", "reference")
	if p.peek().kind != endOfQuery {
		return p.unexpected()
	}
	return nil
}
