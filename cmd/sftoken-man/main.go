// Command sftoken-man writes sftoken's man pages, one for each command, into a folder: `make man`, or
//
//	go run ./cmd/sftoken-man DIR
//
// Packagers run it when they build. It is a program of its own so that sftoken does not carry a typesetter.
package main

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra/doc"

	"github.com/sftoken/sftoken/internal/cli"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: sftoken-man DIR")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("write man pages: %w", err)
	}
	root := cli.Command()
	root.DisableAutoGenTag = true
	// The same source gives the same pages, whenever they are written.
	date := time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC)
	if err := doc.GenManTree(root, &doc.GenManHeader{Section: "1", Source: "sftoken", Manual: "sftoken", Date: &date}, dir); err != nil {
		return fmt.Errorf("write man pages: %w", err)
	}
	return nil
}
