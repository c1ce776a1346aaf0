package rest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Row is a record laid flat: the fields of a parent are "Account.Name". The children that a subquery brings stay JSON.
type Row struct {
	Names  []string // in the order of the answer
	Values map[string]string
}

// Flatten lays a record flat.
func Flatten(record json.RawMessage) (*Row, error) {
	row := &Row{Values: map[string]string{}}
	return row, row.add("", record)
}

var errNoObject = errors.New("a record is no JSON object")

func (r *Row) add(prefix string, object json.RawMessage) error {
	d := json.NewDecoder(bytes.NewReader(object))
	if start, err := d.Token(); err != nil || start != json.Delim('{') {
		return cmp.Or(err, errNoObject)
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return err
		}
		full := prefix + name.(string) // within an object the decoder gives strings for names
		switch {
		case name == "attributes":
		case value[0] == '{' && !isChildren(value):
			if err := r.add(full+".", value); err != nil {
				return err
			}
		default:
			r.Names = append(r.Names, full)
			r.Values[full] = plain(value)
		}
	}
	return nil
}

// isChildren recognises the answer of a subquery within a record.
func isChildren(value json.RawMessage) bool {
	var children struct{ Records *[]json.RawMessage }
	return json.Unmarshal(value, &children) == nil && children.Records != nil
}

// plain writes a text without quotes, null as nothing, and the rest as it is.
func plain(value json.RawMessage) string {
	var text *string
	if json.Unmarshal(value, &text) == nil {
		if text == nil {
			return ""
		}
		return *text
	}
	var compact bytes.Buffer
	if json.Compact(&compact, value) != nil {
		return string(value)
	}
	return compact.String()
}

// Value finds a column as SOQL does, without regard to case.
func (r *Row) Value(column string) string {
	if value, ok := r.Values[column]; ok {
		return value
	}
	for name, value := range r.Values {
		if strings.EqualFold(name, column) {
			return value
		}
	}
	return ""
}

var (
	selectList = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?is)^\s*select\s+([\w\s,.]+?)\s+from\s`)
	})
	fieldName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^\w+(\.\w+)*$`) })
)

// Columns are those that a query names, if it names plain fields only. The records cannot tell: where a parent is missing,
// so are its fields.
func Columns(soql string) (columns []string, ok bool) {
	match := selectList().FindStringSubmatch(soql)
	if match == nil {
		return nil, false
	}
	for field := range strings.SplitSeq(match[1], ",") {
		if field = strings.TrimSpace(field); !fieldName().MatchString(field) {
			return nil, false
		}
		columns = append(columns, field)
	}
	return columns, true
}

// ColumnsOf are those that rows have, for queries whose columns only the answer tells.
func ColumnsOf(rows []*Row) []string {
	var columns []string
	have := map[string]bool{}
	for _, row := range rows {
		for _, name := range row.Names {
			if !have[name] {
				have[name] = true
				columns = append(columns, name)
			}
		}
	}
	// A parent that is missing in one row and there in another has its fields, and no column of its own.
	return slices.DeleteFunc(columns, func(name string) bool {
		return slices.ContainsFunc(columns, func(other string) bool { return strings.HasPrefix(other, name+".") })
	})
}
