package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/sftoken/sftoken/internal/cli"
)

// Every command that --help names has its page, with its examples.
func TestPages(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "man")
	if err := write(dir); err != nil {
		t.Fatal(err)
	}
	var look func(*cobra.Command)
	look = func(command *cobra.Command) {
		if !command.IsAvailableCommand() && command.HasParent() || command.IsAdditionalHelpTopicCommand() {
			return
		}
		page, err := os.ReadFile(filepath.Join(dir, strings.ReplaceAll(command.CommandPath(), " ", "-")+".1"))
		if err != nil {
			t.Error(err)
		}
		if !strings.Contains(string(page), ".SH SYNOPSIS") || command.Example != "" && !strings.Contains(string(page), ".SH EXAMPLE") {
			t.Errorf("%s: the page has no synopsis or no example", command.CommandPath())
		}
		for _, sub := range command.Commands() {
			look(sub)
		}
	}
	look(cli.Command())
}
