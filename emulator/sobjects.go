package emulator

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

func (c *call) sobjectRoot() string {
	return "/services/data/" + c.r.PathValue("version") + "/sobjects"
}

// summary is an object as the list and the head of a description have it.
func (c *call) summary(o *object) map[string]any {
	root := c.sobjectRoot() + "/" + o.name
	return map[string]any{
		"name": o.name, "label": o.label, "labelPlural": o.plural, "keyPrefix": o.prefix, "custom": false, "queryable": true,
		"retrieveable": true, "createable": false, "updateable": false, "deletable": false, "searchable": false,
		"urls": map[string]string{"sobject": root, "describe": root + "/describe", "rowTemplate": root + "/{ID}"},
	}
}

// describeGlobal answers /sobjects with the objects that the emulator has: a client may trust the list.
func (s *Server) describeGlobal(c *call, a *session) {
	who := s.owner(a)
	list := []any{}
	for _, o := range objects {
		if s.objectNamed(o.name, &who.org, false) != nil {
			list = append(list, c.summary(o))
		}
	}
	c.writeJSON(http.StatusOK, map[string]any{"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": list})
}

func (s *Server) sobject(c *call, a *session) *object {
	o := s.objectNamed(c.r.PathValue("object"), &s.owner(a).org, false)
	if o == nil {
		c.notFound()
	}
	return o
}

func (s *Server) sobjectInfo(c *call, a *session) {
	if o := s.sobject(c, a); o != nil {
		c.writeJSON(http.StatusOK, map[string]any{"objectDescribe": c.summary(o), "recentItems": []any{}})
	}
}

func (s *Server) describe(c *call, a *session) {
	o := s.sobject(c, a)
	if o == nil {
		return
	}
	answer := c.summary(o)
	fields := []any{}
	for _, column := range o.columns {
		fields = append(fields, map[string]any{
			"name": column.name, "label": column.name, "type": column.kind, "custom": false, "createable": false, "updateable": false,
			"filterable": true, "sortable": true, "nillable": column.name != "Id", "soapType": soapType(column.kind),
		})
	}
	answer["fields"] = fields
	answer["childRelationships"] = []any{}
	answer["recordTypeInfos"] = []any{}
	c.writeJSON(http.StatusOK, answer)
}

func soapType(kind string) string {
	switch kind {
	case "id", "reference":
		return "tns:ID"
	case "boolean":
		return "xsd:boolean"
	case "int":
		return "xsd:int"
	case "datetime":
		return "xsd:dateTime"
	}
	return "xsd:string"
}

// readRecord answers /sobjects/<object>/<id>, all columns or those that fields names.
func (s *Server) readRecord(c *call, a *session) {
	o := s.sobject(c, a)
	if o == nil {
		return
	}
	var columns []string
	for name := range strings.SplitSeq(c.form.Get("fields"), ",") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		i := slices.IndexFunc(o.columns, func(column column) bool { return strings.EqualFold(column.name, name) })
		if i < 0 {
			c.refuseData(http.StatusBadRequest, "INVALID_FIELD", fmt.Sprintf("No such column '%s' on sobject of type %s", name, o.name))
			return
		}
		columns = append(columns, o.columns[i].name)
	}
	if columns == nil {
		for _, column := range o.columns {
			columns = append(columns, column.name)
		}
	}
	var rows []record
	if o.rows != nil {
		rows = o.rows(s, s.owner(a))
	}
	wanted := c.r.PathValue("id")
	i := slices.IndexFunc(rows, func(row record) bool { return id15(row["Id"].(string)) == id15(wanted) })
	switch {
	case i >= 0:
		c.writeJSON(http.StatusOK, c.picked(o, rows[i], columns))
	case (len(wanted) != 15 && len(wanted) != 18) || !strings.HasPrefix(wanted, o.prefix):
		c.refuseData(http.StatusNotFound, "NOT_FOUND", "Provided external ID field does not exist or is not accessible: "+wanted)
	default:
		c.notFound()
	}
}
