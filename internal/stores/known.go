package stores

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/sftoken/sftoken/internal/durable"
	"github.com/sftoken/sftoken/internal/lock"
	"github.com/sftoken/sftoken/store"
)

// schema is the newest form of stores.json that we know.
const schema = 1

// record is stores.json.
type record struct {
	Schema int      `json:"schema"`
	Stores []string `json:"stores"`
}

// Known are the databases that were opened with the keys of a data directory.
func Known(dataDir string) ([]Location, error) {
	path := filepath.Join(dataDir, "stores.json")
	data, err := durable.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var r record
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, &store.Error{Op: "read", Path: path, Kind: store.ErrDamaged, Err: err, Mend: "remove it, and open each database once again"}
	}
	if r.Schema > schema {
		return nil, &store.Error{Op: "read", Path: path, Kind: store.ErrNewerFormat, Mend: "update sftoken"}
	}
	var found []Location
	for _, text := range r.Stores {
		l, err := Parse(text, dataDir)
		if err != nil {
			return nil, &store.Error{Op: "read", Path: path, Kind: store.ErrDamaged, Err: err, Mend: "remove the line"}
		}
		found = append(found, l)
	}
	return found, nil
}

// remember adds a database to those that are known.
func remember(ctx context.Context, dataDir string, l Location) error {
	known, err := Known(dataDir)
	if err != nil || slices.Contains(known, l) {
		return err
	}
	return change(ctx, dataDir, func(known []Location) []Location {
		if slices.Contains(known, l) {
			return known
		}
		return append(known, l)
	})
}

// Forget takes a database off those that are known: it is gone, or the keys are not needed for it any more.
func Forget(ctx context.Context, dataDir string, l Location) error {
	return change(ctx, dataDir, func(known []Location) []Location {
		return slices.DeleteFunc(known, func(k Location) bool { return k == l })
	})
}

func change(ctx context.Context, dataDir string, how func([]Location) []Location) error {
	held, err := lock.In(filepath.Join(dataDir, "locks")).Take(ctx, "_stores") // no alias begins like this
	if err != nil {
		return err
	}
	defer held.Release()
	known, err := Known(dataDir)
	if err != nil {
		return err
	}
	r := record{Schema: schema, Stores: []string{}}
	for _, l := range how(known) {
		r.Stores = append(r.Stores, l.String())
	}
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return durable.Write(filepath.Join(dataDir, "stores.json"), append(data, '\n'))
}
