// Command sftoken gets, keeps and hands out Salesforce tokens.
package main

import (
	"os"

	"github.com/sftoken/sftoken/internal/cli"
)

func main() { os.Exit(cli.Main()) }
