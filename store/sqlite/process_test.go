package sqlite_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/sftoken/sftoken/keys"
	"github.com/sftoken/sftoken/store"
	"github.com/sftoken/sftoken/store/sqlite"
	"github.com/sftoken/sftoken/store/storetest"
)

var processes = storetest.Processes{
	Open: func(ctx context.Context, path string) (store.Store, error) {
		key, _, err := keys.Create(ctx, keys.Options{Dir: filepath.Dir(path), Place: keys.File})
		if err != nil {
			return nil, err
		}
		return sqlite.Open(ctx, sqlite.Options{Path: path, Key: key})
	},
	AfterKills: func(t *testing.T, path string, s store.Store) {
		var verdict string
		do(t, s.(*sqlite.Store).Writer().QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&verdict))
		if verdict != "ok" {
			t.Errorf("integrity_check: %s", verdict)
		}
		for sub, want := range map[string]int{"-locks": 2, "-spool": 0} { // of the grant and of the schema
			if entries, err := os.ReadDir(path + sub); err != nil || len(entries) != want {
				t.Errorf("after the next lease %s holds %v, %v; want %d files", sub, entries, err, want)
			}
		}
	},
}

func TestMain(m *testing.M) { processes.Main(m) }

func TestProcesses(t *testing.T) {
	t.Parallel()
	processes.Run(t, func(t *testing.T) string { return place(t) })
}
