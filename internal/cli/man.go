package cli

import "github.com/spf13/cobra"

// Command is the whole command line in English, for who writes about it. It is not to be run.
func Command() *cobra.Command {
	root := newRootCommand(&Env{Getenv: func(string) string { return "" }})
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	return root
}
