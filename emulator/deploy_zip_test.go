package emulator_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sftoken/sftoken/emulator"
)

// Archives that would fill the memory or write elsewhere are refused whole.
func TestHostileZip(t *testing.T) {
	t.Parallel()
	b := start(t)
	token := b.login(emulator.ClientIDPublic)["access_token"]
	many := map[string]string{}
	for i := range 1001 {
		many[fmt.Sprint("f", i)] = ""
	}
	for name, row := range map[string]struct {
		archive []byte
		want    string
	}{
		"no zip":      {[]byte("hello"), "the file is not a zip archive"},
		"up and out":  {zipOf(t, tool("../x", "x")), "a path that is not allowed"},
		"absolute":    {zipOf(t, tool("/etc/x", "x")), "a path that is not allowed"},
		"backslashes": {zipOf(t, tool(`a\..\x`, "x")), "a path that is not allowed"},
		"bomb":        {zipOf(t, tool("x", strings.Repeat("0", 2<<20))), "more than 1048576 bytes"},
		"many bombs": {zipOf(t, func() map[string]string {
			files := tool()
			for i := range 20 {
				files[fmt.Sprint("x", i)] = strings.Repeat("0", 1<<20)
			}
			return files
		}()), "unpacks to more than"},
		"many files": {zipOf(t, many), "more than 1000 files"},
	} {
		begun, a := b.deploy(token, plainOptions, "", row.archive)
		if a.status != http.StatusCreated {
			t.Errorf("%s: %d %s", name, a.status, a.body)
			continue
		}
		b.Emulator().Advance(time.Second)
		if got := b.poll(token, begun.ID).DeployResult; got.Status != "Failed" || !strings.Contains(got.ErrorMessage, row.want) {
			t.Errorf("%s: %s %q, want %s", name, got.Status, got.ErrorMessage, row.want)
		}
	}
}
