package doctor

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"sync"
	"time"
)

//go:embed page.html
var pageSource string

//go:embed style.css
var style string

var pageTemplate = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("page").Parse(pageSource))
})

// Page is the report as one web page that stands by itself: no script, nothing from elsewhere. Like the report it holds
// nothing secret.
func (r *Report) Page() ([]byte, error) {
	text := texts.For(r.Lang)
	var page bytes.Buffer
	err := pageTemplate().Execute(&page, map[string]any{
		"Report": r, "Lang": r.Lang.String(), "Style": template.CSS(style), // #nosec G203 -- our own file
		"Text":  func(id string) string { return text.Text(id, nil) },
		"Level": func(l Level) string { return text.Text("level."+string(l), nil) },
		"Made": text.Text("page.made", map[string]any{
			"at": r.At.UTC().Format(time.RFC3339), "seconds": fmt.Sprintf("%.1f", r.Took.Seconds()),
		}),
	})
	if err != nil {
		return nil, fmt.Errorf("write report: %w", err)
	}
	return page.Bytes(), nil
}
