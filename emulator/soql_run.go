package emulator

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// record is a row of the data API. A value is nil, a string, a bool, an int or a time.Time.
type record map[string]any

// run answers a parsed query over an object's rows: those that match, in order, and the columns asked for.
func (q *selection) run(of *object, rows []record, soql string, now time.Time) (found []record, columns []string, no *soqlError) {
	columns, no = q.columns(of, soql)
	if no != nil {
		return nil, nil, no
	}
	if q.where != nil {
		if no := q.where.resolve(of, soql, now); no != nil {
			return nil, nil, no
		}
	}
	for i := range q.order {
		column, no := of.column(q.order[i].field, soql)
		if no != nil {
			return nil, nil, no
		}
		q.order[i].field.text = column.name
	}
	for _, row := range rows {
		if q.where == nil || q.where.holds(row, now) {
			found = append(found, row)
		}
	}
	slices.SortStableFunc(found, q.compare)
	found = found[min(q.offset, len(found)):]
	if q.limit >= 0 {
		found = found[:min(q.limit, len(found))]
	}
	return found, columns, nil
}

func (q *selection) columns(of *object, soql string) ([]string, *soqlError) {
	var names []string
	switch q.all {
	case "":
	case "all", "standard":
		for _, column := range of.columns {
			names = append(names, column.name)
		}
	case "custom":
	default:
		return nil, malformed("unexpected token: '%s'", q.all)
	}
	for _, field := range q.fields {
		column, no := of.column(field, soql)
		if no != nil {
			return nil, no
		}
		if slices.Contains(names, column.name) {
			return nil, &soqlError{"INVALID_FIELD", "duplicate field selected: " + field.text}
		}
		names = append(names, column.name)
	}
	return names, nil
}

func (q *selection) compare(a, b record) int {
	for _, by := range q.order {
		x, y := a[by.field.text], b[by.field.text]
		if (x == nil) != (y == nil) {
			if (x == nil) != by.nullsLast {
				return -1
			}
			return 1
		}
		if d := order(x, y); d != 0 {
			if by.descending {
				return -d
			}
			return d
		}
	}
	return 0
}

// order compares two values of one kind; strings without regard to case.
func order(x, y any) int {
	switch x := x.(type) {
	case string:
		if y, ok := y.(string); ok {
			return cmp.Compare(strings.ToLower(x), strings.ToLower(y))
		}
	case int:
		if y, ok := y.(int); ok {
			return cmp.Compare(x, y)
		}
	case time.Time:
		if y, ok := y.(time.Time); ok {
			return x.Compare(y)
		}
	case bool:
		if y, ok := y.(bool); ok && x != y {
			if y {
				return -1
			}
			return 1
		}
	}
	return 0
}

// resolve checks the fields and literals of a condition before any row is looked at, as Salesforce does.
func (c *condition) resolve(of *object, soql string, now time.Time) *soqlError {
	for _, part := range c.parts {
		if no := part.resolve(of, soql, now); no != nil {
			return no
		}
	}
	if c.join != "" {
		return nil
	}
	column, no := of.column(c.field, soql)
	if no != nil {
		return no
	}
	c.field.text = column.name
	if c.operator == "like" && !column.textual() {
		return &soqlError{"INVALID_QUERY_FILTER_OPERATOR", fmt.Sprintf("invalid operator on %s field", column.kind)}
	}
	for _, value := range c.values {
		if _, _, ok := literalValue(value, column.kind, now); !ok {
			return &soqlError{"INVALID_FIELD", fmt.Sprintf("value of filter criterion for field '%s' must be of type %s and should be enclosed in quotes only if that type is text", column.name, column.kind)}
		}
	}
	return nil
}

func (c *condition) holds(row record, now time.Time) bool {
	switch c.join {
	case "and":
		return !slices.ContainsFunc(c.parts, func(part *condition) bool { return !part.holds(row, now) })
	case "or":
		return slices.ContainsFunc(c.parts, func(part *condition) bool { return part.holds(row, now) })
	case "not":
		return !c.parts[0].holds(row, now)
	}
	have := row[c.field.text]
	matches := func(value lexeme) bool { return matches(have, c.operator, value, now) }
	switch c.operator {
	case "in":
		return slices.ContainsFunc(c.values, func(v lexeme) bool { return equal(have, v, now) })
	case "not in":
		return !slices.ContainsFunc(c.values, func(v lexeme) bool { return equal(have, v, now) })
	}
	return matches(c.values[0])
}

func matches(have any, operator string, value lexeme, now time.Time) bool {
	switch operator {
	case "=":
		return equal(have, value, now)
	case "!=":
		return !equal(have, value, now)
	case "like":
		text, ok := have.(string)
		return ok && like(strings.ToLower(text), strings.ToLower(value.text))
	}
	from, to, ok := literalValue(value, kindOf(have), now)
	if !ok || from == nil || have == nil {
		return false
	}
	switch operator { // a day is a span: before it, within it, after it
	case "<":
		return order(have, from) < 0
	case "<=":
		return order(have, from) < 0 || order(have, to) <= 0
	case ">":
		return order(have, to) > 0
	}
	return order(have, from) >= 0
}

// equal compares as SOQL does: without regard to case, and a 15-character id with an 18-character one.
func equal(have any, value lexeme, now time.Time) bool {
	from, to, ok := literalValue(value, kindOf(have), now)
	if !ok {
		return value.is("null") && have == nil
	}
	if have == nil || from == nil {
		return have == nil && from == nil
	}
	if text, isText := have.(string); isText {
		wanted := from.(string)
		return strings.EqualFold(text, wanted) || (len(wanted) == 15 && len(text) == 18 && id15(text) == wanted)
	}
	return order(have, from) >= 0 && order(have, to) <= 0
}

func kindOf(value any) string {
	switch value.(type) {
	case bool:
		return "boolean"
	case int:
		return "int"
	case time.Time:
		return "datetime"
	}
	return "string"
}

// literalValue reads a literal for a column of a kind; a day is the span from its first to its last moment. null fits all.
func literalValue(l lexeme, kind string, now time.Time) (from, to any, ok bool) {
	if l.is("null") {
		return nil, nil, true
	}
	switch kind {
	case "boolean":
		ok = l.is("true") || l.is("false")
		return l.is("true"), l.is("true"), ok
	case "int":
		n, err := strconv.Atoi(l.text)
		return n, n, l.kind == number && err == nil
	case "datetime":
		first, last, ok := moment(l, now)
		return first, last, ok
	}
	return l.text, l.text, l.kind == quotation
}

// moment reads a date, a time or one of the date literals that concern days.
func moment(l lexeme, now time.Time) (from, to time.Time, ok bool) {
	if l.kind == number {
		for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05Z0700"} {
			if at, err := time.Parse(layout, l.text); err == nil {
				return at, at, true
			}
		}
		at, err := time.Parse(time.DateOnly, l.text)
		return at, at.AddDate(0, 0, 1).Add(-time.Nanosecond), err == nil
	}
	today := now.UTC().Truncate(24 * time.Hour)
	day := func(first, days int) (time.Time, time.Time, bool) {
		return today.AddDate(0, 0, first), today.AddDate(0, 0, first+days).Add(-time.Nanosecond), true
	}
	name, count, _ := strings.Cut(strings.ToUpper(l.text), ":")
	n, _ := strconv.Atoi(count) // the parser has checked it
	switch {
	case l.kind != word:
	case name == "TODAY":
		return day(0, 1)
	case name == "YESTERDAY":
		return day(-1, 1)
	case name == "TOMORROW":
		return day(1, 1)
	case name == "LAST_N_DAYS" && count != "":
		return day(-n, n+1)
	case name == "NEXT_N_DAYS" && count != "":
		return day(1, n)
	}
	return time.Time{}, time.Time{}, false
}

// like matches % and _ in linear space and, at worst, quadratic time.
func like(text, pattern string) bool {
	t, p := []rune(text), []rune(pattern)
	star, mark := -1, 0
	i, j := 0, 0
	for i < len(t) {
		literal := j < len(p) && p[j] == '\\' && j+1 < len(p)
		switch {
		case literal && p[j+1] == t[i]:
			i, j = i+1, j+2
		case j < len(p) && !literal && p[j] == '%':
			star, mark = j, i
			j++
		case j < len(p) && !literal && (p[j] == '_' || p[j] == t[i]):
			i, j = i+1, j+1
		case star >= 0:
			mark++
			i, j = mark, star+1
		default:
			return false
		}
	}
	for j < len(p) && p[j] == '%' {
		j++
	}
	return j == len(p)
}
