package cli

import (
	"bytes"
	"context"
	"io"
	"os"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/internal/login"
)

// loginPassword sends the user's own credentials, once. They are not kept.
func (e *Env) loginPassword(ctx context.Context, o *loginOptions, p *plan) (*login.Outcome, error) {
	return p.journey.Run(ctx, func(ctx context.Context) (*sftoken.Token, error) {
		if o.flow == sftoken.FlowCodeAndCredentials {
			return p.journey.Client.CodeAndCredentials(ctx, sftoken.CredentialsOptions{
				Username: o.username, Password: o.password, Scopes: p.journey.Attempt.Scopes,
			})
		}
		return p.journey.Client.Password(ctx, sftoken.PasswordOptions{Username: o.username, Password: o.password})
	})
}

// fillPassword takes the password from stdin or from the person. It is never an argument or a variable: those can be seen
// (C-70).
func (e *Env) fillPassword(ctx context.Context, o *loginOptions) (err error) {
	if o.passwordStdin {
		o.password, err = e.secretIn("-")
		return err
	}
	if !e.Interactive() {
		return missingFlag("--password-stdin")
	}
	text, err := e.ask(ctx, question{id: "password-" + o.flow.String(), hidden: true})
	o.password = sftoken.NewSecret(text)
	if err == nil && text == "" {
		return &sftoken.AppError{Field: "password", Reason: "none was given", ID: "password-empty"}
	}
	return err
}

// secretIn reads a secret out of a file, "-" for stdin, without the line breaks at its end.
func (e *Env) secretIn(file string) (sftoken.Secret, error) {
	in, name := e.Stdin, "stdin"
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return sftoken.Secret{}, &localError{id: "input-unreadable", code: exitUsage, data: map[string]any{"source": file}, err: err}
		}
		defer f.Close()
		in, name = f, file
	}
	content, err := io.ReadAll(io.LimitReader(in, 1<<20))
	if err != nil {
		return sftoken.Secret{}, &localError{id: "input-unreadable", code: exitUsage, data: map[string]any{"source": name}, err: err}
	}
	if content = bytes.TrimRight(content, "\r\n"); len(content) == 0 {
		return sftoken.Secret{}, &localError{id: "input-empty", code: exitUsage, data: map[string]any{"source": name}}
	}
	return sftoken.NewSecret(string(content)), nil
}
