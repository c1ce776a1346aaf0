package cli

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/sftoken/sftoken/store/postgres/pgtest"
)

// TestPostgresScripts runs whole commands against a database server of their own.
func TestPostgresScripts(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	commands := scriptCommands()
	commands["postgres"] = func(ts *testscript.TestScript, _ bool, args []string) {
		switch args[0] {
		case "stop":
			server.Kill()
		case "start":
			server.Run(t)
		default:
			ts.Fatalf("postgres %s: stop or start", args[0])
		}
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/postgres",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("PG", server.DSN(server.NewDatabase(t)))
			return setupScript(env)
		},
		Cmds: commands,
	})
}
