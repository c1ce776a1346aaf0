package emulator

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Site is an Experience Cloud site of an org: external users log in there, and so do apps without a browser.
type Site struct {
	Prefix string `toml:"prefix"` // path below the org's own address: "partners"
	ID     string `toml:"id"`     // 0DB…, 15 or 18 characters
	Name   string `toml:"name"`
	// Headless answers registration, passwordless login and forgotten passwords under /services/auth/headless.
	Headless bool `toml:"headless"`
}

// IdentityProvider is who may vouch for an org's users in the SAML assertion flow.
type IdentityProvider struct {
	Issuer      string `toml:"issuer"`
	Certificate string `toml:"certificate"` // that signs its assertions, as PEM
	Audience    string `toml:"audience"`    // the org's entity id; default: the org's address
}

// TokenHandler stands for the Apex class that decides a token exchange: which subject tokens it takes, and who each is.
type TokenHandler struct {
	Name string   `toml:"name"` // what token_handler names
	Apps []string `toml:"apps"` // client ids whose default handler it is
	// Types are the subject token types that it takes, without "urn:ietf:params:oauth:token-type:"; none: all.
	Types []string `toml:"types"`
	// Tokens holds opaque subject tokens and the username of each.
	Tokens map[string]string `toml:"tokens"`
	// Certificate checks subject tokens that are JWTs, whose sub is then a username or e-mail. PEM.
	Certificate string `toml:"certificate"`
}

// subjectTypes are the last words of the subject token types. Apex spells JWT in capitals.
var subjectTypes = []string{"access_token", "refresh_token", "id_token", "JWT", "saml2"}

func (o *Org) site(prefix string) *Site {
	for i := range o.Sites {
		if o.Sites[i].Prefix == prefix {
			return &o.Sites[i]
		}
	}
	return nil
}

// clone copies what a change must not reach through: requests that are being answered read the org as it was.
func (o *Org) clone() Org {
	copied := *o
	copied.FormerDomains, copied.Profiles = slices.Clone(o.FormerDomains), slices.Clone(o.Profiles)
	copied.Sites = slices.Clone(o.Sites)
	copied.IdentityProviders = slices.Clone(o.IdentityProviders)
	copied.TokenHandlers = slices.Clone(o.TokenHandlers)
	for i, handler := range copied.TokenHandlers {
		copied.TokenHandlers[i].Apps = slices.Clone(handler.Apps)
		copied.TokenHandlers[i].Types = slices.Clone(handler.Types)
		copied.TokenHandlers[i].Tokens = maps.Clone(handler.Tokens)
	}
	return copied
}

// validateLogins checks what an org's ways to log in need.
func (o *Org) validateLogins() error {
	for i, site := range o.Sites {
		switch {
		case site.Prefix == "" || strings.ContainsAny(site.Prefix, "/:?# ") || reservedPrefix[site.Prefix]:
			return fmt.Errorf("check org %q: site prefix %q: want one path segment such as \"partners\"", o.Name, site.Prefix)
		case slices.ContainsFunc(o.Sites[:i], func(other Site) bool { return other.Prefix == site.Prefix }):
			return fmt.Errorf("check org %q: site %q is there twice", o.Name, site.Prefix)
		}
		if err := checkID(site.ID, "0DB"); err != nil {
			return fmt.Errorf("check site %q: id: %w", site.Prefix, err)
		}
	}
	for _, provider := range o.IdentityProviders {
		if provider.Issuer == "" {
			return fmt.Errorf("check org %q: identity_provider: issuer is needed", o.Name)
		}
		if _, err := certificate(provider.Certificate); err != nil {
			return fmt.Errorf("check identity_provider %q: certificate: %w", provider.Issuer, err)
		}
	}
	for _, handler := range o.TokenHandlers {
		if handler.Name == "" {
			return fmt.Errorf("check org %q: token_handler: name is needed", o.Name)
		}
		for _, kind := range handler.Types {
			if !slices.Contains(subjectTypes, kind) {
				return fmt.Errorf("check token_handler %q: type %q: want one of %s", handler.Name, kind, strings.Join(subjectTypes, ", "))
			}
		}
		if handler.Certificate != "" {
			if _, err := publicKey(handler.Certificate); err != nil {
				return fmt.Errorf("check token_handler %q: certificate: %w", handler.Name, err)
			}
		}
	}
	return nil
}

// publicKey reads the RSA key of a certificate or of a bare public key.
func publicKey(text string) (*rsa.PublicKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("not PEM")
	}
	if block.Type == "CERTIFICATE" {
		parsed, err := certificate(text)
		if err != nil {
			return nil, err
		}
		return parsed.PublicKey.(*rsa.PublicKey), nil
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	key, ok := parsed.(*rsa.PublicKey)
	if !ok {
		return nil, errors.New("not an RSA key")
	}
	return key, nil
}

// certificate reads an X.509 certificate with an RSA key.
func certificate(text string) (*x509.Certificate, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, errors.New("not a PEM certificate")
	}
	parsed, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, err
	}
	if _, ok := parsed.PublicKey.(*rsa.PublicKey); !ok {
		return nil, errors.New("not an RSA certificate")
	}
	return parsed, nil
}
