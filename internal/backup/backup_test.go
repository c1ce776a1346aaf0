package backup_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/internal/backup"
	"github.com/sftoken/sftoken/store"
	"github.com/sftoken/sftoken/store/storetest"
)

var phrase = sftoken.NewSecret("correct horse")

// lightWork keeps scrypt from taking a second.
const lightWork = 4

func write(t testing.TB, to backup.Recipients, aliases ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := backup.NewWriter(&b, to, backup.Manifest{Made: time.Unix(1_800_000_000, 0), From: "here", Version: "v1"})
	if err != nil {
		t.Fatal(err)
	}
	for _, alias := range aliases {
		if err := w.Add(backup.Entry{Grant: storetest.Grant(alias)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Add(backup.Entry{App: []byte(`{"client_id":"x"}`)}); err != nil {
		t.Fatal(err)
	}
	counts, err := w.Close()
	if err != nil || counts != (backup.Counts{Grants: len(aliases), Apps: 1}) {
		t.Fatalf("Close = %+v, %v", counts, err)
	}
	return b.Bytes()
}

func toPassphrase(t testing.TB) backup.Recipients {
	t.Helper()
	to, err := backup.ToPassphrase(phrase, lightWork)
	if err != nil {
		t.Fatal(err)
	}
	return to
}

func open(data []byte) (*backup.Reader, error) {
	return backup.OpenWithPassphrase(bytes.NewReader(data), int64(len(data)), phrase)
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	t.Parallel()
	r, err := open(write(t, toPassphrase(t), "prod", "テスト"))
	if err != nil {
		t.Fatal(err)
	}
	if !r.Manifest.Made.Equal(time.Unix(1_800_000_000, 0)) || r.Manifest.From != "here" || r.Manifest.Version != "v1" {
		t.Errorf("manifest %+v", r.Manifest)
	}
	for range 2 { // as often as one likes
		var aliases []string
		apps := 0
		for e, err := range r.Entries() {
			if err != nil {
				t.Fatal(err)
			}
			if e.Grant == nil {
				apps++
				continue
			}
			aliases = append(aliases, e.Grant.Alias)
			if diff := storetest.Diff(storetest.Grant(e.Grant.Alias), e.Grant); diff != "" {
				t.Errorf("the grant changed (-want +got):\n%s", diff)
			}
		}
		if strings.Join(aliases, " ") != "prod テスト" || apps != 1 {
			t.Errorf("grants %q and %d apps", aliases, apps)
		}
	}
}

// No backup is plain, and what it says to those who cannot open it is nothing about the logins.
func TestNothingIsPlain(t *testing.T) {
	t.Parallel()
	data := write(t, toPassphrase(t), "prod")
	g := storetest.Grant("prod")
	for _, text := range []string{g.RefreshToken.Reveal(), g.Username, "prod", "refresh_token", "sftoken"} {
		if bytes.Contains(data, []byte(text)) {
			t.Errorf("the backup shows %q", text)
		}
	}
}

// Every flipped byte and every cut is noticed before an entry is given out (brokers.md 5.3, item 9).
func TestEveryChangeIsNoticed(t *testing.T) {
	t.Parallel()
	data := write(t, toPassphrase(t), "prod")
	for i := range data {
		changed := bytes.Clone(data)
		changed[i] ^= 1
		if _, err := open(changed); err == nil {
			t.Fatalf("byte %d changed: it opens", i)
		}
		if _, err := open(data[:i]); err == nil {
			t.Fatalf("cut to %d bytes: it opens", i)
		}
	}
	if _, err := open(append(bytes.Clone(data), 0)); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("one byte more: %v", err)
	}
}

func TestWhoCanOpen(t *testing.T) {
	t.Parallel()
	mine, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	to, err := backup.ToKeys([]string{mine.Recipient().String(), stranger.Recipient().String()})
	if err != nil {
		t.Fatal(err)
	}
	sealed := write(t, to, "prod")
	onlyMine, _ := backup.ToKeys([]string{mine.Recipient().String()})
	private := write(t, onlyMine, "prod")
	locked := write(t, toPassphrase(t), "prod")
	with := func(data []byte, id *age.X25519Identity) error {
		_, err := backup.OpenWithIdentities(bytes.NewReader(data), int64(len(data)), strings.NewReader("# mine\n"+id.String()+"\n"))
		return err
	}
	by := func(data []byte, passphrase string) error {
		_, err := backup.OpenWithPassphrase(bytes.NewReader(data), int64(len(data)), sftoken.NewSecret(passphrase))
		return err
	}
	for name, row := range map[string]struct{ got, want error }{
		"mine":                  {with(sealed, mine), nil},
		"the other recipient":   {with(sealed, stranger), nil},
		"a stranger":            {with(private, stranger), backup.ErrIdentity},
		"a passphrase for keys": {by(private, "correct horse"), backup.ErrNeedsIdentity},
		"the passphrase":        {by(locked, "correct horse"), nil},
		"a wrong passphrase":    {by(locked, "incorrect"), backup.ErrPassphrase},
		"no passphrase":         {by(locked, ""), backup.ErrPassphrase},
		"keys for a passphrase": {with(locked, mine), backup.ErrNeedsPassphrase},
	} {
		if !errors.Is(row.got, row.want) || row.want == nil && row.got != nil {
			t.Errorf("%s: %v, want %v", name, row.got, row.want)
		}
	}
	if !backup.WantsPassphrase(locked[:200]) || backup.WantsPassphrase(sealed[:200]) || !backup.IsBackup(sealed) {
		t.Error("the beginning tells the wrong kind")
	}
}

func TestNoRecipient(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "nobody", "age1", "ssh-ed25519 AAAA", "AGE-SECRET-KEY-1CANARY"} {
		_, err := backup.ToKeys([]string{text})
		if _, ok := errors.AsType[*backup.RecipientError](err); !ok || strings.Contains(err.Error(), "CANARY") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// A backup of a newer version, one that is none, and one with lines that nobody knows are refused, with all that is in them.
func TestForeignContents(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]error{
		`{"format":"sftoken backup","schema":2}` + "\n" + `{"end":{"grants":0,"apps":0}}`:                     store.ErrNewerFormat,
		`{"format":"sftoken backup","schema":1}` + "\n" + `{"end":{"grants":1,"apps":0}}`:                     store.ErrDamaged,
		`{"format":"sftoken backup","schema":1}` + "\n":                                                       store.ErrDamaged,
		`{"format":"sftoken backup","schema":1}` + "\n" + `{"news":1}`:                                        store.ErrDamaged,
		`{"format":"sftoken backup","schema":1}` + "\n" + `{"grant":{"schema":9,"alias":"x","state":"live"}}`: store.ErrNewerFormat,
		`{"format":"another","schema":1}`:                                                                     store.ErrDamaged,
		"CANARY":                                                                                              store.ErrDamaged,
		"":                                                                                                    store.ErrDamaged,
	} {
		var b bytes.Buffer
		r, _ := age.NewScryptRecipient(phrase.Reveal())
		r.SetWorkFactor(lightWork)
		w, err := age.Encrypt(&b, r)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = w.Write([]byte(text))
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := open(b.Bytes()); !errors.Is(err, want) || strings.Contains(err.Error(), "CANARY") {
			t.Errorf("%s: %v, want %v", text, err, want)
		}
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(write(f, toPassphrase(f), "prod"))
	f.Add([]byte("age-encryption.org/v1\n-> scrypt AAAA 30\n\n--- x\n"))
	f.Fuzz(func(t *testing.T, data []byte) { _, _ = open(data) })
}
