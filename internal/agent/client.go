package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"
)

// Report is an agent's error, in the words of the command line.
type Report struct {
	Code    string   `json:"code"`
	Message string   `json:"message"`
	Hints   []string `json:"hints"`
}

// Refused is an answer that is an error.
type Refused struct {
	Report Report `json:"error"`
	Exit   int    `json:"exit"` // the exit code of a command that ends with it
}

func (e *Refused) Error() string { return "ask agent: " + e.Report.Message }

// Get asks the agent at socket and reads its answer into v.
func Get(ctx context.Context, socket, path string, v any) error {
	return ask(ctx, socket, http.MethodGet, path, nil, v)
}

// Post is Get with a body. v may be nil.
func Post(ctx context.Context, socket, path string, body, v any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("ask agent: %w", err)
	}
	return ask(ctx, socket, http.MethodPost, path, text, v)
}

// ask makes one request. Any error but a *Refused means that no agent has answered.
func ask(ctx context.Context, socket, method, path string, body []byte, v any) error {
	if err := ours(socket); err != nil {
		return fmt.Errorf("ask agent: %w", err)
	}
	transport := &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "unix", socket)
			if err != nil {
				return nil, err
			}
			if uid, err := peer(conn.(*net.UnixConn)); err != nil || uid != os.Geteuid() {
				_ = conn.Close()
				return nil, fmt.Errorf("user %d listens at %s, not user %d", uid, socket, os.Geteuid())
			}
			return conn, nil
		},
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://agent"+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("ask agent: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return fmt.Errorf("ask agent: %w", err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return fmt.Errorf("ask agent: %w", err)
	}
	if response.StatusCode >= 300 {
		refused := &Refused{}
		if err := json.Unmarshal(text, refused); err != nil || refused.Exit == 0 {
			return fmt.Errorf("ask agent: status %d and no reason", response.StatusCode)
		}
		return refused
	}
	if v == nil {
		return nil
	}
	if err := json.Unmarshal(text, v); err != nil {
		return fmt.Errorf("read answer of agent: %w", err)
	}
	return nil
}

// ours looks at the socket before anything is said to who listens there.
func ours(socket string) error {
	info, err := os.Lstat(socket)
	if err != nil {
		return err
	}
	if info.Mode()&os.ModeSocket == 0 {
		return fmt.Errorf("%s is no socket", socket)
	}
	return nil
}
