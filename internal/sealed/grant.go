package sealed

import (
	"errors"
	"io/fs"

	"github.com/sftoken/sftoken/internal/durable"
	"github.com/sftoken/sftoken/keys"
	"github.com/sftoken/sftoken/store"
)

// SealGrant encrypts a grant with the key that is current now, bound to the kind of place that it is kept in and to its
// alias. The caller holds the grant's lease, which keeps those out who encrypt it anew.
func SealGrant(key *keys.Set, kind string, g *store.Grant) ([]byte, error) {
	if key == nil {
		return nil, NoKey()
	}
	if err := key.Check(); err != nil {
		return nil, err
	}
	plaintext, err := store.Encode(g)
	if err != nil {
		return nil, err
	}
	return Seal(key, Label{Kind: kind, Name: g.Alias}, plaintext), nil
}

// OpenGrant decrypts what SealGrant made. All errors are *store.Error; none shows anything of the grant.
func OpenGrant(key *keys.Set, kind, alias string, data []byte) (*store.Grant, error) {
	plaintext, err := Open(key, Label{Kind: kind, Name: alias}, data)
	if err != nil {
		return nil, err
	}
	g, err := store.Decode(plaintext)
	if err == nil && g.Alias != alias {
		err = &store.Error{Op: "read", Kind: store.ErrDamaged, Detail: "damaged (it holds a grant of another name)"}
	}
	if err != nil {
		return nil, err
	}
	return g, nil
}

// ReadGrant opens the grant in a file. A missing one is store.ErrNotFound; mend says what to do about a damaged one.
func ReadGrant(key *keys.Set, kind, alias, path, mend string) (*store.Grant, error) {
	data, err := durable.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &store.Error{Op: "read", Kind: store.ErrNotFound}
	}
	var g *store.Grant
	if err == nil {
		g, err = OpenGrant(key, kind, alias, data)
	}
	if e, ok := errors.AsType[*store.Error](err); ok {
		e.Path = path
		if errors.Is(err, store.ErrDamaged) {
			e.Mend = mend
		}
	}
	if err != nil {
		return nil, err
	}
	return g, nil
}

// NoKey is the error of a store that was opened without its key and has to write.
func NoKey() error {
	return &store.Error{Kind: store.ErrKeyLost, Detail: "the store was opened without its key", Mend: "open it with the key"}
}
