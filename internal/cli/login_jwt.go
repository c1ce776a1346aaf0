package cli

import (
	"context"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/internal/keyfile"
	"github.com/sftoken/sftoken/internal/login"
)

func (e *Env) loginJWT(ctx context.Context, o *loginOptions, p *plan) (*login.Outcome, error) {
	return p.journey.Run(ctx, func(ctx context.Context) (*sftoken.Token, error) {
		return p.journey.Client.JWTBearer(ctx, sftoken.JWTBearerOptions{Subject: o.username, Audience: o.audience})
	})
}

// fillKey gives the app its private key: from the file that was named, or that of an earlier login. The secret goes:
// Salesforce looks at the key only when there is none.
func (e *Env) fillKey(ctx context.Context, wish *loginOptions, app *sftoken.App) (err error) {
	path := wish.keyFile
	switch {
	case path != "":
	case !app.PrivateKey.IsZero():
		return nil
	case !e.Interactive():
		return missingFlag("--key-file")
	default:
		if path, err = e.ask(ctx, question{id: "key-file"}); err != nil {
			return err
		}
	}
	app.PrivateKey, err = keyfile.Read(path, func() (sftoken.Secret, error) {
		return e.keyPassphrase(ctx, wish.keyPassphrase)
	})
	if err == nil && !wish.needs(sftoken.NeedPrivateKey) {
		app.ClientSecret = sftoken.Secret{}
	}
	return err
}

// keyPassphrase takes the passphrase of a .p12 from its file, or from the person.
func (e *Env) keyPassphrase(ctx context.Context, file string) (sftoken.Secret, error) {
	if file != "" {
		return e.passphraseFrom(file)
	}
	if !e.Interactive() {
		return sftoken.Secret{}, missingFlag("--key-passphrase-file")
	}
	text, err := e.ask(ctx, question{id: "key-passphrase", hidden: true})
	return sftoken.NewSecret(text), err
}
