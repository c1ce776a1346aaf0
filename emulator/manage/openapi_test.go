package manage

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"
)

// The document has the routes, no more and no fewer. That each answer is as it says is tested with the answers.
func TestDocumentHasTheRoutes(t *testing.T) {
	t.Parallel()
	doc, err := openapi3.NewLoader().LoadFromData(openapi)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	var documented, routed []string
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			documented = append(documented, method+" "+path)
			if operation.Summary == "" || operation.OperationID == "" {
				t.Errorf("%s %s has no summary or no id", method, path)
			}
		}
	}
	for pattern := range new(API).routes() {
		routed = append(routed, strings.TrimSuffix(pattern, "{$}"))
	}
	slices.Sort(documented)
	slices.Sort(routed)
	if diff := cmp.Diff(routed, documented); diff != "" {
		t.Errorf("routes (-code +openapi.yaml):\n%s", diff)
	}
}

// Both languages have the same texts, and the page asks for no other: it is made in both below.
func TestCatalogues(t *testing.T) {
	t.Parallel()
	var en, ja map[string]string
	for name, into := range map[string]*map[string]string{"text/en.toml": &en, "text/ja.toml": &ja} {
		if err := toml.Unmarshal(mustRead(name), into); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(en)), slices.Sorted(maps.Keys(ja))); diff != "" {
		t.Errorf("keys (-en +ja):\n%s", diff)
	}
}
