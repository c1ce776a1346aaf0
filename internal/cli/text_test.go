package cli

import (
	"testing"

	"github.com/BurntSushi/toml"

	"github.com/sftoken/sftoken/explain"
	"github.com/sftoken/sftoken/internal/message"
)

func TestTexts(t *testing.T) { message.Check(t, texts) }

// Whatever the command line calls an error, sftoken explain knows it.
func TestEveryErrorIsExplained(t *testing.T) {
	t.Parallel()
	content, err := texts.ReadFile("text/en.toml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Error map[string]string }
	if err := toml.Unmarshal(content, &file); err != nil {
		t.Fatal(err)
	}
	delete(file.Error, "explain-unknown") // there is nothing to say of it
	for id := range file.Error {
		if explain.Text(id, "") == nil {
			t.Errorf("sftoken prints %q and sftoken explain does not know it", id)
		}
	}
}
