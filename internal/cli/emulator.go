package cli

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sftoken/sftoken/emulator"
	"github.com/sftoken/sftoken/internal/demo"
	"github.com/sftoken/sftoken/internal/wire"
)

// emulatorOptions are the flags of the emulator command.
type emulatorOptions struct {
	address string
	tls     bool
	certDir string
	config  string
	manage  string
	strict  bool
	trouble float64
	seed    uint64
	verbose bool
	exposed bool
}

func newEmulatorCommand(env *Env) *cobra.Command {
	var o emulatorOptions
	c := &cobra.Command{
		Use:   "emulator",
		Short: "Run a test server that answers like Salesforce's login",
		Long: `emulator runs a test server that answers like Salesforce's login server, until Ctrl-C or
SIGTERM ends it with exit code 0. Its users, apps and tokens are in memory only.

With --json, one line on stdout says that it is ready and where.`,
		Example: `  sftoken emulator
  sftoken emulator --tls --verbose
  sftoken emulator --manage 127.0.0.1:8485       # a page and an API for tests
  sftoken emulator --strict --trouble 5          # what is announced, and bad weather
  sftoken emulator --addr 127.0.0.1:0 --json     # any free port, for scripts`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return env.emulate(cmd.Context(), o) },
	}
	flags := c.Flags()
	flags.StringVar(&o.address, "addr", "127.0.0.1:8484", "loopback address to listen on; port 0 takes a free one")
	flags.BoolVar(&o.tls, "tls", false, "answer https, with a CA of its own written to a file")
	flags.StringVar(&o.certDir, "cert-dir", "", "folder for the CA and the certificate (default: emulator in the data folder)")
	flags.StringVar(&o.config, "config", "", "TOML or JSON file with the orgs, users and apps")
	flags.StringVar(&o.manage, "manage", "", "loopback address of the management page and API, such as 127.0.0.1:8485")
	flags.BoolVar(&o.strict, "strict", false, "switch on what Salesforce has announced for 2026 and 2027")
	flags.Float64Var(&o.trouble, "trouble", 0, "spoil so many of a hundred token requests; --seed repeats them")
	flags.Uint64Var(&o.seed, "seed", 0, "the same tokens and the same trouble at each run with this number")
	flags.BoolVar(&o.verbose, "verbose", false, "print a line for each request, without secrets")
	flags.BoolVar(&o.exposed, "let-other-machines-connect", false, "listen beyond loopback: anybody there can sign in")
	return c
}

// emulate runs the emulator until ctx ends, which is how it is meant to end.
func (e *Env) emulate(ctx context.Context, o emulatorOptions) error {
	settings, err := readEmulatorConfig(o.config)
	if err != nil {
		return e.failEmulator("config", exitUsage, map[string]any{"file": o.config, "reason": err.Error()})
	}
	if o.trouble < 0 || o.trouble > 100 {
		return e.failEmulator("trouble", exitUsage, map[string]any{"percent": o.trouble})
	}
	if o.trouble > 0 {
		settings.Faults = append(settings.Faults, emulator.Trouble(o.trouble)...)
	}
	handler, err := emulator.New(emulator.Options{Config: settings, Seed: o.seed, Strict: o.strict})
	if err != nil {
		return e.failEmulator("config", exitUsage, map[string]any{"file": o.config, "reason": err.Error()})
	}
	listener, host, err := e.listenEmulator(ctx, "--addr", o.address, o.exposed)
	if err != nil {
		return err
	}
	defer listener.Close()

	ready := &readyEmulator{URL: "http://" + addressFor(host, listener), PID: os.Getpid(), Seed: strconv.FormatUint(handler.Seed(), 10), config: handler.Config(), exposed: !isLoopback(host), trouble: o.trouble > 0}
	if o.tls {
		var certificate tls.Certificate
		if certificate, ready.CAFile, err = e.emulatorCertificate(o.certDir, host); err != nil {
			return err
		}
		listener = tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}})
		ready.URL = "https" + strings.TrimPrefix(ready.URL, "http")
	}
	served := http.Handler(handler)
	if o.verbose {
		served = wire.Handler(handler, e.printRequest)
	}
	servers := []serving{{listener, served}}
	if o.manage != "" {
		managed, err := e.manageEmulator(ctx, o, handler, ready)
		if err != nil {
			return err
		}
		defer managed.listener.Close()
		servers = append(servers, managed)
	}
	if err := e.announce(ready); err != nil {
		return err
	}
	return serveAll(ctx, servers)
}

// readEmulatorConfig returns the seed when path is empty. Its errors say what is wrong in the file, and in which line where
// that is known.
func readEmulatorConfig(path string) (*emulator.Config, error) {
	if path == "" {
		return emulator.DefaultConfig(), nil
	}
	content, err := os.ReadFile(path)
	if failed, ok := errors.AsType[*os.PathError](err); ok {
		return nil, failed.Err
	}
	settings, err := emulator.ReadConfig(bytes.NewReader(content))
	if err != nil {
		return nil, errors.New(strings.TrimPrefix(strings.TrimPrefix(err.Error(), "read emulator config: "), "toml: "))
	}
	return settings, nil
}

func (e *Env) emulatorCertificate(dir, host string) (tls.Certificate, string, error) {
	if dir == "" {
		dirs, err := e.Dirs()
		if err != nil {
			return tls.Certificate{}, "", err
		}
		dir = filepath.Join(dirs.Data, "emulator")
	}
	hosts := []string{"localhost", "127.0.0.1", "::1"}
	if name := reachableName(host); !slices.Contains(hosts, name) {
		hosts = append(hosts, name)
	}
	return emulator.NewCertificate(dir, hosts...)
}

// addressFor is how clients say the listener's address: with the name that the person gave, for certificates and callbacks
// compare names.
func addressFor(host string, listener net.Listener) string {
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	return net.JoinHostPort(reachableName(host), port)
}

// reachableName is the host itself, or this machine's name when it stands for every address.
func reachableName(host string) string {
	if ip := net.ParseIP(host); host != "" && (ip == nil || !ip.IsUnspecified()) {
		return host
	}
	name, err := os.Hostname()
	if err != nil {
		return "localhost"
	}
	return name
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// failEmulator tells an error in the person's language; the texts stand beside the demo's.
func (e *Env) failEmulator(id string, code int, data map[string]any) error {
	texts := demo.Texts(e.Language())
	r := report{Code: "emulator-" + id, Message: texts.Text("emulator.error."+id, data), Hints: lines(texts.Text("emulator.hint."+id, data))}
	if e.JSON {
		if err := e.WriteJSON(map[string]report{"error": r}); err != nil {
			return err
		}
		return &toldError{code}
	}
	fmt.Fprintf(e.Stderr, "%s %s\n", e.red("error:"), r.Message)
	for _, hint := range r.Hints {
		fmt.Fprintf(e.Stderr, "%s %s\n", e.bold("hint:"), hint)
	}
	return &toldError{code}
}
