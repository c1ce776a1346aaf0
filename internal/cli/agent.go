package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/sftoken/sftoken/internal/agent"
	"github.com/sftoken/sftoken/internal/config"
	"github.com/sftoken/sftoken/refresh"
	"github.com/sftoken/sftoken/store"
)

func newAgentCommand(env *Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "agent",
		Short: "Keep logins unlocked for a terminal session",
		Long: `Start, stop or look at an agent: a process that keeps the store unlocked for one terminal session and
hands access tokens to commands of the same user over a Unix socket, as ssh-agent does with keys.
sftoken token asks it wherever SFTOKEN_AGENT_SOCK is set: no keyring is asked again, and all processes
wait for one refresh. Where the agent does not answer, that is said and the store is opened as always.

There is none on Windows.`,
		Example: `  eval "$(sftoken agent start)"
  sftoken agent status
  eval "$(sftoken agent stop)"`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newAgentStartCommand(env), newAgentStopCommand(env), newAgentStatusCommand(env))
	return cmd
}

// agentVariable tells commands where the agent is.
const agentVariable = "SFTOKEN_AGENT_SOCK"

type agentStatusAnswer struct {
	Socket  string    `json:"socket"`
	PID     int       `json:"pid"`
	Store   string    `json:"store"`
	Started time.Time `json:"started_at"`
	Idle    string    `json:"idle,omitempty"`
	Tokens  uint64    `json:"tokens"`
}

func newAgentStatusCommand(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:     "status",
		Short:   "Say whether the session's agent answers",
		Example: `  sftoken agent status --json`,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			status, err := env.agentStatus(cmd.Context())
			if err != nil {
				return err
			}
			if env.JSON {
				return env.WriteJSON(status)
			}
			return env.writeFacts([][2]string{
				{env.Text("agent.socket", nil), status.Socket},
				{env.Text("agent.process", nil), fmt.Sprint(status.PID)},
				{env.Text("agent.store", nil), status.Store},
				{env.Text("agent.started", nil), localTime(&status.Started)},
				{env.Text("agent.idle", nil), status.Idle},
				{env.Text("agent.tokens", nil), fmt.Sprint(status.Tokens)},
			})
		},
	}
}

func newAgentStopCommand(env *Env) *cobra.Command {
	var shell string
	cmd := &cobra.Command{
		Use:     "stop",
		Short:   "End the session's agent",
		Example: `  eval "$(sftoken agent stop)"`,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			forget, err := shellLine(cmd, shell, "")
			if err != nil {
				return err
			}
			status, err := env.agentStatus(cmd.Context())
			if err == nil {
				err = agent.Post(cmd.Context(), status.Socket, "/v1/stop", struct{}{}, nil)
			}
			if err != nil {
				return err
			}
			if env.JSON {
				return env.WriteJSON(status)
			}
			_, err = fmt.Fprintln(env.Stdout, forget)
			return err
		},
	}
	addShellFlag(cmd, &shell)
	return cmd
}

// agentStatus asks the agent of the session.
func (e *Env) agentStatus(ctx context.Context) (status agentStatusAnswer, err error) {
	if !agent.Supported {
		return status, &localError{id: "agent-unavailable", code: exitFailed, hints: true}
	}
	socket := e.Getenv(agentVariable)
	if socket == "" {
		return status, &localError{id: "agent-none", code: exitFailed, hints: true}
	}
	if err := agent.Get(ctx, socket, "/v1/status", &status); err != nil {
		return status, &localError{id: "agent-silent", code: exitFailed, hints: true, data: map[string]any{"socket": socket}, err: err}
	}
	return status, nil
}

// keeper is the agent's own side: the open store and the engine that all who ask share.
type keeper struct {
	env    *Env
	kept   *kept
	engine *refresh.Engine
	status agentStatusAnswer
	stop   context.CancelFunc

	mu   sync.Mutex
	seen map[string]uint64 // generation of each grant when it was last asked for
}

func (k *keeper) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/token", func(w http.ResponseWriter, r *http.Request) {
		var asked agent.Request
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
			http.Error(w, "", http.StatusBadRequest)
			return
		}
		k.token(w, r, asked)
	})
	mux.HandleFunc("GET /v1/status", func(w http.ResponseWriter, _ *http.Request) {
		k.mu.Lock()
		defer k.mu.Unlock()
		answerJSON(w, http.StatusOK, k.status)
	})
	mux.HandleFunc("POST /v1/stop", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
		k.stop()
	})
	return mux
}

func (k *keeper) token(w http.ResponseWriter, r *http.Request, asked agent.Request) {
	asker := k.env.speaking(asked.Language)
	answer, err := k.answer(r.Context(), asker, asked)
	if err != nil {
		answerJSON(w, http.StatusConflict, agent.Refused{Report: agent.Report(asker.reportOf(err)), Exit: exitOf(err)})
		return
	}
	k.mu.Lock()
	k.status.Tokens++
	k.mu.Unlock()
	answerJSON(w, http.StatusOK, answer)
}

var errOtherStore error = &localError{id: "agent-other-store", code: exitStore}

func (k *keeper) answer(ctx context.Context, asker *Env, asked agent.Request) (*tokenAnswer, error) {
	if asked.Store != k.status.Store {
		return nil, errOtherStore
	}
	var args []string
	if asked.Alias != "" {
		args = []string{asked.Alias}
	}
	alias, err := asker.chooseAlias(ctx, k.kept, args)
	if err != nil {
		return nil, err
	}
	if err := k.lookAgain(ctx, alias); errors.Is(err, store.ErrNotFound) {
		return nil, asker.notFound(ctx, k.kept, alias)
	} else if err != nil {
		return nil, err
	}
	access, err := k.engine.Token(ctx, alias)
	if err != nil {
		return nil, err
	}
	return tokenAnswerOf(alias, access), nil
}

// lookAgain has the engine forget what it remembers of a grant that somebody else has changed meanwhile: a logout or another
// login must not leave its token here.
func (k *keeper) lookAgain(ctx context.Context, alias string) error {
	grant, err := k.kept.Get(ctx, alias)
	k.mu.Lock()
	defer k.mu.Unlock()
	if err != nil || grant.Generation != k.seen[alias] {
		k.engine.Forget(alias)
		delete(k.seen, alias)
	}
	if err == nil {
		k.seen[alias] = grant.Generation
	}
	return err
}

// speaking is an Env for one who asks the agent: in their language, and with nobody to talk to.
func (e *Env) speaking(language string) *Env {
	own := &Env{Stdout: io.Discard, Stderr: io.Discard, Getenv: e.Getenv, Now: e.Now, JSON: true, Lang: language}
	own.catalogue = e.catalogue
	own.config = &config.Config{} // the asking command has looked into its own settings
	return own
}

func answerJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // who has left needs no answer
}

// runtimeDir is where sockets of a session belong.
func (e *Env) runtimeDir() string {
	if dir := e.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		return dir
	}
	return os.TempDir()
}
