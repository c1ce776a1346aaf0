package appsetup

import (
	_ "embed"
	"html/template"
	"io"
	"sync"
)

//go:embed guide.html
var guidePage string

var guideTemplate = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("guide").Parse(guidePage))
})

// HTML writes the guide as a page that needs nothing else: no script, no font, no address.
func (g Guide) HTML(w io.Writer) error { return guideTemplate().Execute(w, g) }
