package message

import (
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// Failer is the part of testing.TB that Check needs, so that this package does not link testing into the program.
type Failer interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// Check fails the test t unless the texts in files can be loaded, both languages have the same ids, every text says
// something, and it takes the same placeholders in both.
func Check(t Failer, files fs.FS) {
	t.Helper()
	for _, tag := range supported {
		if _, err := load(files, tag); err != nil {
			t.Fatalf("%v", err)
		}
	}
	english := flatten(t, files, fileOf(supported[0]))
	japanese := flatten(t, files, fileOf(supported[1]))
	ids := maps.Clone(english)
	maps.Copy(ids, japanese)
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		en, inEnglish := english[id]
		ja, inJapanese := japanese[id]
		switch {
		case !inEnglish:
			t.Errorf("text %q is in Japanese only", id)
		case !inJapanese:
			t.Errorf("text %q is in English only", id)
		case strings.TrimSpace(en) == "" || strings.TrimSpace(ja) == "":
			t.Errorf("text %q is empty in a language", id)
		case !slices.Equal(placeholders(en), placeholders(ja)):
			t.Errorf("text %q takes %v in English and %v in Japanese", id, placeholders(en), placeholders(ja))
		}
	}
}

func flatten(t Failer, files fs.FS, path string) map[string]string {
	t.Helper()
	content, err := fs.ReadFile(files, path)
	if err != nil {
		t.Fatalf("read texts: %v", err)
	}
	var tree map[string]any
	if err := toml.Unmarshal(content, &tree); err != nil {
		t.Fatalf("read texts: %s: %v", path, err)
	}
	texts := map[string]string{}
	var walk func(prefix string, node map[string]any)
	walk = func(prefix string, node map[string]any) {
		for key, value := range node {
			switch value := value.(type) {
			case map[string]any:
				walk(prefix+key+".", value)
			case string:
				texts[prefix+key] = value
			default:
				t.Errorf("text %q in %s is a %T, want a string", prefix+key, path, value)
			}
		}
	}
	walk("", tree)
	return texts
}

// placeholders returns what a text takes from its data, also inside {{if .name}} and {{range .name}}.
func placeholders(text string) []string {
	placeholder := regexp.MustCompile(`\{\{[^}]*?\.([A-Za-z]\w*)[^}]*\}\}`)
	var names []string
	for _, match := range placeholder.FindAllStringSubmatch(text, -1) {
		names = append(names, match[1])
	}
	slices.Sort(names)
	return slices.Compact(names)
}
