package cli

import (
	"strings"

	"github.com/spf13/cobra"
)

// headings are those of cobra's template, with the id of their text. What commands and flags do is told in English only.
var headings = []struct{ english, id string }{
	{"Usage:", "help.usage"},
	{"Aliases:", "help.aliases"},
	{"Examples:", "help.examples"},
	{"Available Commands:", "help.commands"},
	{"Additional Commands:", "help.more-commands"},
	{"Global Flags:", "help.global-flags"},
	{"\nFlags:", "help.flags"},
	{"Additional help topics:", "help.topics"},
	{`Use "{{.CommandPath}} [command] --help" for more information about a command.`, "help.more"},
}

// speakHelp puts the headings of help into the person's language, which is known only when the flags have been read.
func speakHelp(env *Env, root *cobra.Command) {
	help, template := root.HelpFunc(), root.UsageTemplate()
	root.SetHelpFunc(func(cmd *cobra.Command, args []string) {
		var replacements []string
		for _, h := range headings {
			// A line break, and the name of a command, are the template's own.
			text := env.Text(h.id, map[string]any{"command": "{{.CommandPath}}"})
			if strings.HasPrefix(h.english, "\n") {
				text = "\n" + text
			}
			replacements = append(replacements, h.english, text)
		}
		root.SetUsageTemplate(strings.NewReplacer(replacements...).Replace(template))
		for _, group := range root.Groups() {
			group.Title = env.Text("help.group-"+group.ID, nil)
		}
		help(cmd, args)
	})
}
