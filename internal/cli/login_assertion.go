package cli

import (
	"cmp"
	"context"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/internal/login"
)

// loginAssertion sends a SAML assertion that somebody else has signed, once. It is not kept.
func (e *Env) loginAssertion(ctx context.Context, o *loginOptions, p *plan) (*login.Outcome, error) {
	return p.journey.Run(ctx, func(ctx context.Context) (*sftoken.Token, error) {
		if o.flow == sftoken.FlowSAMLAssertion {
			return p.journey.Client.SAMLAssertion(ctx, o.assertion)
		}
		return p.journey.Client.SAMLBearer(ctx, o.assertion)
	})
}

// loginExchange sends somebody else's token, once. It is not kept.
func (e *Env) loginExchange(ctx context.Context, o *loginOptions, p *plan) (*login.Outcome, error) {
	return p.journey.Run(ctx, func(ctx context.Context) (*sftoken.Token, error) {
		return p.journey.Client.TokenExchange(ctx, sftoken.TokenExchangeOptions{
			SubjectToken: o.token, SubjectType: o.tokenType, Handler: o.tokenHandler, Scopes: p.journey.Attempt.Scopes,
		})
	})
}

// loginAsset gets a token for a device by the right of a user's access token.
func (e *Env) loginAsset(ctx context.Context, o *loginOptions, p *plan) (*login.Outcome, error) {
	return p.journey.Run(ctx, func(ctx context.Context) (*sftoken.Token, error) {
		return p.journey.Client.AssetToken(ctx, sftoken.AssetTokenOptions{AccessToken: o.token, ActorToken: o.actorToken})
	})
}

// fillBrought reads what the person brings along: assertions and tokens come from files or stdin, never as arguments (C-70).
func (e *Env) fillBrought(o *loginOptions) (err error) {
	if o.needs(sftoken.NeedAssertion) && o.flow != sftoken.FlowAssetToken {
		o.assertion, err = e.brought("--assertion-file", o.assertionFile)
		return err
	}
	if !o.needs(sftoken.NeedToken) {
		return nil
	}
	if o.token, err = e.brought("--token-file", o.tokenFile); err != nil {
		return err
	}
	if o.actorTokenFile != "" {
		if o.actorToken, err = e.secretIn(o.actorTokenFile); err != nil {
			return err
		}
	}
	o.tokenType, err = sftoken.ParseTokenType(cmp.Or(o.tokenTypeName, "access_token"))
	return err
}

func (e *Env) brought(flag, file string) (sftoken.Secret, error) {
	if file == "" {
		return sftoken.Secret{}, missingFlag(flag)
	}
	return e.secretIn(file)
}
