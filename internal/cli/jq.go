package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/itchyny/gojq"
)

// printer writes an answer of an API to stdout.
type printer func(answer []byte) error

// answerPrinter prints an answer as it came, indented for a terminal, or what a jq expression picks from it: texts as they
// are, anything else as JSON, one a line.
func (e *Env) answerPrinter(expression string) (printer, error) {
	if expression == "" {
		return e.printAnswer, nil
	}
	query, err := gojq.Parse(expression)
	if err != nil {
		return nil, err
	}
	code, err := gojq.Compile(query) // without environment and files: an expression sees the answer only
	if err != nil {
		return nil, err
	}
	return func(answer []byte) error { return e.pick(code, answer) }, nil
}

func (e *Env) printAnswer(answer []byte) error {
	var indented bytes.Buffer
	if e.StdoutTTY && json.Indent(&indented, answer, "", "  ") == nil {
		answer = indented.Bytes()
	}
	if len(answer) > 0 && answer[len(answer)-1] != '\n' {
		answer = append(answer, '\n')
	}
	_, err := e.Stdout.Write(answer)
	return err
}

func (e *Env) pick(code *gojq.Code, answer []byte) error {
	var value any
	d := json.NewDecoder(bytes.NewReader(answer))
	d.UseNumber() // ids of external systems are longer than a float's digits
	if err := d.Decode(&value); err == io.EOF {
		return nil
	} else if err != nil {
		return &localError{id: "answer-not-json", code: exitFailed, err: err}
	}
	for found := code.Run(value); ; {
		value, ok := found.Next()
		if !ok {
			return nil
		}
		line := ""
		switch value := value.(type) {
		case error:
			if halt, ok := value.(*gojq.HaltError); ok && halt.Value() == nil {
				return nil
			}
			return &localError{id: "jq-failed", code: exitFailed, err: value}
		case string:
			line = value
		default:
			text, err := gojq.Marshal(value)
			if err != nil {
				return fmt.Errorf("write answer: %w", err)
			}
			line = string(text)
		}
		if _, err := fmt.Fprintln(e.Stdout, line); err != nil {
			return err
		}
	}
}
