package postgres

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/sftoken/sftoken/internal/schema"
	"github.com/sftoken/sftoken/internal/spool"
	"github.com/sftoken/sftoken/keys"
	"github.com/sftoken/sftoken/store"
)

// Options say where the grants are.
type Options struct {
	// DSN is a connection string as libpq reads it, "postgres://user@host/database" or "host=… dbname=…", with what
	// pgxpool adds (pool_max_conns, here 16 by default …). What it leaves out comes from PGPASSWORD and the like, and ~/.pgpass. Statements are
	// not prepared, so that it works through a pooler, unless it names a default_query_exec_mode: cache_statement makes a
	// save about twice as fast on a connection straight to the database.
	DSN string
	// Config is used instead of DSN, as it is. Behind a pooler in transaction mode its DefaultQueryExecMode has to be
	// pgx.QueryExecModeExec.
	Config *pgxpool.Config
	// ListenDSN is a connection straight to the database, past any pooler, for notifications. It may equal DSN. "": waiters
	// poll, and Watch is not supported.
	ListenDSN string

	Key       *keys.Set     // nil: aliases can be listed and grants deleted, but none read or saved
	SpoolDir  string        // local directory where Spool writes, for this store alone; "": Spool fails
	LeaseTerm time.Duration // how long a killed holder keeps its lease; default 10 s. Renewed three times in that
}

const (
	defaultTerm    = 10 * time.Second
	connectTimeout = 5 * time.Second // to each host, unless the DSN says otherwise
	maxConns       = 16              // likewise: a save waits for the disk, and those of 16 connections share one wait
)

// Store keeps grants in a database. Make it with Open.
type Store struct {
	pool  *pgxpool.Pool
	where string // host:port/database, for people
	owner string
	key   *keys.Set
	spool *spool.Spool // nil: there is none
	term  time.Duration
	poll  time.Duration // how often a waiter looks at most, firstPoll and growing
	turns sync.Map      // alias → *turn
	ears  *listener     // nil: there is none
}

var (
	_ store.Store      = (*Store)(nil)
	_ store.Spooler    = (*Store)(nil)
	_ store.IdleLister = (*Store)(nil)
	_ store.Encrypted  = (*Store)(nil)
)

// Kinds of sealed grants: one cannot be put in the other's place.
const (
	grantKind = "postgres store grant"
	spoolKind = "postgres store spool"
)

// Open connects to the database and brings its schema up to date. A database that a newer version has migrated is
// store.ErrNewerFormat, one that does not answer store.ErrUnavailable.
func Open(ctx context.Context, o Options) (*Store, error) {
	config, err := o.config()
	if err != nil {
		return nil, err
	}
	s := &Store{
		where: address(config.ConnConfig),
		owner: owner(),
		key:   o.Key,
		term:  cmp.Or(o.LeaseTerm, defaultTerm),
		poll:  firstPoll,
	}
	if o.SpoolDir != "" {
		s.spool = &spool.Spool{Dir: o.SpoolDir, Kind: spoolKind, Key: o.Key}
		if err := s.spool.Check(); err != nil {
			return nil, located(err, "open store", "")
		}
	}
	var listen *pgx.ConnConfig
	if o.ListenDSN != "" {
		if listen, err = pgx.ParseConfig(o.ListenDSN); err != nil {
			return nil, badDSN("ListenDSN")
		}
		polite(listen)
	}
	if s.pool, err = pgxpool.NewWithConfig(context.WithoutCancel(ctx), config); err != nil {
		return nil, located(s.failure(ctx, err), "open store", "")
	}
	if err := s.migrate(ctx); err != nil {
		s.pool.Close()
		return nil, located(s.failure(ctx, err), "open store", "")
	}
	if listen != nil {
		s.ears = newListener(listen, s.owner)
	}
	return s, nil
}

func (o Options) config() (*pgxpool.Config, error) {
	if o.Config != nil {
		return o.Config.Copy(), nil
	}
	if o.DSN == "" {
		return nil, errors.New("open store: no connection string of a database given")
	}
	config, err := pgxpool.ParseConfig(o.DSN)
	if err != nil {
		return nil, badDSN("DSN")
	}
	if !strings.Contains(o.DSN, "default_query_exec_mode") {
		config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
	}
	if !strings.Contains(o.DSN, "pool_max_conns") {
		config.MaxConns = maxConns
	}
	polite(config.ConnConfig)
	return config, nil
}

// polite says who connects, and does not wait for ever.
func polite(c *pgx.ConnConfig) {
	c.ConnectTimeout = cmp.Or(c.ConnectTimeout, connectTimeout)
	if c.RuntimeParams["application_name"] == "" {
		c.RuntimeParams["application_name"] = "sftoken"
	}
}

// badDSN has no cause: pgx hides passwords in its errors as well as it can, which is not always.
func badDSN(which string) error {
	return &store.Error{
		Op: "open store", ID: "store-dsn-invalid", Kind: store.ErrRefused,
		Detail: which + " is no connection string that can be read",
		Mend:   "write postgres://user@host:5432/database, with % codes for special characters in a password, or host=… dbname=…",
	}
}

// address is where the database is, without user and password.
func address(c *pgx.ConnConfig) string {
	hosts := []string{join(c.Host, c.Port)}
	for _, f := range c.Fallbacks {
		if h := join(f.Host, f.Port); h != hosts[len(hosts)-1] { // the same once more is for TLS
			hosts = append(hosts, h)
		}
	}
	return strings.Join(hosts, ",") + "/" + c.Database
}

func join(host string, port uint16) string { return net.JoinHostPort(host, strconv.Itoa(int(port))) }

func owner() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%d@%s#%s", os.Getpid(), strings.ReplaceAll(host, " ", "-"), rand.Text()[:8])
}

func (s *Store) migrate(ctx context.Context) error {
	files, err := fs.Sub(schemaFiles, "schema")
	if err != nil {
		return err
	}
	db := stdlib.OpenDBFromPool(s.pool)
	defer db.Close()
	return schema.Migrate(ctx, db, schema.Postgres, files)
}

// Close implements store.Store.
func (s *Store) Close() error {
	if s.ears != nil {
		s.ears.close()
	}
	s.pool.Close()
	return nil
}

// String implements store.Store.
func (s *Store) String() string { return "PostgreSQL database " + s.where }

// GoString keeps the connection's configuration out of %#v.
func (s *Store) GoString() string { return s.String() }
