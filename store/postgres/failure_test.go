package postgres_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/keys"
	"github.com/sftoken/sftoken/store"
	"github.com/sftoken/sftoken/store/postgres"
	"github.com/sftoken/sftoken/store/postgres/pgtest"
	"github.com/sftoken/sftoken/store/storetest"
)

const canary = "CANARY-password"

// What cannot be opened says why and what to do, and never the password.
func TestOpenFails(t *testing.T) {
	t.Parallel()
	s := server(t)
	at := fmt.Sprintf("127.0.0.1:%d", s.Port)
	nobody := pgtest.FreePort(t)
	for name, tt := range map[string]struct {
		dsn       string
		want      error
		id        string
		temporary bool
		text      string
	}{
		"nobody there":     {fmt.Sprintf("postgres://u:%s@127.0.0.1:%d/db?sslmode=disable", canary, nobody), store.ErrUnavailable, "store-unavailable", true, "connection refused"},
		"wrong password":   {"postgres://" + pgtest.Guest + ":" + canary + "@" + at + "/postgres?sslmode=disable", store.ErrRefused, "store-login-refused", false, "password authentication failed"},
		"unknown database": {"postgres://" + pgtest.User + ":" + canary + "@" + at + "/missing?sslmode=disable", store.ErrRefused, "store-database-missing", false, `database "missing" does not exist`},
		"unknown user":     {"postgres://nobody:" + canary + "@" + at + "/postgres?sslmode=disable", store.ErrRefused, "store-login-refused", false, "nobody"},
		"no rights":        {"postgres://" + pgtest.Guest + ":" + pgtest.GuestPassword + "@" + at + "/postgres?sslmode=disable", store.ErrReadOnly, "store-read-only", false, "permission denied"},
		"no TLS there":     {"postgres://" + pgtest.User + ":" + canary + "@" + at + "/postgres?sslmode=require", store.ErrUnavailable, "store-unavailable", true, "TLS"},
		"no URL":           {"postgres://u:" + canary + "%zz@host/db", store.ErrRefused, "store-dsn-invalid", false, "connection string"},
		"unknown setting":  {"postgres://u:" + canary + "@host/db?sslmode=" + canary, store.ErrRefused, "store-dsn-invalid", false, "connection string"},
		"bad port":         {"host=h password=" + canary + " port=" + canary, store.ErrRefused, "store-dsn-invalid", false, "connection string"},
	} {
		_, err := postgres.Open(t.Context(), postgres.Options{DSN: tt.dsn, Key: keys.Generate()})
		e, ok := errors.AsType[*store.Error](err)
		if !ok || !errors.Is(err, tt.want) || e.ErrorID() != tt.id || errors.Is(err, sftoken.ErrTemporary) != tt.temporary || e.Mend == "" {
			t.Errorf("%s: %v, want %s, temporary %v", name, err, tt.id, tt.temporary)
			continue
		}
		for _, verb := range []string{"%v", "%+v", "%#v"} {
			if text := fmt.Sprintf(verb, err); strings.Contains(text, "CANARY") || strings.Contains(text, "\n") {
				t.Errorf("%s: %s of the error shows the password, or has two lines: %s", name, verb, text)
			}
		}
		if !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s: %v, want it to say %q", name, err, tt.text)
		}
	}
	if _, err := postgres.Open(t.Context(), postgres.Options{}); err == nil {
		t.Error("Open without a connection string succeeded")
	}
}

func TestStoreKeepsThePassword(t *testing.T) {
	t.Parallel()
	o := options(t)
	o.DSN = strings.Replace(o.DSN, "@", ":"+canary+"@", 1)
	o.ListenDSN = o.DSN
	s := open(t, o)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		for _, v := range []any{s, lease(t, s, fmt.Sprintf("a%x", verb))} {
			if text := fmt.Sprintf(verb, v); strings.Contains(text, canary) {
				t.Errorf("printing a %T with %s shows the password", v, verb)
			}
		}
	}
	if want := fmt.Sprintf("PostgreSQL database 127.0.0.1:%d/%s", server(t).Port, databaseOf(o)); s.String() != want {
		t.Errorf("String = %q, want %q", s, want)
	}
}

// brokers 5.3 no. 33: an older program leaves a newer schema alone.
func TestNewerSchema(t *testing.T) {
	t.Parallel()
	o := options(t)
	put(t, open(t, o), storetest.Grant("prod"))
	server(t).Exec(t, databaseOf(o), "INSERT INTO sftoken_schema (version_id, is_applied) VALUES (99, true)")
	if _, err := postgres.Open(t.Context(), o); !errors.Is(err, store.ErrNewerFormat) || !strings.Contains(err.Error(), "99") {
		t.Errorf("Open of a newer schema: %v, want ErrNewerFormat", err)
	}
}

// brokers 5.3 no. 7: Probe refuses before a token is spent, and what could be read still can.
func TestProbeFindsOut(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, sql string
		want      error
	}{
		{"read only", "ALTER ROLE app SET default_transaction_read_only = on", store.ErrReadOnly},
		{"no right to save", "REVOKE UPDATE ON sftoken_grants FROM app", store.ErrReadOnly},
		{"no right to insert", "REVOKE INSERT ON sftoken_grants FROM app", store.ErrReadOnly},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := options(t)
			put(t, open(t, o), storetest.Grant("prod"))
			app := "app_" + databaseOf(o)
			sql := func(text string) { server(t).Exec(t, databaseOf(o), strings.ReplaceAll(text, "app", app)) }
			sql("CREATE ROLE app LOGIN; GRANT SELECT, INSERT, UPDATE, DELETE ON sftoken_grants, sftoken_leases TO app; GRANT SELECT ON sftoken_schema TO app")
			o.DSN = strings.Replace(o.DSN, pgtest.User+"@", app+"@", 1) + "&pool_max_conns=1"
			s := open(t, o)
			l := lease(t, s, "prod")
			do(t, l.Probe(t.Context()))
			sql(tt.sql)
			if tt.name == "read only" { // counts from the next session on
				sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'")
			}
			if err := l.Probe(t.Context()); !errors.Is(err, tt.want) {
				t.Errorf("Probe: %v, want %v", err, tt.want)
			}
			_, err := s.Get(t.Context(), "prod")
			do(t, err)
		})
	}
}

// A failure of the server in the middle of a save is sorted by its code, and the grant stays as it was.
func TestSaveFails(t *testing.T) {
	t.Parallel()
	o := options(t)
	s := open(t, o)
	g := storetest.Grant("prod")
	put(t, s, g)
	l := lease(t, s, "prod")
	for code, want := range map[string]error{"53100": store.ErrNoSpace, "40001": store.ErrUnavailable, "57014": store.ErrUnavailable, "XX001": store.ErrDamaged} {
		server(t).Exec(t, databaseOf(o), `CREATE OR REPLACE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS
			$$ BEGIN RAISE EXCEPTION 'made to fail' USING ERRCODE = '`+code+`'; END $$;
			CREATE OR REPLACE TRIGGER fail BEFORE UPDATE ON sftoken_grants FOR EACH ROW EXECUTE FUNCTION fail()`)
		if err := l.Save(t.Context(), g); !errors.Is(err, want) || g.Generation != 1 {
			t.Errorf("Save when the server says %s: %v in generation %d, want %v", code, err, g.Generation, want)
		}
	}
	server(t).Exec(t, databaseOf(o), "DROP FUNCTION fail CASCADE")
	if err := l.Save(t.Context(), g); err != nil || g.Generation != 2 {
		t.Errorf("Save after failures: %v in generation %d, want 2: nothing was in doubt", err, g.Generation)
	}
}
