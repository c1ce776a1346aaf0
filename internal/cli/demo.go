package cli

import (
	"context"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/sftoken/sftoken/internal/browser"
	"github.com/sftoken/sftoken/internal/demo"
)

func newDemoCommand(env *Env) *cobra.Command {
	var auto, noBrowser bool
	var port int
	var timeout time.Duration
	c := &cobra.Command{
		Use:   "demo",
		Short: "Watch a refresh token be got, kept, used and revoked",
		Long: `demo plays the whole life of a Salesforce refresh token on this computer, against the
built-in emulator, and shows each request with its answer. You sign in on the emulator's
login page; without a browser, or with --auto, the built-in user agent does it for you.
Nothing is kept, and nothing leaves this computer.`,
		Example: `  sftoken demo            # sign in yourself
  sftoken demo --auto     # just watch
  sftoken demo --json     # the same for machines`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o := demo.Options{Port: port, Timeout: timeout, Language: env.Language()}
			if !auto {
				o.Open = env.demoBrowser(noBrowser)
			}
			return env.demo(cmd.Context(), o)
		},
	}
	flags := c.Flags()
	flags.BoolVar(&auto, "auto", false, "sign in by the built-in user agent")
	flags.BoolVar(&noBrowser, "no-browser", false, "print the address for you to open")
	flags.IntVar(&port, "port", 0, "port of the callback URL (default: a free one)")
	flags.DurationVar(&timeout, "timeout", demo.DefaultTimeout, "how long to wait for you to sign in")
	c.MarkFlagsMutuallyExclusive("auto", "no-browser")
	return c
}

// demoBrowser returns how the person gets to the login page, or nil when nobody is there to sign in (C-75).
func (e *Env) demoBrowser(byHand bool) func(context.Context, string) error {
	if byHand && !e.JSON {
		return func(context.Context, string) error { return nil } // the story prints the address
	}
	exists := func(path string) bool { _, err := os.Stat(path); return err == nil }
	if available, _ := browser.Available(e.Getenv, exists); !available || !e.Interactive() || e.JSON {
		return nil
	}
	return func(ctx context.Context, address string) error {
		return browser.Open(ctx, address, browser.Options{Getenv: e.Getenv, Stderr: e.Stderr})
	}
}

func (e *Env) demo(ctx context.Context, o demo.Options) error {
	if e.JSON {
		story, err := demo.Run(ctx, o)
		if err != nil {
			return err
		}
		return e.WriteJSON(story)
	}
	printer := &demo.Printer{To: e.Stdout, Language: o.Language, Width: e.storyWidth()}
	if e.ColorOut() {
		printer.Paint = paintStory
	}
	o.Audience = printer
	printer.Intro()
	story, err := demo.Run(ctx, o)
	if err != nil {
		return err
	}
	printer.End(story)
	return nil
}

// storyWidth is the terminal's width, as far as it is good to read.
func (e *Env) storyWidth() int {
	const widest, narrowest = 80, 50
	file, ok := e.Stdout.(*os.File)
	if !ok || !e.StdoutTTY {
		return widest
	}
	columns, _, err := term.GetSize(int(file.Fd()))
	if err != nil || columns == 0 {
		return widest
	}
	return max(narrowest, min(columns, widest))
}

// paintStory uses the terminal's own first eight colours, which suit its background whatever it is.
func paintStory(role demo.Role, text string) string {
	code := map[demo.Role]string{
		demo.Title: "1", demo.Number: "1;36", demo.Request: "36", demo.Response: "32", demo.Name: "2", demo.Secret: "33", demo.Faint: "2",
	}[role]
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}
