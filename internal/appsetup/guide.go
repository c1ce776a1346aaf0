package appsetup

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/language"

	"github.com/sftoken/sftoken"
)

// Guide is the app made by hand: the pages of Setup in their order.
type Guide struct {
	Language language.Tag
	Title    string
	Intro    string
	Steps    []Step
}

// Step is one page.
type Step struct {
	Title  string
	Text   []string // what to do, a line each
	Fields []Field
}

// Field is one thing to fill in, tick or choose.
type Field struct {
	Name  string // in the person's language
	Other string // in the other one
	Do    string // enter, choose, tick, clear
	Value string // to the letter, for enter and choose
}

// Guide writes the settings as a walk through Setup. alias is for the command at the end.
func (s Settings) Guide(lang language.Tag, alias string) Guide {
	s = s.Filled()
	g := guide{lang: lang, data: withNames(lang, map[string]any{
		"app": s.Name, "secret": s.Confidential,
	})}
	return Guide{
		Language: texts.For(lang).Language(),
		Title:    g.text("title"),
		Intro:    g.text("intro"),
		Steps: []Step{
			g.step("open"),
			g.step("basic", s.basicFields(g)...),
			g.step("oauth", s.oauthFields(g)...),
			g.step("security", s.securityFields(g)...),
			g.step("policies", s.policyFields(g)...),
			g.step("key"),
			g.step("login", Field{Name: g.text("terminal"), Other: g.text("terminal"), Do: g.text("do-run"), Value: s.loginCommand(alias)}),
		},
	}
}

// loginCommand has a gap for what only Setup tells.
func (s Settings) loginCommand(alias string) string {
	command := "sftoken login " + cmp.Or(alias, "prod") + " --host MY_DOMAIN --client-id CONSUMER_KEY --redirect-uri " + s.RedirectURIs[0]
	if !slices.Equal(s.Scopes, sftoken.DefaultScopes()) {
		command += " --scope " + strconv.Quote(strings.Join(s.Scopes, " "))
	}
	return command
}

type guide struct {
	lang language.Tag
	data map[string]any
}

func (g guide) text(id string) string { return texts.For(g.lang).Text("guide."+id, g.data) }

func (g guide) step(id string, fields ...Field) Step {
	return Step{Title: g.text(id + "-title"), Text: strings.Split(strings.TrimSpace(g.text(id)), "\n"), Fields: fields}
}

func (g guide) enter(id, value string) Field { return g.field(id, "enter", value) }

// choose names a value that Setup itself has a name for.
func (g guide) choose(id, value string) Field {
	name, elsewhere := Name(g.lang, value)
	if name != elsewhere {
		name = texts.For(g.lang).Text("both", map[string]any{"name": name, "other": elsewhere})
	}
	return g.field(id, "choose", name)
}

func (g guide) tick(id string, yes bool) Field {
	if yes {
		return g.field(id, "tick", "")
	}
	return g.field(id, "clear", "")
}

func (g guide) field(id, do, value string) Field {
	name, elsewhere := Name(g.lang, id)
	return Field{Name: name, Other: elsewhere, Do: g.text("do-" + do), Value: value}
}

func (s Settings) basicFields(g guide) []Field {
	fields := []Field{
		g.enter("Label", s.Label),
		g.enter("APIName", s.Name),
		g.enter("ContactEmail", cmp.Or(s.ContactEmail, g.text("your-address"))),
		g.choose("Distribution", "Local"),
	}
	if s.Description != "" {
		fields = append(fields, g.enter("AppDescription", s.Description))
	}
	return fields
}

func (s Settings) oauthFields(g guide) []Field {
	fields := []Field{g.tick("EnableOAuth", true)}
	for _, uri := range s.RedirectURIs {
		fields = append(fields, g.enter("Callback", uri))
	}
	seen := map[string]bool{}
	for _, wire := range s.Scopes {
		one, _ := scopeNamed(wire)
		label := cmp.Or(one.label, wire)
		if there := texts.For(g.lang).Text("scope."+wire, nil); there != "scope."+wire && there != label {
			label = texts.For(g.lang).Text("both", map[string]any{"name": there, "other": label})
		}
		if !seen[label] {
			fields = append(fields, g.field("Scopes", "choose", label))
		}
		seen[label] = true
	}
	return fields
}

func (s Settings) securityFields(g guide) []Field {
	fields := []Field{
		g.tick("PKCE", !s.WithoutPKCE),
		g.tick("SecretWeb", s.Confidential),
		g.tick("SecretRefresh", s.Confidential),
		g.tick("Rotation", !s.WithoutRotation),
		g.tick("Device", s.Device),
		g.tick("ClientCredentials", s.ClientCredentialsUser != ""),
	}
	if s.Certificate != "" {
		fields = append(fields, g.tick("JWT", true))
	}
	return fields
}

func (s Settings) policyFields(g guide) []Field {
	users := "AllUsers"
	if s.AdminApproved {
		users = "ApprovedUsers"
	}
	fields := []Field{g.choose("Users", users)}
	for _, name := range s.PermissionSets {
		fields = append(fields, g.field("PermissionSets", "choose", name))
	}
	for _, name := range s.Profiles {
		fields = append(fields, g.field("Profiles", "choose", name))
	}
	refresh := g.choose("RefreshPolicy", map[PolicyKind]string{Idle: "AfterIdle", Lifetime: "AfterTime", UntilRevoked: "UntilRevoked"}[s.RefreshPolicy.Kind])
	if p := s.RefreshPolicy; p.Kind != UntilRevoked {
		refresh.Value += ": " + strconv.Itoa(p.Period) + " " + g.text("unit-"+strings.ToLower(p.Unit))
	}
	ip := map[IPRelaxation]string{Enforce: "IPEnforce", Relax: "IPRelax", RelaxSecondFactor: "IPRelaxSecond", RelaxRefresh: "IPRelaxRefresh"}[s.IPRelaxation]
	fields = append(fields, refresh, g.choose("IP", ip))
	if s.ClientCredentialsUser != "" {
		fields = append(fields, g.tick("ClientCredentials", true), g.enter("RunAs", s.ClientCredentialsUser))
	}
	return fields
}

// Text writes the guide for a terminal.
func (g Guide) Text() string {
	var b strings.Builder
	b.WriteString(g.Title + "\n\n" + g.Intro + "\n")
	for i, step := range g.Steps {
		b.WriteString("\n" + strconv.Itoa(i+1) + ". " + step.Title + "\n")
		for _, line := range step.Text {
			b.WriteString("   " + line + "\n")
		}
		for _, f := range step.Fields {
			b.WriteString("   - " + f.label())
			if f.Value != "" {
				b.WriteString("\n       " + f.Do + " " + f.Value + "\n")
			} else {
				b.WriteString(": " + f.Do + "\n")
			}
		}
	}
	return b.String()
}

func (f Field) label() string {
	if f.Other == "" || f.Other == f.Name {
		return f.Name
	}
	return f.Name + " (" + f.Other + ")"
}
