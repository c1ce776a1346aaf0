package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/sftoken/sftoken/internal/appsetup"
)

func newAppGuideCommand(env *Env) *cobra.Command {
	var f appFlags
	var page bool
	var alias string
	cmd := &cobra.Command{
		Use:   "guide [name]",
		Short: "Say how to make the app by hand: each page of Setup, each field, each value",
		Long: `Say how to make the app by hand, for who may not deploy: each page of Setup, each field with its names in English and
Japanese, each value to the letter. --html is a page to send to an administrator; it loads nothing.`,
		Example: `  sftoken app guide
  sftoken app guide --lang ja --html > guide.html`,
		Args:              atMostOne,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(_ *cobra.Command, args []string) error {
			return env.appGuide(&f, page, alias, appName(args))
		},
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&page, "html", false, "write a web page")
	cmd.Flags().StringVar(&alias, "alias", "", "what to call the login with the new app")
	return cmd
}

type appGuideAnswer struct {
	Title string         `json:"title"`
	Intro string         `json:"intro"`
	Steps []appGuideStep `json:"steps"`
}

type appGuideStep struct {
	Title  string          `json:"title"`
	Text   []string        `json:"text"`
	Fields []appGuideField `json:"fields"`
}

type appGuideField struct {
	Name  string `json:"name"`
	Other string `json:"other_language"` // what Setup calls it there
	Do    string `json:"do"`
	Value string `json:"value,omitempty"`
}

func (e *Env) appGuide(f *appFlags, page bool, alias, name string) error {
	config, err := e.Config()
	if err != nil {
		return err
	}
	f.withDefaults(config)
	s, err := f.settings(name)
	if err != nil {
		return err
	}
	checked := s
	if checked.ContactEmail == "" { // the guide leaves it to the reader
		checked.ContactEmail = "somebody@example.com"
	}
	if err := checked.Validate(); err != nil {
		return err
	}
	guide := s.Guide(e.Language(), alias)
	switch {
	case e.JSON:
		return e.WriteJSON(guideAnswer(guide))
	case page:
		return guide.HTML(e.Stdout)
	}
	_, err = fmt.Fprint(e.Stdout, guide.Text())
	return err
}

func guideAnswer(g appsetup.Guide) appGuideAnswer {
	answer := appGuideAnswer{Title: g.Title, Intro: g.Intro}
	for _, step := range g.Steps {
		one := appGuideStep{Title: step.Title, Text: step.Text, Fields: []appGuideField{}}
		for _, f := range step.Fields {
			one.Fields = append(one.Fields, appGuideField{Name: f.Name, Other: f.Other, Do: f.Do, Value: f.Value})
		}
		answer.Steps = append(answer.Steps, one)
	}
	return answer
}
