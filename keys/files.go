package keys

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/sftoken/sftoken/internal/durable"
	"github.com/sftoken/sftoken/store"
)

// schema is the newest form of key.json that we know.
const schema = 1

// record is key.json: what is known of the key without the key.
type record struct {
	Schema  int       `json:"schema"`
	ID      string    `json:"id"`
	Place   Place     `json:"place"`
	Created time.Time `json:"created"`
}

func (h home) writeRecord(r record) error {
	r.Schema, r.Created = schema, r.Created.UTC().Truncate(time.Second)
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
	var r record
	if err := json.Unmarshal(data, &r); err != nil {
		return record{}, &store.Error{Op: "read", Path: path, Kind: store.ErrDamaged, Err: err, Mend: "restore it from a backup"}
	}
	if r.Schema > schema {
		return record{}, &store.Error{Op: "read", Path: path, Kind: store.ErrNewerFormat, Mend: "update sftoken"}
	}
	if r.ID == "" || r.Place != Keyring && r.Place != File {
		return record{}, &store.Error{Op: "read", Path: path, Kind: store.ErrDamaged, Mend: "restore it from a backup",
			Detail: fmt.Sprintf("damaged (id %q, place %q)", r.ID, r.Place)}
	}
	return r, nil
}

// guessRecord tells a new directory from one that lost its key.json. A key file alone is enough: Create was interrupted
// before key.json, or somebody brought back the key without it.
func (h home) guessRecord() (record, error) {
	if _, err := os.Lstat(h.path("key")); err == nil {
		return record{Place: File}, nil
	}
	if path, id := findSealed(h.Dir); path != "" {
		return record{}, &store.Error{Op: "open key", Path: h.Dir, Kind: ErrKeyLost, Mend: lostMend,
			Detail: fmt.Sprintf("%s is encrypted with key %s, but key.json, which says where that key is, is gone", path, id)}
	}
	return record{}, h.noKey()
}

func (h home) noKey() error {
	return &store.Error{Op: "open key", Path: h.Dir, Kind: ErrNoKey, ID: "key-none", Mend: "log in first"}
}

// findSealed looks for a file that some key has sealed, whoever keeps it there.
func findSealed(dir string) (found, id string) {
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
		if sealedWith, err := SealedWith(head); err == nil {
			found, id = path, sealedWith
			return filepath.SkipAll
		}
		return nil
	})
	return found, id
}

func (h home) fromFile(id string) (*Key, error) {
	path := h.path("key")
	data, err := durable.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &store.Error{Op: "open key " + id, Path: path, Kind: ErrKeyLost, Detail: "the key file is gone", Mend: lostMend}
	}
	if err != nil {
		return nil, err
	}
	return parseKey(string(data), id, &store.Error{Op: "open key " + id, Path: path, Mend: lostMend,
		Detail: "the file does not hold that key"})
}

// toFile writes a new key file. The caller holds the lock and has seen that there is none.
func (h home) toFile(raw []byte) (*Key, error) {
	key, err := newKey(raw)
	if err != nil {
		return nil, err
	}
	if err := durable.Write(h.path("key"), []byte(base64.StdEncoding.EncodeToString(raw)+"\n")); err != nil {
		return nil, err
	}
	return key, nil
}
