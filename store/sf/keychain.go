package sf

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/sftoken/sftoken/internal/durable"
	"github.com/sftoken/sftoken/store"
)

// keychainTime bounds the question for the key: a person may have to unlock the keychain.
const keychainTime = 30 * time.Second

// keychain is where sf keeps its key (core: keyChain.ts, retrieveKeychain): the macOS keychain, the Secret Service by
// secret-tool where that is installed, else a file.
type keychain struct {
	file    string   // key.json
	command []string // nil: the file
}

func (o Options) keychain() keychain {
	k := keychain{file: filepath.Join(o.Dir, "key.json")}
	tool := cmp.Or(o.SecretTool, "/usr/bin/secret-tool")
	switch {
	case o.KeyFile:
	case runtime.GOOS == "darwin":
		k.command = []string{"/usr/bin/security", "find-generic-password", "-a", "local", "-s", "sfdx", "-w"}
	case runtime.GOOS == "linux" && runnable(tool):
		k.command = []string{tool, "lookup", "user", "local", "domain", "sfdx"}
	}
	return k
}

func runnable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0
}

// where says for people where the key is.
func (k keychain) where() string {
	if k.command != nil {
		return "the keychain (" + k.command[0] + ")"
	}
	return k.file
}

func (k keychain) read(ctx context.Context) (*key, error) {
	text, err := k.text(ctx)
	if err != nil {
		return nil, err
	}
	found, err := parseKey(text)
	if err != nil {
		return nil, k.lost("what is in "+k.where()+" is no key of sf", err)
	}
	return found, nil
}

func (k keychain) text(ctx context.Context) (string, error) {
	if k.command == nil {
		return k.fromFile()
	}
	ctx, cancel := context.WithTimeout(ctx, keychainTime)
	defer cancel()
	var said strings.Builder
	command := exec.CommandContext(ctx, k.command[0], k.command[1:]...)
	command.Stderr = &said
	out, err := command.Output()
	text := strings.TrimSpace(string(out))
	switch {
	case ctx.Err() != nil:
		return "", &store.Error{Path: k.command[0], Err: ctx.Err(), Mend: "unlock the keychain"}
	case err != nil && said.Len() > 0:
		line, _, _ := strings.Cut(strings.TrimSpace(said.String()), "\n")
		return "", k.lost("sf's key is not to be had from "+k.where(), errors.New(line))
	case err != nil, text == "":
		return "", k.lost("sf's key is not in "+k.where(), nil)
	}
	return text, nil
}

func (k keychain) fromFile() (string, error) {
	data, err := durable.Read(k.file) // sf, too, refuses a key that others can read
	if errors.Is(err, fs.ErrNotExist) {
		return "", k.lost("sf's key is not there: there is no "+k.file, nil)
	}
	if err != nil {
		return "", err
	}
	var file struct{ Service, Account, Key string }
	if json.Unmarshal(data, &file) != nil || file.Service != "sfdx" || file.Account != "local" {
		return "", k.lost("what is in "+k.file+" is no key of sf", nil)
	}
	return file.Key, nil
}

func (k keychain) lost(detail string, cause error) error {
	return &store.Error{
		Kind: store.ErrKeyLost, ID: "sf-key-missing", Detail: detail, Err: cause,
		Mend: "bring the key back; without it only new logins help (sf org login web)",
	}
}
