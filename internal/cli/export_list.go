package cli

import (
	"fmt"
	"strings"

	"github.com/sftoken/sftoken/internal/export"
)

// formatsAnswer is one format of the list.
type formatsAnswer struct {
	Format          string   `json:"format"`
	For             string   `json:"for"`
	Host            string   `json:"host"`
	NeedsSecret     bool     `json:"needs_client_secret"`
	WithAccessToken bool     `json:"with_access_token"`
	NewRefreshToken string   `json:"new_refresh_token"`
	Settings        []string `json:"settings"`
	Required        []string `json:"required_settings"`
}

// exportList shows all formats.
func (e *Env) exportList() error {
	if e.JSON {
		answers := []formatsAnswer{}
		for _, f := range export.Formats {
			answers = append(answers, formatAnswer(f))
		}
		return e.WriteJSON(map[string][]formatsAnswer{"formats": answers})
	}
	var rows [][]string
	for _, f := range export.Formats {
		takes := []string{e.Text("export.host-"+string(f.Host), nil)}
		if f.NeedsSecret {
			takes = append(takes, e.Text("export.secret", nil))
		}
		for _, s := range f.Settings {
			if s.Required {
				takes = append(takes, "--set "+s.Name)
			}
		}
		rows = append(rows, []string{f.Name, f.For, strings.Join(takes, ", "), e.Text("export.new-"+string(f.Rotation), nil)})
	}
	_, err := fmt.Fprintln(e.Stdout, e.table(lines(e.Text("export.headers", nil)), rows))
	return err
}

func formatAnswer(f export.Format) formatsAnswer {
	a := formatsAnswer{
		Format: f.Name, For: f.For, Host: string(f.Host), NeedsSecret: f.NeedsSecret, WithAccessToken: f.NeedsAccess,
		NewRefreshToken: string(f.Rotation), Settings: []string{}, Required: []string{},
	}
	for _, s := range f.Settings {
		a.Settings = append(a.Settings, s.Name)
		if s.Required {
			a.Required = append(a.Required, s.Name)
		}
	}
	return a
}
