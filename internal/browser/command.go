package browser

import (
	"os/exec"
	"strings"
	"unicode"
)

// commandLine turns what a person wrote into an argument list with address in the place of %s, or at the end. No part of
// address is ever interpreted.
func commandLine(command, address string) []string {
	args := words(command)
	if _, err := exec.LookPath(command); err == nil {
		args = []string{command} // a path with spaces, written without quotes
	}
	if len(args) == 0 {
		args = []string{command} // blank: fails as a program, by its name
	}
	placed := false
	for i, arg := range args {
		if i > 0 && strings.Contains(arg, "%s") {
			args[i] = strings.ReplaceAll(arg, "%s", address)
			placed = true
		}
	}
	if !placed {
		args = append(args, address)
	}
	return args
}

// words splits at white space outside of single or double quotes. Backslashes are kept, since Windows paths have them.
func words(command string) []string {
	var (
		list   []string
		word   strings.Builder
		inWord bool
		quote  rune
	)
	for _, r := range command {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '"' || r == '\'':
			quote, inWord = r, true
		case unicode.IsSpace(r):
			if inWord {
				list = append(list, word.String())
				word.Reset()
				inWord = false
			}
		default:
			word.WriteRune(r)
			inWord = true
		}
	}
	if inWord {
		list = append(list, word.String())
	}
	return list
}
