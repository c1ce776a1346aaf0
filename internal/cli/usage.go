package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func unknownCommand(cmd *cobra.Command, name string) error {
	cmd.SuggestionsMinimumDistance = 2
	return &usageError{
		text:    fmt.Sprintf("unknown command %q", name),
		command: cmd.CommandPath(),
		meant:   cmd.SuggestionsFor(name),
	}
}

// flagError turns pflag's complaint into a usage error, with the flag that was probably meant.
func flagError(cmd *cobra.Command, err error) error {
	usage := &usageError{text: err.Error(), command: cmd.CommandPath()}
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok {
		usage.meant = flagsLike(cmd, unknown.GetSpecifiedName())
	}
	return usage
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

// noArgs and oneAlias say in our words what cobra's validators say in theirs.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return tooMany(cmd, args[0])
	}
	return nil
}

func oneAlias(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return tooMany(cmd, args[1])
	}
	return nil
}

func tooMany(cmd *cobra.Command, arg string) error {
	return &usageError{text: fmt.Sprintf("%s: unexpected argument %q", cmd.CommandPath(), arg), command: cmd.CommandPath()}
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
