package cli

import (
	"cmp"
	"context"
	"path"

	"github.com/spf13/cobra"

	"github.com/sftoken/sftoken/internal/appsetup"
)

func newAppTemplateCommand(env *Env) *cobra.Command {
	var f appFlags
	var out string
	cmd := &cobra.Command{
		Use:   "template [name]",
		Short: "Write the app as metadata files, for the Salesforce CLI or a pipeline",
		Long: `Write the app's metadata below a folder: mdapi/ as the Metadata API takes it, source/ as a project of the Salesforce CLI.
No file is replaced. There is no secret in them: the org makes consumer key and secret when the app is deployed.`,
		Example: `  sftoken app template --out app --contact-email admin@example.com
  sf project deploy start --metadata-dir app/mdapi --target-org acme`,
		Args:              atMostOne,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return env.appTemplate(cmd.Context(), &f, out, appName(args))
		},
	}
	f.add(cmd)
	cmd.Flags().StringVarP(&out, "out", "o", "", "folder to write below (default the app's name)")
	_ = cmd.MarkFlagDirname("out")
	return cmd
}

type appTemplateAnswer struct {
	Folder string   `json:"folder"`
	Files  []string `json:"files"` // paths below it
}

func (e *Env) appTemplate(_ context.Context, f *appFlags, out, name string) error {
	config, err := e.Config()
	if err != nil {
		return err
	}
	f.withDefaults(config)
	s, err := f.settings(name)
	if err != nil {
		return err
	}
	if err := s.Validate(); err != nil {
		return err
	}
	out = cmp.Or(out, name)
	var files []appsetup.File
	for _, format := range []struct {
		dir   string
		files []appsetup.File
	}{{"mdapi", s.Package()}, {"source", s.Source()}} {
		for _, file := range format.files {
			files = append(files, appsetup.File{Path: path.Join(format.dir, file.Path), Content: file.Content})
		}
	}
	if err := appsetup.Write(out, files); err != nil {
		return err
	}
	answer := appTemplateAnswer{Folder: out}
	for _, file := range files {
		answer.Files = append(answer.Files, file.Path)
	}
	if e.JSON {
		return e.WriteJSON(answer)
	}
	e.Say("app.written", map[string]any{"count": len(files), "folder": out, "quoted": shellWord(path.Join(out, "mdapi"))})
	return nil
}
