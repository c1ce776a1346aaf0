package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"charm.land/lipgloss/v2"
	"github.com/muesli/cancelreader"
	"github.com/spf13/cobra"
	"golang.org/x/text/language"

	"github.com/sftoken/sftoken/explain"
	"github.com/sftoken/sftoken/internal/demo"
)

func newExplainCommand(env *Env) *cobra.Command {
	var flow string
	var list bool
	c := &cobra.Command{
		Use:   "explain [text|-]",
		Short: "Say what an error means and what to do about it",
		Long: `Says what an error means and what to do about it: an error's text or id, the whole
address of an error page, an answer's JSON, the output of curl, lines of a log, or
what stands on the screen. It asks no server, and repeats nothing of what it is given.

A text may hold tokens: give it on stdin, where no list of processes shows it.`,
		Example: `  sftoken explain                       # paste it, end with Ctrl-D
  sftoken explain 'invalid_grant: expired authorization code' --flow jwt
  curl -s … | sftoken explain -
  sftoken explain --list`,
		Args:              atMostOne,
		ValidArgsFunction: completeEntries(env),
		RunE: func(cmd *cobra.Command, args []string) error {
			if flow != "" && !slices.Contains(explain.Flows, explain.Flow(flow)) {
				return &usageError{id: "flow-unknown", data: map[string]any{"flow": strconv.Quote(flow), "flows": flowNames()}, command: cmd.CommandPath()}
			}
			if list {
				return env.listEntries()
			}
			text, err := env.readUnexplained(cmd.Context(), args)
			if err != nil {
				return err
			}
			return env.explain(text, explain.Flow(flow))
		},
	}
	c.Flags().StringVar(&flow, "flow", "", "the flow in which it came: "+flowNames())
	c.Flags().BoolVar(&list, "list", false, "list everything that is known")
	_ = c.RegisterFlagCompletionFunc("flow", cobra.FixedCompletions(strings.Split(flowNames(), ", "), cobra.ShellCompDirectiveNoFileComp))
	return c
}

func flowNames() string {
	names := make([]string, len(explain.Flows))
	for i, flow := range explain.Flows {
		names[i] = string(flow)
	}
	return strings.Join(names, ", ")
}

func completeEntries(env *Env) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		var ids []cobra.Completion
		if len(args) == 0 {
			for _, entry := range explain.All() {
				ids = append(ids, cobra.CompletionWithDesc(entry.ID, entry.Title(env.Language())))
			}
		}
		return ids, cobra.ShellCompDirectiveNoFileComp
	}
}

// pastedLimit is more than any page of errors, and little enough to be looked through at once.
const pastedLimit = 1 << 20

// readUnexplained returns the text to explain: the argument, or else stdin.
func (e *Env) readUnexplained(ctx context.Context, args []string) (string, error) {
	if len(args) == 1 && args[0] != "-" {
		return args[0], nil
	}
	if e.StdinTTY {
		if e.NoInput {
			return "", &localError{id: "explain-nothing", code: exitUsage, hints: true}
		}
		e.Say("explain.paste", nil)
	}
	in := e.Stdin
	if stdin, err := cancelreader.NewReader(e.Stdin); err == nil { // else a plain file, which keeps nobody waiting
		defer stdin.Close()
		defer context.AfterFunc(ctx, func() { stdin.Cancel() })()
		in = stdin
	}
	text, err := io.ReadAll(io.LimitReader(in, pastedLimit))
	switch {
	case ctx.Err() != nil:
		return "", errInterrupted
	case err != nil:
		return "", fmt.Errorf("read what to explain: %w", err)
	case strings.TrimSpace(string(text)) == "":
		return "", &localError{id: "explain-nothing", code: exitUsage, hints: true}
	}
	return string(text), nil
}

// explainAnswer is what is said of one failure. Nothing of the input is in it (C-70).
type explainAnswer struct {
	ID       string         `json:"id"`
	Title    string         `json:"title"`
	Causes   []string       `json:"causes"`
	Tell     []string       `json:"tell"`
	Hints    []string       `json:"hints"`
	Evidence string         `json:"evidence,omitempty"`
	Matched  *matchedView   `json:"matched,omitempty"`
	InFlows  []inFlowView   `json:"in_flows,omitempty"`
	Also     []entryListing `json:"also,omitempty"`
}

type matchedView struct {
	Code string `json:"error,omitempty"`
	Text string `json:"text,omitempty"`
	Flow string `json:"flow,omitempty"`
}

type inFlowView struct {
	Flow string `json:"flow"`
	entryListing
}

func (e *Env) explain(text string, flow explain.Flow) error {
	match := explain.Text(text, flow)
	if match == nil {
		return &localError{id: "explain-unknown", code: exitFailed, hints: true}
	}
	lang := e.Language()
	answer := explainAnswer{
		ID: match.ID, Title: match.Title(lang),
		Causes: orEmpty(match.Causes(lang)), Tell: orEmpty(match.Tell(lang)), Hints: orEmpty(match.Hints(lang, nil)),
		Evidence: string(match.Evidence()),
	}
	if match.Code+match.Text != "" {
		answer.Matched = &matchedView{match.Code, match.Text, string(match.Flow)}
	}
	for _, reading := range match.Else {
		answer.InFlows = append(answer.InFlows, inFlowView{string(reading.Flow), listing(reading.Entry, lang)})
	}
	for _, other := range match.Others {
		answer.Also = append(answer.Also, listing(other, lang))
	}
	if e.JSON {
		return e.WriteJSON(answer)
	}
	_, err := io.WriteString(e.Stdout, e.explanation(&answer))
	return err
}

func orEmpty(all []string) []string {
	if all == nil {
		return []string{}
	}
	return all
}

// explanation is the answer as a person reads it.
func (e *Env) explanation(a *explainAnswer) string {
	var b strings.Builder
	strong := lipgloss.NewStyle().Bold(e.ColorOut())
	width := e.storyWidth()
	for _, line := range demo.Wrap(a.Title, width) {
		fmt.Fprintln(&b, strong.Render(line))
	}
	fmt.Fprintln(&b, a.ID)
	section := func(id string, items []string, mark func(int) string) {
		if len(items) == 0 {
			return
		}
		fmt.Fprintf(&b, "\n%s\n", strong.Render(e.Text("explain."+id, nil)))
		for i, item := range items {
			fmt.Fprintf(&b, "%3s %s\n", mark(i), strings.Join(demo.Wrap(item, width-4), "\n    "))
		}
	}
	dash := func(int) string { return "-" }
	section("causes", a.Causes, func(i int) string { return fmt.Sprintf("%d.", i+1) })
	section("tell", a.Tell, dash)
	section("hints", a.Hints, dash)
	var notes []string
	if a.Evidence == string(explain.Reported) || a.Evidence == string(explain.Documented) {
		notes = append(notes, e.Text("explain."+a.Evidence, nil))
	}
	for _, other := range a.InFlows {
		notes = append(notes, e.Text("explain.in-flow", map[string]any{"flow": other.Flow, "title": other.Title}))
	}
	for _, other := range a.Also {
		notes = append(notes, e.Text("explain.also", map[string]any{"id": other.ID, "title": other.Title}))
	}
	section("notes", notes, dash)
	return b.String()
}

// listIndent is the width of the column of ids.
const listIndent = 32

// entryListing is one line of the list.
type entryListing struct {
	ID       string `json:"id"`
	Part     string `json:"part"`
	Title    string `json:"title"`
	Evidence string `json:"evidence,omitempty"`
}

func listing(entry *explain.Entry, lang language.Tag) entryListing {
	return entryListing{entry.ID, entry.Part(), entry.Title(lang), string(entry.Evidence())}
}

// entriesAnswer is what --list answers.
type entriesAnswer struct {
	Entries []entryListing `json:"entries"`
}

func (e *Env) listEntries() error {
	var answer entriesAnswer
	for _, entry := range explain.All() {
		answer.Entries = append(answer.Entries, listing(entry, e.Language()))
	}
	if e.JSON {
		return e.WriteJSON(answer)
	}
	part := ""
	var rows [][]string
	for _, entry := range answer.Entries {
		if entry.Part != part {
			part = entry.Part
			if len(rows) > 0 {
				rows = append(rows, []string{"", ""})
			}
			rows = append(rows, []string{e.Text("explain.part-"+part, nil), ""})
		}
		title := entry.Title
		if e.StdoutTTY {
			title = strings.Join(demo.Wrap(title, e.storyWidth()-listIndent), "\n")
		}
		rows = append(rows, []string{"  " + entry.ID, title})
	}
	_, err := fmt.Fprintln(e.Stdout, e.table(lines(e.Text("explain.headers", nil)), rows))
	return err
}
