package keys

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/sftoken/sftoken/internal/durable"
	"github.com/sftoken/sftoken/store"
)

// schema is the newest form of key.json that we know. Schema 1 told of one key.
const schema = 2

// record is key.json: what is known of the keys without the keys.
type record struct {
	Schema  int     `json:"schema"`
	Current string  `json:"current"` // id of the key that seals
	Keys    []entry `json:"keys"`
}

// entry is one key.
type entry struct {
	ID      string    `json:"id"`
	Place   Place     `json:"place"`
	File    string    `json:"file,omitempty"` // in the data directory, if that is the place
	Created time.Time `json:"created,omitzero"`
	Retired bool      `json:"retired,omitempty"` // nothing is sealed with it: it is being removed
}

func find(entries []entry, id string) *entry {
	for i := range entries {
		if entries[i].ID == id {
			return &entries[i]
		}
	}
	return nil
}

func (h home) writeRecord(r record) error {
	r.Schema = schema
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return durable.Write(h.path("key.json"), append(data, '\n'))
}

// readRecord reads key.json. Without one it looks at what else is there.
func (h home) readRecord() (record, error) {
	if err := durable.CheckDir(h.Dir); errors.Is(err, fs.ErrNotExist) {
		return record{}, h.noKey()
	} else if err != nil {
		return record{}, err
	}
	path := h.path("key.json")
	data, err := durable.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return h.guessRecord()
	}
	if err != nil {
		return record{}, err
	}
	r, err := parseRecord(data)
	if e, ok := errors.AsType[*store.Error](err); ok {
		e.Op, e.Path = "read", path
	}
	return r, err
}

func parseRecord(data []byte) (record, error) {
	var r struct {
		record
		entry // schema 1
	}
	const mend = "restore it from a backup"
	if err := json.Unmarshal(data, &r); err != nil {
		return record{}, &store.Error{Kind: store.ErrDamaged, Err: err, Mend: mend}
	}
	if r.Schema > schema {
		return record{}, &store.Error{Kind: store.ErrNewerFormat, Mend: "update sftoken"}
	}
	if r.Schema <= 1 {
		r.Current, r.Keys = r.ID, []entry{r.entry}
		if r.Place == File {
			r.Keys[0].File = firstFile
		}
	}
	for _, e := range append([]entry{{ID: r.Current, Place: Keyring}}, r.Keys...) {
		if e.ID == "" || e.Place != Keyring && (e.Place != File || e.File != firstFile && e.File != fileOf(e.ID)) {
			return record{}, &store.Error{
				Kind: store.ErrDamaged, Mend: mend,
				Detail: fmt.Sprintf("damaged (id %q, place %q, file %q)", e.ID, e.Place, e.File),
			}
		}
	}
	if e := find(r.Keys, r.Current); e == nil || e.Retired {
		return record{}, &store.Error{
			Kind: store.ErrDamaged, Mend: mend,
			Detail: fmt.Sprintf("damaged (the current key %q is not among its keys)", r.Current),
		}
	}
	return r.record, nil
}

// guessRecord tells a new directory from one that lost its key.json. Key files alone are enough: Create was interrupted
// before key.json, or somebody brought back the keys without it. Of several the newest is taken for the current one.
func (h home) guessRecord() (record, error) {
	names, _ := filepath.Glob(filepath.Join(globQuote(h.Dir), "key-*"))
	var r record
	var newest time.Time
	for _, path := range append(names, h.path(firstFile)) {
		info, err := os.Lstat(path)
		if err != nil {
			continue
		}
		k, err := h.fromFile(filepath.Base(path), "")
		if err != nil {
			return record{}, err
		}
		r.Keys = append(r.Keys, entry{ID: k.name(), Place: File, File: filepath.Base(path)})
		if r.Current == "" || info.ModTime().After(newest) {
			r.Current, newest = k.name(), info.ModTime()
		}
	}
	if len(r.Keys) > 0 {
		return r, nil
	}
	if path, id := findSealed(h.Dir, ""); path != "" {
		return record{}, &store.Error{
			Op: "open key", Path: h.Dir, Kind: ErrKeyLost, Mend: lostMend,
			Detail: fmt.Sprintf("%s is encrypted with key %s, but key.json, which says where that key is, is gone", path, id),
		}
	}
	return record{}, h.noKey()
}

func (h home) noKey() error {
	return &store.Error{Op: "open key", Path: h.Dir, Kind: ErrNoKey, ID: "key-none", Mend: "log in first"}
}

// findSealed looks for a file that the key of this id has sealed, whoever keeps it there; any key, if the id is empty.
func findSealed(dir, wanted string) (found, id string) {
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil // what cannot be read cannot be told apart either
		}
		f, err := os.Open(path)
		if err != nil {
			return nil
		}
		defer f.Close()
		head := make([]byte, headerSize)
		if _, err := io.ReadFull(f, head); err != nil || !bytes.HasPrefix(head, []byte(magic)) {
			return nil
		}
		sealedWith, err := SealedWith(head)
		if err == nil && (wanted == "" || sealedWith == wanted) {
			found, id = path, sealedWith
			return filepath.SkipAll
		}
		return nil
	})
	return found, id
}

func globQuote(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}
