package keys

import (
	"encoding/base64"
	"errors"
	"io/fs"

	"github.com/sftoken/sftoken/internal/durable"
	"github.com/sftoken/sftoken/store"
)

// firstFile holds the key that a data directory was set up with; those that followed are in files named after them.
const firstFile = "key"

func fileOf(id string) string { return firstFile + "-" + id }

// fromFile reads the key of this id; any key, if the id is empty.
func (h home) fromFile(name, id string) (*key, error) {
	path := h.path(name)
	data, err := durable.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &store.Error{Op: "open key " + id, Path: path, Kind: ErrKeyLost, Detail: "the key file is gone", Mend: lostMend}
	}
	if err != nil {
		return nil, err
	}
	return parseKey(string(data), id, &store.Error{
		Op: "open key " + id, Path: path, Mend: lostMend,
		Detail: "the file does not hold that key",
	})
}

// toFile writes a new key file. The caller holds the lock and has seen that there is none.
func (h home) toFile(name string, raw []byte) error {
	return durable.Write(h.path(name), []byte(base64.StdEncoding.EncodeToString(raw)+"\n"))
}
