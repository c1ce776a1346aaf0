package stores_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sftoken/sftoken/internal/stores"
	"github.com/sftoken/sftoken/keys"
	"github.com/sftoken/sftoken/store"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]stores.Location{
		"":                                 {Kind: stores.File, Path: "/data"},
		"file:":                            {Kind: stores.File, Path: "/data"},
		"file:/other":                      {Kind: stores.File, Path: "/other"},
		"file:/other/":                     {Kind: stores.File, Path: "/other"},
		"sqlite:/x/y.db":                   {Kind: stores.SQLite, Path: "/x/y.db"},
		"postgres://me@db.example:5432/x":  {Kind: stores.Postgres, URL: "postgres://me@db.example:5432/x"},
		"postgresql:///x?host=/run&user=a": {Kind: stores.Postgres, URL: "postgresql:///x?host=/run&user=a"},
		"postgres://?service=prod":         {Kind: stores.Postgres, URL: "postgres://?service=prod"},
	} {
		got, err := stores.Parse(text, "/data")
		if err != nil || got != want {
			t.Errorf("%q: %+v, %v; want %+v", text, got, err, want)
		}
		if again, err := stores.Parse(got.String(), "/elsewhere"); err != nil || again != got {
			t.Errorf("%q: %q reads back as %+v, %v", text, got, again, err)
		}
	}
	here, err := stores.Parse("sqlite:y.db", "/data")
	if wd, _ := os.Getwd(); err != nil || here.Path != filepath.Join(wd, "y.db") {
		t.Errorf("a relative path: %+v, %v", here, err)
	}
}

// C-70: a password is refused, and is not in the error; nor is what may be one.
func TestNoPasswordInALocation(t *testing.T) {
	t.Parallel()
	for text, id := range map[string]string{
		"postgres://me:CANARY@db/x":                   "store-password",
		"postgres://db/x?user=me&password=CANARY":     "store-password",
		"postgres://db/x?sslkey=k&sslpassword=CANARY": "store-password",
		"postgres://me:CANARY@[db/x":                  "store-unknown",
		"postgres:me:CANARY@db/x":                     "store-unknown",
		"mysql://me:CANARY@db/x":                      "store-unknown",
		"host=db password=CANARY":                     "store-unknown",
		"CANARY":                                      "store-unknown",
		"sqlite:":                                     "store-unknown",
	} {
		_, err := stores.Parse(text, "/data")
		e, ok := errors.AsType[*stores.LocationError](err)
		if !ok || e.ErrorID() != id || strings.Contains(err.Error(), "CANARY") {
			t.Errorf("%q: %v, want %s without the password", text, err, id)
		}
	}
}

func TestSame(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Skip(err)
	}
	a, b := stores.Location{Kind: stores.File, Path: dir}, stores.Location{Kind: stores.File, Path: link}
	if !a.Same(b) || a.Same(stores.Location{Kind: stores.SQLite, Path: dir}) || a.Same(stores.Location{Kind: stores.File, Path: t.TempDir()}) {
		t.Error("a link to a directory is the same store, another kind or directory is not")
	}
}

// Each database that the keys have encrypted is remembered, once, until it is forgotten.
func TestKnown(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	set, _, err := keys.Create(t.Context(), keys.Options{Dir: dir, Place: keys.File})
	if err != nil {
		t.Fatal(err)
	}
	var want []stores.Location
	for _, name := range []string{"a.db", "b.db"} {
		l := stores.Location{Kind: stores.SQLite, Path: filepath.Join(dir, name)}
		if _, err := stores.Open(t.Context(), l, stores.Options{DataDir: dir, Keys: set}); !errors.Is(err, stores.ErrMissing) {
			t.Errorf("open %v: %v, want ErrMissing", l, err)
		}
		for range 2 {
			s, err := stores.Open(t.Context(), l, stores.Options{DataDir: dir, Keys: set, Create: true})
			if err != nil {
				t.Fatal(err)
			}
			s.Close()
		}
		want = append(want, l)
	}
	if got, err := stores.Known(dir); err != nil || !slices.Equal(got, want) {
		t.Errorf("known %v, %v; want %v", got, err, want)
	}
	if err := stores.Forget(t.Context(), dir, want[0]); err != nil {
		t.Fatal(err)
	}
	if got, err := stores.Known(dir); err != nil || !slices.Equal(got, want[1:]) {
		t.Errorf("known %v, %v; want %v", got, err, want[1:])
	}
	path := filepath.Join(dir, "stores.json")
	for text, want := range map[string]error{`{"schema":2,"stores":[]}`: store.ErrNewerFormat, `{"sch`: store.ErrDamaged, `{"schema":1,"stores":["x"]}`: store.ErrDamaged} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := stores.Known(dir); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", text, err, want)
		}
	}
}
