package inspect

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/sftoken/sftoken/internal/durable"
	"github.com/sftoken/sftoken/internal/filename"
	"github.com/sftoken/sftoken/internal/login"
	"github.com/sftoken/sftoken/store"
)

// settled is how old a temporary file is when nobody is writing it any more.
const settled = ahead

// top are the files that belong into a data directory, besides keys and databases.
var top = []string{"apps", "apps.lock", "config.toml", "key.json", "key.lock", "stores.json", "versions.json"}

// below says of the directories which files belong into them.
var below = map[string]func(name string) bool{
	"grants":   func(name string) bool { return isAlias(name, ".grant") },
	"spool":    func(name string) bool { return isAlias(name, ".spool") },
	"attempts": func(name string) bool { return len(name) == 12 && !strings.Contains(name, ".") },
	"locks":    func(name string) bool { return isAlias(name, ".lock") || strings.HasPrefix(name, "_") },
}

func isAlias(name, suffix string) bool {
	stem, ok := strings.CutSuffix(name, suffix)
	if !ok {
		return false
	}
	_, ok = filename.Alias(stem)
	return ok
}

// spool speaks of answers that wait to be put into the store. One that cannot be read was found with its grant.
func (f *Findings) spool(t Target) {
	names, err := durable.Names(t.SpoolDir)
	if err != nil {
		f.problem("unsafe", err)
		return
	}
	for _, alias := range filename.Aliases(names, ".spool") {
		f.add(Finding{ID: "spooled", Alias: alias, Path: filepath.Join(t.SpoolDir, filename.Of(alias)+".spool")})
	}
}

// directory goes through the data directory, one level deep and into the directories that are ours.
func (f *Findings) directory(t Target) {
	if !f.safe(t.DataDir, true) {
		return
	}
	for _, e := range f.entries(t.DataDir) {
		name, path := e.Name(), filepath.Join(t.DataDir, e.Name())
		belongs, ours := below[name]
		switch {
		case e.IsDir() && ours:
			f.inside(t, path, belongs)
		case e.IsDir() && strings.HasPrefix(name, "spool-postgres-"):
			f.inside(t, path, below["spool"])
		case e.IsDir() && strings.HasPrefix(name, "sf-"):
			f.sidecar(t, path)
		case slices.ContainsFunc(t.Others, func(other string) bool { return strings.HasPrefix(path, other) }):
		case name == "key", strings.HasPrefix(name, "key-"):
			f.key(t, path)
		case slices.Contains(top, name):
			f.file(path)
		case strings.HasPrefix(name, "."):
			f.temporary(t, path, e)
		default:
			f.add(Finding{ID: "unknown", Path: path})
		}
	}
}

// sidecar goes through what is kept beside the Salesforce CLI's files.
func (f *Findings) sidecar(t Target, dir string) {
	if !f.safe(dir, true) {
		return
	}
	for _, e := range f.entries(dir) {
		path := filepath.Join(dir, e.Name())
		if belongs, ours := below[e.Name()]; e.IsDir() && ours {
			f.inside(t, path, belongs)
		} else {
			f.add(Finding{ID: "unknown", Path: path})
		}
	}
}

func (f *Findings) inside(t Target, dir string, belongs func(string) bool) {
	if !f.safe(dir, true) {
		return
	}
	for _, e := range f.entries(dir) {
		path := filepath.Join(dir, e.Name())
		switch {
		case belongs(e.Name()):
			f.file(path)
			f.late(t, dir, path, e)
		case strings.HasPrefix(e.Name(), "."):
			f.temporary(t, path, e)
		default:
			f.add(Finding{ID: "unknown", Path: path})
		}
	}
}

func (f *Findings) entries(dir string) []fs.DirEntry {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		f.problem("unsafe", durable.Failure("open directory", dir, err))
	}
	return entries
}

// file looks at who can use one of ours. The config file holds no secret.
func (f *Findings) file(path string) {
	if filepath.Base(path) != "config.toml" {
		f.safe(path, false)
	}
}

func (f *Findings) safe(path string, dir bool) bool {
	check := durable.CheckFile
	if dir {
		check = durable.CheckDir
	}
	err := check(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false
	}
	if err != nil && !f.told(path) {
		f.problem("unsafe", err)
	}
	return err == nil
}

// told reports whether a file was found already, with its grant.
func (f *Findings) told(path string) bool {
	return slices.ContainsFunc(f.All, func(seen Finding) bool {
		return seen.Problem && seen.Path == path && errors.Is(seen.Err, store.ErrUnsafe)
	})
}

// key speaks of a key file that key.json does not know. It is not for us to say that nobody needs it.
func (f *Findings) key(t Target, path string) {
	if f.safe(path, false) && t.Keys != nil && !slices.Contains(t.Keys.Files(), filepath.Base(path)) {
		f.add(Finding{ID: "key-unused", Path: path})
	}
}

// temporary speaks of what a crash has left.
func (f *Findings) temporary(t Target, path string, e fs.DirEntry) {
	info, err := e.Info()
	if err != nil {
		return // gone: it was at work
	}
	if runtime.GOOS == "darwin" && e.Name() == ".DS_Store" {
		return
	}
	if t.Now.Sub(info.ModTime()) > settled {
		f.add(Finding{ID: "leftover", Path: path})
	}
}

// late speaks of logins that were started and never finished.
func (f *Findings) late(t Target, dir, path string, e fs.DirEntry) {
	info, err := e.Info()
	if err == nil && filepath.Base(dir) == "attempts" && t.Now.Sub(info.ModTime()) > login.PendingLife {
		f.add(Finding{ID: "late-attempt", Path: path})
	}
}
