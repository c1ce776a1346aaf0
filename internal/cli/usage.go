package cli

import (
	"errors"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func unknownCommand(cmd *cobra.Command, name string) error {
	cmd.SuggestionsMinimumDistance = 2
	return &usageError{
		id: "command-unknown", data: map[string]any{"name": strconv.Quote(name)},
		command: cmd.CommandPath(),
		meant:   cmd.SuggestionsFor(name),
	}
}

// flagError turns pflag's complaint into a usage error, with the flag that was probably meant.
func flagError(cmd *cobra.Command, err error) error {
	usage := &usageError{id: "flag", data: map[string]any{"text": err.Error()}, command: cmd.CommandPath()}
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok {
		name := unknown.GetSpecifiedName()
		usage.id, usage.data = "flag-unknown", map[string]any{"flag": flagText(name, unknown.GetSpecifiedShortnames())}
		usage.meant = flagsLike(cmd, name)
	}
	if bare, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		usage.id, usage.data = "flag-value", map[string]any{"flag": flagText(bare.GetSpecifiedName(), bare.GetSpecifiedShortnames())}
	}
	if invalid, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		usage.id = "flag-invalid"
		usage.data = map[string]any{"flag": "--" + invalid.GetFlag().Name, "value": strconv.Quote(invalid.GetValue()), "reason": errors.Unwrap(invalid)}
	}
	return usage
}

// flagText is a flag as it was written: in full, or one of several letters behind one dash.
func flagText(name, letters string) string {
	if letters != "" {
		return strconv.Quote(name) + " in -" + letters
	}
	return "--" + name
}

func flagsLike(cmd *cobra.Command, name string) []string {
	var meant []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden && (distance(f.Name, name) <= 2 || strings.HasPrefix(f.Name, name)) {
			meant = append(meant, "--"+f.Name)
		}
	})
	return meant
}

// distance is the number of letters to change, add or drop to make b of a (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// noArgs and atMostOne say in our words what cobra's validators say in theirs.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return tooMany(cmd, args[0])
	}
	return nil
}

// atMostOne is for an alias, or a text, that may be left out.
func atMostOne(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return tooMany(cmd, args[1])
	}
	return nil
}

func notBoth(cmd *cobra.Command, one, other string) error {
	return &usageError{id: "not-both", data: map[string]any{"one": one, "other": other}, command: cmd.CommandPath()}
}

func tooMany(cmd *cobra.Command, arg string) error {
	return &usageError{id: "argument", data: map[string]any{"argument": strconv.Quote(arg)}, command: cmd.CommandPath()}
}

// valueOf returns the value of a flag in arguments that were not parsed, "" if it is not there.
func valueOf(flag string, args []string) string {
	for i, arg := range args {
		if value, ok := strings.CutPrefix(arg, flag+"="); ok {
			return value
		}
		if arg == flag && i+1 < len(args) {
			return args[i+1]
		}
	}
	return ""
}

// shellWord quotes a word for sh, unless there is nothing to quote.
func shellWord(word string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-@+=:,", r)
	}
	if word != "" && !strings.ContainsFunc(word, func(r rune) bool { return !plain(r) }) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
