package file_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/sftoken/sftoken/keys"
	"github.com/sftoken/sftoken/store"
	"github.com/sftoken/sftoken/store/file"
	"github.com/sftoken/sftoken/store/storetest"
)

var processes = storetest.Processes{
	Open: func(ctx context.Context, dir string) (store.Store, error) {
		key, _, err := keys.Create(ctx, keys.Options{Dir: dir, Place: keys.File})
		if err != nil {
			return nil, err
		}
		return file.Open(ctx, file.Options{Dir: dir, Key: key})
	},
	AfterKills: func(t *testing.T, dir string, _ store.Store) {
		for _, sub := range []string{"grants", "spool"} {
			entries, _ := os.ReadDir(filepath.Join(dir, sub))
			for _, e := range entries {
				if e.Name() != "prod.grant" {
					t.Errorf("after the next lease %s/%s is left", sub, e.Name())
				}
			}
		}
	},
}

func TestMain(m *testing.M) { processes.Main(m) }

func TestProcesses(t *testing.T) {
	t.Parallel()
	processes.Run(t, func(t *testing.T) string { return filepath.Join(t.TempDir(), "data") })
}
