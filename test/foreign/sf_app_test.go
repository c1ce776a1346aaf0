package foreign

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sftoken/sftoken/internal/appsetup"
)

// The Salesforce CLI knows every file of the app as metadata, in both formats, and makes of each format the other.
func TestSalesforceCLIReadsTheApp(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts the Salesforce CLI")
	}
	c := newCLI(t)
	c.dir = filepath.Join(c.dir, "app")
	s := appsetup.Settings{
		Name: "nightly", ContactEmail: "admin@acme.example", Confidential: true, Device: true,
		ClientCredentialsUser: "run@acme.example", AdminApproved: true, Profiles: []string{"Nightly"},
	}
	if err := appsetup.Write(c.dir, s.Source()); err != nil {
		t.Fatal(err)
	}
	if err := appsetup.Write(filepath.Join(c.dir, "mdapi"), s.Package()); err != nil {
		t.Fatal(err)
	}
	var ignored json.RawMessage
	if err := c.run(t.Context(), &ignored, "project", "convert", "source", "--output-dir", "made"); err != nil {
		t.Fatal(err)
	}
	for _, f := range s.Package() {
		made, err := os.ReadFile(filepath.Join(c.dir, "made", filepath.FromSlash(f.Path)))
		if err != nil {
			t.Error(err)
			continue
		}
		if diff := cmp.Diff(elements(f.Content), elements(made)); diff != "" {
			t.Errorf("%s (-ours +the CLI's):\n%s", f.Path, diff)
		}
	}
	if err := c.run(t.Context(), &ignored, "project", "convert", "mdapi", "--root-dir", "mdapi", "--output-dir", "back"); err != nil {
		t.Fatal(err)
	}
	for _, f := range s.Source() {
		if below, ok := strings.CutPrefix(f.Path, "force-app/"); ok {
			if _, err := os.Stat(filepath.Join(c.dir, "back", filepath.FromSlash(below))); err != nil {
				t.Error(err)
			}
		}
	}
}

// elements are a document's values, whatever their order and indentation.
func elements(document []byte) []string {
	found := regexp.MustCompile(`<(\w+)>([^<]*)</`).FindAllString(string(document), -1)
	slices.Sort(found)
	return found
}
