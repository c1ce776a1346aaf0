package sealed

import (
	"errors"

	"github.com/sftoken/sftoken/internal/durable"
	"github.com/sftoken/sftoken/keys"
	"github.com/sftoken/sftoken/store"
)

// KeyID tells with which key the file at path is encrypted. It needs no key. A missing file is fs.ErrNotExist.
func KeyID(path string) (string, error) {
	data, err := durable.Read(path)
	if err != nil {
		return "", err
	}
	id, err := keys.SealedWith(data)
	if e, ok := errors.AsType[*store.Error](err); ok {
		e.Op, e.Path = "read", path
	}
	return id, err
}
