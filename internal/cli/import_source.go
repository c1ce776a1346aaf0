package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/internal/imports"
	"github.com/sftoken/sftoken/internal/stores"
)

// maxImport is far more than any of these files holds.
const maxImport = 1 << 20

// importSource finds the login that is to be taken over.
func (e *Env) importSource(ctx context.Context, o *importOptions) (*imports.Login, error) {
	if o.from == string(stores.SF) {
		return e.importSalesforce(ctx, o)
	}
	format := imports.Format(o.from)
	if o.from != "" && !slices.Contains(imports.Formats(), format) {
		return nil, &localError{id: "import-format", code: exitUsage, data: map[string]any{"format": o.from}}
	}
	settings, err := e.Config()
	if err != nil {
		return nil, err
	}
	source, data, err := e.importText(ctx, o, format)
	if err != nil {
		return nil, err
	}
	all, err := imports.Read(format, source, data, sftoken.HostRules{Allow: words(o.app.allowHosts, settings.AllowHosts)})
	if err != nil {
		return nil, err
	}
	return pickLogin(all, o.user)
}

// importText reads the file, or stdin, or asks for a refresh token where a person sits.
func (e *Env) importText(ctx context.Context, o *importOptions, format imports.Format) (source string, data []byte, err error) {
	path := o.file
	if path == "" {
		if path, err = e.importDefault(format, o.user); err != nil {
			return "", nil, err
		}
	}
	switch {
	case path != "" && path != "-":
		data, err = readImport(path)
		return path, data, err
	case e.Interactive() && path == "":
		text, err := e.ask(ctx, question{id: "import", hidden: true})
		return "stdin", []byte(text), err
	case e.StdinTTY:
		return "", nil, missing("--file", "stdin")
	}
	data, err = io.ReadAll(io.LimitReader(e.Stdin, maxImport))
	if err != nil {
		return "", nil, fmt.Errorf("import stdin: %w", err)
	}
	return "stdin", data, nil
}

func readImport(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err == nil {
		defer f.Close()
		var data []byte
		if data, err = io.ReadAll(io.LimitReader(f, maxImport)); err == nil {
			return data, nil
		}
	}
	if failed, ok := errors.AsType[*os.PathError](err); ok {
		err = failed.Err
	}
	return nil, &imports.Error{Source: path, Reason: err.Error()}
}

// importDefault is where ForceCLI and jsforce keep their logins; "" for the formats that have no place.
func (e *Env) importDefault(format imports.Format, user string) (string, error) {
	home := cmp.Or(e.Getenv("HOME"), e.Getenv("USERPROFILE"))
	switch format {
	case imports.JSforce:
		return filepath.Join(home, ".jsforce", "config.json"), nil
	case imports.ForceCLI:
	default:
		return "", nil
	}
	dir := filepath.Join(home, ".force", "accounts")
	if user != "" && filepath.Base(user) == user {
		return filepath.Join(dir, user), nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) == 0 {
		return "", &imports.Error{Source: dir, Reason: "ForceCLI has no account there"}
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	if len(names) > 1 {
		return "", severalLogins(names)
	}
	return filepath.Join(dir, names[0]), nil
}

// importSalesforce copies a login of the Salesforce CLI.
func (e *Env) importSalesforce(ctx context.Context, o *importOptions) (*imports.Login, error) {
	at, err := e.locate("sf:" + o.file)
	if err != nil {
		return nil, err
	}
	k, err := e.openAt(ctx, at)
	if err != nil {
		return nil, err
	}
	defer k.Close()
	alias := o.user
	if alias == "" {
		aliases, err := k.Aliases(ctx)
		switch {
		case err != nil:
			return nil, err
		case len(aliases) == 0:
			return nil, &imports.Error{Source: at.Path, Reason: "the Salesforce CLI has no login there"}
		case len(aliases) > 1:
			return nil, severalLogins(aliases)
		}
		alias = aliases[0]
	}
	g, err := k.Get(ctx, alias)
	if err != nil {
		return nil, err
	}
	if g.RefreshToken.IsZero() {
		return nil, &imports.Error{Source: at.Path, Reason: "the login of " + g.Username + " has no refresh token there"}
	}
	return &imports.Login{
		Name: alias, App: g.App, RefreshToken: g.RefreshToken, InstanceURL: g.InstanceURL, Username: g.Username,
	}, nil
}

// pickLogin takes the one that is meant.
func pickLogin(all []imports.Login, user string) (*imports.Login, error) {
	var names []string
	for i, l := range all {
		names = append(names, cmp.Or(l.Name, l.Username))
		if user != "" && (l.Name == user || strings.EqualFold(l.Username, user)) {
			return &all[i], nil
		}
	}
	if len(all) > 1 || user != "" && names[0] != "" {
		return nil, severalLogins(names)
	}
	return &all[0], nil
}

func severalLogins(names []string) error {
	return &localError{id: "import-several", code: exitUsage, hints: true, data: map[string]any{"names": joined(names), "first": names[0]}}
}
