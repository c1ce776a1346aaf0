package filename

import (
	"strings"
	"testing"

	"github.com/sftoken/sftoken/store"
)

func TestFileName(t *testing.T) {
	t.Parallel()
	for alias, name := range map[string]string{
		"prod":                "prod",
		"Prod":                "%50rod",
		"amelia@acme.example": "amelia%40acme.example",
		"本":                   "%e6%9c%ac",
		"con":                 "%63on",
		"nul.txt":             "%6eul.txt",
		"com1":                "%63om1",
		"lpt9.a.b":            "%6cpt9.a.b",
		"console":             "console",
		"comx":                "comx",
	} {
		if got := Of(alias); got != name {
			t.Errorf("Of(%q) = %q, want %q", alias, got, name)
		}
		if got, ok := Alias(name); !ok || got != alias {
			t.Errorf("Alias(%q) = %q, %v; want %q", name, got, ok, alias)
		}
	}
	for _, name := range []string{"", "Prod", "%50ROD", "%4Arod", "%70rod", "con", "a%", "a%4", "a%zz", "%2fetc", "..", ".prod", "a b"} {
		if alias, ok := Alias(name); ok {
			t.Errorf("Alias(%q) = %q, want no alias: Of would not give that name", name, alias)
		}
	}
}

func FuzzFileName(f *testing.F) {
	f.Add("prod")
	f.Add("Prod")
	f.Add("%50rod")
	f.Add("本番.x")
	f.Fuzz(func(t *testing.T, text string) {
		if alias, ok := Alias(text); ok && Of(alias) != text {
			t.Errorf("Alias(%q) = %q, whose name is %q", text, alias, Of(alias))
		}
		if store.ValidAlias(text) != nil {
			return
		}
		name := Of(text)
		if alias, ok := Alias(name); !ok || alias != text {
			t.Errorf("Alias(Of(%q)) = %q, %v", text, alias, ok)
		}
		if strings.ToLower(name) != name || len(name) > 3*store.MaxAlias || strings.Trim(name, "%abcdefghijklmnopqrstuvwxyz0123456789._-") != "" {
			t.Errorf("Of(%q) = %q is not safe everywhere", text, name)
		}
	})
}
