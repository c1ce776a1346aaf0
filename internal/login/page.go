package login

import (
	"errors"
	"strings"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/explain"
	"github.com/sftoken/sftoken/internal/callback"
	"golang.org/x/text/language"
)

func successPage(o *Outcome, lang language.Tag) callback.Success {
	g := o.Grant
	page := callback.Success{
		Alias:       g.Alias,
		Username:    g.Username,
		Name:        g.DisplayName,
		Org:         g.OrgID,
		InstanceURL: g.InstanceURL,
		Scopes:      g.Scopes,
	}
	if !g.Renewable() {
		page.Note = explain.Lookup("no-refresh-token").Title(lang)
	}
	return page
}

// failurePage tells the person in front of the browser what the terminal tells too, in the browser's language.
func (j *Journey) failurePage(err error, lang language.Tag) callback.Failure {
	page := callback.Failure{Text: err.Error()}
	if wire, ok := errors.AsType[*sftoken.Error](err); ok && wire.Code != "" {
		page.Text = "" // the page's own words; Salesforce's stand below them
		page.Code = strings.TrimSuffix(wire.Code+": "+wire.Description, ": ")
	}
	if entry := explain.Find(err); entry != nil {
		page.Title = entry.Title(lang)
		page.Hints = entry.Hints(lang, map[string]string{
			"alias": j.Alias, "host": j.Attempt.Host.String(), "redirect": j.Attempt.RedirectURI,
		})
	}
	return page
}
