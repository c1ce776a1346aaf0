package postgres_test

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"strings"
	"testing"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/store"
	"github.com/sftoken/sftoken/store/storetest"
	"github.com/sftoken/sftoken/test/need"
)

// smallDisk mounts a file system of 512 KiB that PostgreSQL can write to.
func smallDisk(t *testing.T) string {
	t.Helper()
	account, err := user.Lookup("postgres")
	do(t, err)
	dir, err := os.MkdirTemp("", "pgtest")
	do(t, err)
	t.Cleanup(func() { do(t, os.Remove(dir)) })
	need.Disk(t, dir, fmt.Sprintf("size=512k,mode=0700,uid=%s,gid=%s", account.Uid, account.Gid))
	return dir
}

// brokers 5.3 no. 7: the database's disk fills up between Salesforce's answer and the save. The spool has the answer until
// there is room.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	disk := smallDisk(t)
	server, o := mortal(t)
	s := open(t, o)
	put(t, s, storetest.Grant("prod"))
	server.Exec(t, "postgres", "CREATE TABLESPACE small LOCATION '"+disk+"'")
	server.Exec(t, "postgres", "ALTER TABLE sftoken_grants SET TABLESPACE small")
	l := lease(t, s, "prod")
	g, err := l.Load(t.Context())
	do(t, err)
	g.RefreshToken = sftoken.NewSecret("rotated")
	g.AccessToken = sftoken.NewSecret(strings.Repeat("x", 600<<10))
	if err := l.Save(t.Context(), g); !errors.Is(err, store.ErrNoSpace) {
		t.Fatalf("Save on a full disk: %v, want ErrNoSpace", err)
	}
	do(t, s.Spool(t.Context(), g), l.Release())

	l = lease(t, s, "prod") // cannot replay yet
	got, err := s.Get(t.Context(), "prod")
	do(t, err)
	if diff := storetest.Diff(g, got); diff != "" {
		t.Error("Get does not find what is spooled")
	}
	do(t, l.Release())

	server.Exec(t, "postgres", "ALTER TABLE sftoken_grants SET TABLESPACE pg_default") // there is room now
	lease(t, s, "prod")
	o.SpoolDir = ""
	got, err = open(t, o).Get(t.Context(), "prod")
	do(t, err)
	if diff := storetest.Diff(g, got); diff != "" {
		t.Error("the answer is not in the database")
	}
}
