package emulator

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"
)

// Both catalogues have the same texts with the same placeholders, and the pages ask for no other.
func TestCatalogues(t *testing.T) {
	t.Parallel()
	read := func(name string) map[string]string {
		var texts map[string]string
		if err := toml.Unmarshal(mustRead(name), &texts); err != nil {
			t.Fatal(err)
		}
		return texts
	}
	placeholder := regexp.MustCompile(`{{\.\w+}}`)
	en, ja := read("text/en.toml"), read("text/ja.toml")
	if diff := cmp.Diff(slices.Sorted(maps.Keys(en)), slices.Sorted(maps.Keys(ja))); diff != "" {
		t.Errorf("keys (-en +ja):\n%s", diff)
	}
	for id, text := range en {
		if diff := cmp.Diff(placeholder.FindAllString(text, -1), placeholder.FindAllString(ja[id], -1)); diff != "" {
			t.Errorf("placeholders of %s (-en +ja):\n%s", id, diff)
		}
	}
	asked := regexp.MustCompile(`\.T "(\w+)"`)
	for _, name := range []string{"base", "login", "consent", "error", "success", "home", "verify", "device", "setup_list", "setup_form", "setup_app", "setup_secrets"} {
		for _, use := range asked.FindAllStringSubmatch(string(mustRead("page/"+name+".html")), -1) {
			if en[use[1]] == "" {
				t.Errorf("page %s asks for %q, which no catalogue has", name, use[1])
			}
		}
	}
}

// The two ids are from a captured answer.
func TestID18(t *testing.T) {
	t.Parallel()
	for short, long := range map[string]string{"00D6g000006wre4": "00D6g000006wre4EAA", "0056g0000049jc6": "0056g0000049jc6AAA"} {
		if got := id18(short); got != long {
			t.Errorf("id18(%s) = %s, want %s", short, got, long)
		}
		if err := checkID(long, long[:3]); err != nil {
			t.Error(err)
		}
	}
	if strings.Count(tokenAlphabet, "") != 65 {
		t.Error("tokenAlphabet must have 64 characters: mint takes six bits for each")
	}
}
