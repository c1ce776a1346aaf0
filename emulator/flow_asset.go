package emulator

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// assetKeyID is the key that signs asset tokens, published beside the others (captured).
const assetKeyID = "asset"

// assetToken exchanges an access token and an actor token, a JWT that describes a device, for a JWT that the device shows to
// others. The answer is captured, expires_in in it; that the request is a token exchange is believed.
func (s *Server) assetToken(c *call, _ *App, now time.Time) (*issued, *refusal) {
	kind, _ := strings.CutPrefix(c.form.Get("subject_token_type"), tokenTypePrefix)
	owner := s.useSession(c.form.Get("subject_token"))
	if owner == nil || kind != "access_token" {
		return nil, refusedRefresh
	}
	app := s.app(owner.grant.clientID)
	switch {
	case app == nil || !app.AssetTokens:
		return nil, refusedNoAssetTokens
	case c.form.Has("client_id") && c.form.Get("client_id") != app.ClientID:
		return nil, refusedClientID
	case app.Disabled:
		return nil, refusedAppDisabled
	}
	actorType, _ := strings.CutPrefix(c.form.Get("actor_token_type"), tokenTypePrefix)
	about := readActor(c.form.Get("actor_token"))
	if !strings.EqualFold(actorType, "jwt") || about == nil {
		return nil, refusedAssertion
	}
	life := app.AssetValidity
	if life == 0 {
		life = 2 * time.Hour
	}
	audiences := app.AssetAudiences
	if len(audiences) == 0 {
		audiences = []string{app.ClientID}
	}
	who := s.owner(owner)
	claims := map[string]any{
		"iss": c.base, "sub": identityURL(c.base, who), "aud": audiences, "iat": now.Unix(), "exp": now.Add(life).Unix(), "actor": about,
	}
	token, err := s.signAsset(claims)
	if err != nil {
		s.log.Error("sign asset token", "error", err)
		return nil, &refusal{code: "server_error", description: "token could not be signed"}
	}
	return &issued{app: app, extra: fields{
		{"access_token", token},
		{"issued_token_type", tokenTypePrefix + "jwt"},
		{"token_type", "Bearer"},
		{"expires_in", strconv.Itoa(int(life / time.Second))},
	}}, nil
}

func (s *Server) signAsset(claims map[string]any) (string, error) {
	key, err := s.keys.forName(assetKeyID, assetKeyID)
	if err != nil {
		return "", err
	}
	return signJWT(key, claims, nil)
}

// readActor returns the claims of an actor token. Its signature is not checked: nothing says by which key (believed).
func readActor(text string) map[string]any {
	signed, err := jose.ParseSignedCompact(text, []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512, jose.ES256, jose.HS256})
	if err != nil {
		return nil
	}
	var claims map[string]any
	if json.Unmarshal(signed.UnsafePayloadWithoutVerification(), &claims) != nil {
		return nil
	}
	return claims
}
