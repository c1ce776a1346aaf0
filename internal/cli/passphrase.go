package cli

import (
	"bufio"
	"context"
	"io"
	"os"
	"strings"

	"github.com/sftoken/sftoken"
)

// readPassphrase takes a passphrase from a file ("-": stdin), of which it is the first line, or from the person. A new one
// is asked for twice. It is never an argument or a variable: those can be seen.
func (e *Env) readPassphrase(ctx context.Context, file string, twice bool) (sftoken.Secret, error) {
	if file != "" {
		return e.passphraseFrom(file)
	}
	if !e.Interactive() {
		return sftoken.Secret{}, &localError{id: "passphrase-missing", code: exitUsage, hints: true}
	}
	id := "passphrase"
	if twice {
		id = "new-passphrase"
	}
	first, err := e.ask(ctx, question{id: id, hidden: true})
	if err != nil {
		return sftoken.Secret{}, err
	}
	if first == "" {
		return sftoken.Secret{}, &localError{id: "passphrase-empty", code: exitUsage}
	}
	if twice {
		second, err := e.ask(ctx, question{id: "again", hidden: true})
		if err != nil {
			return sftoken.Secret{}, err
		}
		if second != first {
			return sftoken.Secret{}, &localError{id: "passphrase-mistyped", code: exitUsage}
		}
	}
	return sftoken.NewSecret(first), nil
}

func (e *Env) passphraseFrom(file string) (sftoken.Secret, error) {
	in := e.Stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return sftoken.Secret{}, &localError{id: "passphrase-unreadable", code: exitUsage, err: err}
		}
		defer f.Close()
		in = f
	}
	line, err := bufio.NewReader(io.LimitReader(in, 64<<10)).ReadString('\n')
	if err != nil && err != io.EOF {
		return sftoken.Secret{}, &localError{id: "passphrase-unreadable", code: exitUsage, err: err}
	}
	if line = strings.TrimRight(line, "\r\n"); line == "" {
		return sftoken.Secret{}, &localError{id: "passphrase-empty", code: exitUsage}
	}
	return sftoken.NewSecret(line), nil
}
