package sftoken_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/sftoken/sftoken"
)

// C-70: no way of printing, logging or encoding shows a secret.
func TestSecretIsNeverShown(t *testing.T) {
	t.Parallel()
	const value = "5Aep861SECRETVALUE"
	type holder struct {
		Public  sftoken.Secret
		private sftoken.Secret
		Pointer *sftoken.Secret
		List    []sftoken.Secret
	}
	secret := sftoken.NewSecret(value)
	h := holder{secret, secret, &secret, []sftoken.Secret{secret}}

	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%T"} {
		fmt.Fprintf(&out, verb+"\n", secret)
		fmt.Fprintf(&out, verb+"\n", &secret)
		fmt.Fprintf(&out, verb+"\n", h)
		fmt.Fprintf(&out, verb+"\n", &h)
		fmt.Fprintf(&out, verb+"\n", map[string]sftoken.Secret{"k": secret})
		fmt.Fprintf(&out, verb+"\n", map[sftoken.Secret]int{secret: 1})
	}
	for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(handler).Info("m", "secret", secret, "holder", h, "pointer", &h, slog.Group("g", "secret", secret))
	}
	encode := json.NewEncoder(&out)
	for _, v := range []any{secret, h, map[sftoken.Secret]int{secret: 1}} {
		if err := encode.Encode(v); err != nil {
			t.Errorf("encode %T: %v", v, err)
		}
	}
	if err := xml.NewEncoder(&out).Encode(holder{Public: secret}); err != nil {
		t.Error(err)
	}
	for _, leak := range []string{value, fmt.Sprintf("%x", value), fmt.Sprintf("%X", value), "SECRETVALUE"} {
		if strings.Contains(out.String(), leak) {
			t.Errorf("output shows %q:\n%s", leak, out.String())
		}
	}
	_ = h.private
}

func TestSecret(t *testing.T) {
	t.Parallel()
	var zero sftoken.Secret
	one := sftoken.NewSecret("one")
	switch {
	case !zero.IsZero() || zero.Reveal() != "" || zero.String() != "" || zero.Fingerprint() != "":
		t.Error("the zero secret is not empty")
	case !sftoken.NewSecret("").IsZero():
		t.Error("an empty value is not the zero secret")
	case one.Reveal() != "one" || one.IsZero():
		t.Error("the value is lost")
	case !one.Equal(sftoken.NewSecret("one")) || one.Equal(sftoken.NewSecret("two")) || one.Equal(zero) || !zero.Equal(zero):
		t.Error("Equal is wrong")
	case fmt.Sprintf("%d %x %#v", one, one, one) != "[secret] [secret] [secret]":
		t.Error("a verb shows more than that there is a secret")
	case one.Fingerprint() != "7692c3ad": // printf one | sha256sum
		t.Errorf("fingerprint is %s", one.Fingerprint())
	}
}
