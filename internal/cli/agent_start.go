package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/spf13/cobra"

	"github.com/sftoken/sftoken/internal/agent"
)

type agentOptions struct {
	idle       days
	foreground bool
	shell      string
}

func newAgentStartCommand(env *Env) *cobra.Command {
	o := agentOptions{idle: days(12 * time.Hour)}
	cmd := &cobra.Command{
		Use:   "start",
		Short: "Start an agent and print what tells the shell of it",
		Long: `Start an agent in the background and print the line that tells the shell where it is. The store is
unlocked now, once. The agent ends by agent stop, when nobody has asked it for the time of --idle, or
with SIGTERM.`,
		Example: `  eval "$(sftoken agent start)"
  sftoken agent start --shell fish | source
  sftoken agent start --foreground       # under a supervisor`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, err := shellLine(cmd, o.shell, ""); err != nil {
				return err
			}
			if !agent.Supported {
				return &localError{id: "agent-unavailable", code: exitFailed, hints: true}
			}
			if o.foreground {
				return env.agentServe(cmd.Context(), cmd, o)
			}
			return env.agentStart(cmd.Context(), cmd, o)
		},
	}
	flags := cmd.Flags()
	flags.Var(&o.idle, "idle", "end when nobody has asked for so long, such as 8h or 2d")
	flags.BoolVar(&o.foreground, "foreground", false, "stay in the foreground")
	addShellFlag(cmd, &o.shell)
	return cmd
}

var shells = []string{"sh", "fish", "powershell"}

func addShellFlag(cmd *cobra.Command, shell *string) {
	cmd.Flags().StringVar(shell, "shell", "sh", "whose language the line is in: sh (bash, zsh), fish or powershell")
	_ = cmd.RegisterFlagCompletionFunc("shell", cobra.FixedCompletions(shells, cobra.ShellCompDirectiveNoFileComp))
}

// shellLine is what tells a shell where the agent is, or, with no socket, that there is none.
func shellLine(cmd *cobra.Command, shell, socket string) (string, error) {
	lines := map[string][2]string{
		"sh":         {agentVariable + "=%s; export " + agentVariable + ";", "unset " + agentVariable + ";"},
		"fish":       {"set -gx " + agentVariable + " %s;", "set -e " + agentVariable + ";"},
		"powershell": {"$Env:" + agentVariable + " = %s;", "Remove-Item Env:" + agentVariable + ";"},
	}
	line, ok := lines[shell]
	switch {
	case !ok:
		return "", &usageError{id: "shell-unknown", data: map[string]any{"shell": shell, "shells": joined(shells)}, command: cmd.CommandPath()}
	case socket == "":
		return line[1], nil
	}
	return fmt.Sprintf(line[0], shellWord(socket)), nil // random letters and the person's own folder: one quoting for all
}

// agentStart starts this program again behind the terminal, and waits until it listens.
func (e *Env) agentStart(ctx context.Context, cmd *cobra.Command, o agentOptions) error {
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("start agent: %w", err)
	}
	args := []string{"agent", "start", "--foreground", "--json", "--idle", o.idle.String(), "--lang", e.Language().String()}
	if e.Store != "" {
		args = append(args, "--store", e.Store)
	}
	child := exec.CommandContext(context.WithoutCancel(ctx), program, args...)
	child.Args[0] = os.Args[0]
	agent.Detach(child)
	out, err := child.StdoutPipe()
	if err != nil {
		return fmt.Errorf("start agent: %w", err)
	}
	if err := child.Start(); err != nil {
		return fmt.Errorf("start agent: %w", err)
	}
	var ready struct {
		agentStatusAnswer
		Error agent.Report `json:"error"`
	}
	if err := json.NewDecoder(out).Decode(&ready); err != nil || ready.Socket == "" {
		waitErr := child.Wait()
		if exit := child.ProcessState.ExitCode(); exit > 0 && ready.Error.Code != "" {
			return &agent.Refused{Report: ready.Error, Exit: exit}
		}
		return fmt.Errorf("start agent: it ended before it listened: %w", errors.Join(err, waitErr))
	}
	if err := child.Process.Release(); err != nil {
		return fmt.Errorf("start agent: %w", err)
	}
	return e.tellAgent(cmd, o, ready.agentStatusAnswer)
}

func (e *Env) tellAgent(cmd *cobra.Command, o agentOptions, status agentStatusAnswer) error {
	if e.JSON {
		return e.WriteJSON(status)
	}
	line, err := shellLine(cmd, o.shell, status.Socket)
	if err == nil {
		_, err = fmt.Fprintln(e.Stdout, line)
	}
	return err
}

// agentServe is the agent.
func (e *Env) agentServe(ctx context.Context, cmd *cobra.Command, o agentOptions) error {
	k, err := e.openKept(ctx)
	if err != nil {
		return err
	}
	defer k.Close()
	engine, done, err := e.engine(k)
	if err != nil {
		return err
	}
	defer done()
	socket, err := agent.Listen(e.runtimeDir())
	if err != nil {
		return err
	}
	defer socket.Close()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	keeper := &keeper{env: e, kept: k, engine: engine, stop: stop, seen: map[string]uint64{}, status: agentStatusAnswer{
		Socket: socket.Path(), PID: os.Getpid(), Store: k.at.String(), Started: e.Now().UTC().Truncate(time.Second), Idle: o.idle.String(),
	}}
	if err := e.tellAgent(cmd, o, keeper.status); err != nil {
		return err
	}
	e.Stdout, e.Stderr = io.Discard, io.Discard // whoever started it may be gone
	return (&agent.Server{Handler: keeper.handler(), Idle: time.Duration(o.idle)}).Serve(ctx, socket)
}
