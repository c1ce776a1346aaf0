package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

// fields reads --raw-field and --field. A name that is given twice is an error: one of the two would be lost.
func (e *Env) fields(cmd *cobra.Command, raw, typed []string) (map[string]any, error) {
	fields := map[string]any{}
	add := func(flag, text string, value func(string) (any, error)) error {
		name, rest, ok := strings.Cut(text, "=")
		wrong := func(id, what string) error {
			return &usageError{id: id, data: map[string]any{"flag": flag, "field": what}, command: cmd.CommandPath()}
		}
		if _, twice := fields[name]; twice {
			return wrong("field-twice", name)
		}
		if !ok || name == "" {
			return wrong("field", strconv.Quote(text))
		}
		var err error
		fields[name], err = value(rest)
		return err
	}
	for _, text := range raw {
		if err := add("--raw-field", text, func(value string) (any, error) { return value, nil }); err != nil {
			return nil, err
		}
	}
	for _, text := range typed {
		if err := add("--field", text, e.typedValue); err != nil {
			return nil, err
		}
	}
	return fields, nil
}

// typedValue is a JSON word or number, the text of a file, or just text.
func (e *Env) typedValue(text string) (any, error) {
	if path, ok := strings.CutPrefix(text, "@"); ok {
		content, err := e.readInput(path)
		return string(content), err
	}
	var value any
	if d := json.NewDecoder(strings.NewReader(text)); text != "" && !strings.ContainsAny(text[:1], `{["`) {
		d.UseNumber()
		if d.Decode(&value) == nil && d.InputOffset() == int64(len(text)) {
			return value, nil
		}
	}
	return text, nil
}

// readInput reads a file, or stdin where it is called -.
func (e *Env) readInput(path string) ([]byte, error) {
	if path == "-" {
		content, err := io.ReadAll(e.Stdin)
		if err != nil {
			return nil, fmt.Errorf("read stdin: %w", err)
		}
		return content, nil
	}
	return os.ReadFile(path)
}

func withQuery(path string, fields map[string]any) string {
	values := url.Values{}
	for name, value := range fields {
		values.Set(name, fmt.Sprint(value))
	}
	sep := "?"
	if strings.Contains(path, "?") {
		sep = "&"
	}
	return path + sep + values.Encode()
}
