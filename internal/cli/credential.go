package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/sftoken/sftoken/refresh"
)

func newCredentialCommand(env *Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "credential",
		Short: "Answer programs that ask a command for credentials",
		Long: `Answer, in their own protocols, programs that ask a command for credentials. Each time they get an
access token that is valid, and no copy of the refresh token.`,
		Example: `  git config --global credential.https://acme.my.salesforce.com.helper '!sftoken credential git'
  sftoken credential process prod        # as credential_process of the AWS SDKs
  sftoken credential kubernetes prod     # as exec plugin of kubectl and client-go`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newCredentialGitCommand(env), newCredentialProcessCommand(env), newCredentialKubernetesCommand(env))
	return cmd
}

func newCredentialProcessCommand(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:   "process [alias]",
		Short: "Print a credential in the shape of AWS's credential_process",
		Long: `Print a credential in the shape that the AWS SDKs and those who copied them read from a
credential_process: AccessKeyId is the user name, SecretAccessKey the access token, and Expiration when to
ask again. InstanceUrl is added; readers of the shape ignore what they do not know.`,
		Example:           `  sftoken credential process prod`,
		Args:              atMostOne,
		ValidArgsFunction: env.completeAliases,
		RunE: func(cmd *cobra.Command, args []string) error {
			return env.credential(cmd.Context(), args, func(access *refresh.Access) any {
				return processCredential{
					Version: 1, AccessKeyID: access.Username, SecretAccessKey: access.Token.Reveal(),
					Expiration: env.askAgain(access), InstanceURL: access.InstanceURL,
				}
			})
		},
	}
}

// processCredential is what an AWS SDK reads ("Sourcing credentials with an external process").
type processCredential struct {
	Version         int       `json:"Version"`
	AccessKeyID     string    `json:"AccessKeyId"`
	SecretAccessKey string    `json:"SecretAccessKey"`
	Expiration      time.Time `json:"Expiration"`
	InstanceURL     string    `json:"InstanceUrl"`
}

func newCredentialKubernetesCommand(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:   "kubernetes [alias]",
		Short: "Print a credential as an exec plugin of kubectl does",
		Long: `Print an ExecCredential of client.authentication.k8s.io/v1, for whatever takes its bearer token from an
exec plugin as kubectl and client-go do.`,
		Example:           `  sftoken credential kubernetes prod`,
		Args:              atMostOne,
		ValidArgsFunction: env.completeAliases,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := env.execInfo(cmd); err != nil {
				return err
			}
			return env.credential(cmd.Context(), args, func(access *refresh.Access) any {
				c := execCredential{APIVersion: execVersion, Kind: "ExecCredential"}
				c.Status.Token, c.Status.ExpirationTimestamp = access.Token.Reveal(), env.askAgain(access)
				return c
			})
		},
	}
}

const execVersion = "client.authentication.k8s.io/v1"

// execCredential is the answer of a plugin (Kubernetes, "client-go credential plugins").
type execCredential struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Status     struct {
		ExpirationTimestamp time.Time `json:"expirationTimestamp"`
		Token               string    `json:"token"`
	} `json:"status"`
}

// execInfo checks the version that the asking program wants, if it says.
func (e *Env) execInfo(cmd *cobra.Command) error {
	info := e.Getenv("KUBERNETES_EXEC_INFO")
	if info == "" {
		return nil
	}
	var wanted struct {
		APIVersion string `json:"apiVersion"`
	}
	if err := json.Unmarshal([]byte(info), &wanted); err != nil {
		return fmt.Errorf("read KUBERNETES_EXEC_INFO: %w", err)
	}
	if wanted.APIVersion != execVersion {
		return &usageError{id: "exec-version", data: map[string]any{"wanted": wanted.APIVersion, "spoken": execVersion}, command: cmd.CommandPath()}
	}
	return nil
}

// credential prints an access token in a shape. The shape is JSON with and without --json.
func (e *Env) credential(ctx context.Context, args []string, shape func(*refresh.Access) any) error {
	s, err := e.openSession(ctx, args)
	if err != nil {
		return err
	}
	defer s.Close()
	access, err := s.token(ctx, 0)
	if err != nil {
		return err
	}
	return e.WriteJSON(shape(access))
}

// askAgain is when a token is to be asked for anew: its end, or now if nobody knows that.
func (e *Env) askAgain(access *refresh.Access) time.Time {
	at := access.Expiry.At
	if at.IsZero() {
		at = e.Now()
	}
	return at.UTC().Truncate(time.Second)
}
