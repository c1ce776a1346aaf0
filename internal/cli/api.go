package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/sftoken/sftoken/internal/rest"
	"github.com/spf13/cobra"
)

type apiOptions struct {
	method   string
	raw      []string
	typed    []string
	headers  []string
	input    string
	include  bool
	paginate bool
	jq       string
	version  string
}

func newAPICommand(env *Env) *cobra.Command {
	var o apiOptions
	cmd := &cobra.Command{
		Use:   "api [alias] path",
		Short: "Call the org's REST API and print its answer",
		Long: `Call the org's REST API and print its answer.

A path that does not begin with /services is completed: limits is /services/data/v66.0/limits, with the newest
version that the org has. Fields make it a POST of a JSON object, or with --method GET a query. The token is sent to the
org's own host and to no other.`,
		Example: `  sftoken api prod limits
  sftoken api prod sobjects/Account/describe --jq '.fields[].name'
  sftoken api prod sobjects/Account -f Name=Acme -F NumberOfEmployees=12
  sftoken api prod sobjects/Account/001… -X PATCH -f Phone=555-1234
  sftoken api prod sobjects/Account/001… -X DELETE
  sftoken api prod composite --input request.json
  sftoken api prod query -X GET -f 'q=SELECT Id FROM Contact' --paginate --jq '.records[].Id'
  sftoken api prod /services/apexrest/orders -H 'X-Trace: 1' --include`,
		ValidArgsFunction: env.completeAliases,
		RunE: func(cmd *cobra.Command, args []string) error {
			alias, path, err := aliasAnd(cmd, args, "path")
			if err != nil {
				return err
			}
			if err := checkVersion(cmd, o.version); err != nil {
				return err
			}
			return env.api(cmd, &o, alias, path)
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&o.method, "method", "X", "", "GET, POST, PATCH, PUT, DELETE or HEAD (default GET, with fields or --input POST)")
	flags.StringArrayVarP(&o.raw, "raw-field", "f", nil, "a text: name=value")
	flags.StringArrayVarP(&o.typed, "field", "F", nil, "as JSON: true, false, null and numbers; name=@file is the text of a file, @- that of stdin")
	flags.StringArrayVarP(&o.headers, "header", "H", nil, "a further header: 'Name: value'")
	flags.StringVar(&o.input, "input", "", "file to send as the body; - is stdin")
	flags.BoolVarP(&o.include, "include", "i", false, "print status and headers of the answer before it")
	flags.BoolVar(&o.paginate, "paginate", false, "print the following pages too, of a query or list")
	flags.StringVarP(&o.jq, "jq", "q", "", "pick from the answer with a jq expression")
	flags.StringVar(&o.version, "api-version", "", "such as 66.0 (default the newest that the org has)")
	return cmd
}

func checkVersion(cmd *cobra.Command, version string) error {
	if version == "" || rest.Sound(version) {
		return nil
	}
	return &usageError{id: "api-version", data: map[string]any{"version": strconv.Quote(version)}, command: cmd.CommandPath()}
}

// aliasAnd takes "[alias] thing".
func aliasAnd(cmd *cobra.Command, args []string, thing string) (alias []string, rest string, err error) {
	switch len(args) {
	case 0:
		return nil, "", &usageError{id: "thing-missing", data: map[string]any{"thing": thing}, command: cmd.CommandPath()}
	case 1, 2:
		return args[:len(args)-1], args[len(args)-1], nil
	}
	return nil, "", tooMany(cmd, args[2])
}

func (e *Env) api(cmd *cobra.Command, o *apiOptions, alias []string, path string) error {
	request, err := e.apiRequest(cmd, o, path)
	if err != nil {
		return err
	}
	print, err := e.answerPrinter(o.jq)
	if err != nil {
		return &usageError{id: "flag-invalid", data: map[string]any{"flag": "--jq", "value": strconv.Quote(o.jq), "reason": err}, command: cmd.CommandPath()}
	}
	ctx := cmd.Context()
	s, err := e.openSession(ctx, alias)
	if err != nil {
		return err
	}
	defer s.Close()
	client, err := s.api(ctx, o.version)
	if err != nil {
		return err
	}
	for next := request.path; next != ""; {
		request.path = next
		if next, err = e.call(ctx, client, request, o, print); err != nil {
			return err
		}
	}
	return nil
}

// apiRequest is what the flags ask for.
type apiRequest struct {
	method, path string
	body         []byte
	header       http.Header
}

func (e *Env) apiRequest(cmd *cobra.Command, o *apiOptions, path string) (*apiRequest, error) {
	wrong := func(id string, data map[string]any) error {
		return &usageError{id: id, data: data, command: cmd.CommandPath()}
	}
	r := &apiRequest{method: strings.ToUpper(o.method), path: path, header: http.Header{}}
	for _, line := range o.headers {
		name, value, ok := strings.Cut(line, ":")
		name = http.CanonicalHeaderKey(strings.TrimSpace(name))
		switch {
		case !ok || name == "":
			return nil, wrong("header", map[string]any{"header": strconv.Quote(line)})
		case name == "Authorization" || name == "Host":
			return nil, wrong("header-ours", map[string]any{"header": name})
		}
		r.header.Add(name, strings.TrimSpace(value))
	}
	fields, err := e.fields(cmd, o.raw, o.typed)
	switch {
	case err != nil:
		return nil, err
	case o.input != "" && len(fields) > 0 && r.method != http.MethodGet:
		return nil, notBoth(cmd, "--field", "--input")
	case o.input != "":
		if r.body, err = e.readInput(o.input); err != nil {
			return nil, err
		}
	}
	switch {
	case len(fields) > 0 && (r.method == http.MethodGet || r.method == http.MethodHead):
		r.path = withQuery(path, fields)
	case len(fields) > 0:
		if r.body, err = json.Marshal(fields); err != nil {
			return nil, err
		}
	}
	if r.body != nil {
		r.method = cmp.Or(r.method, http.MethodPost)
		if r.header.Get("Content-Type") == "" {
			r.header.Set("Content-Type", "application/json")
		}
	}
	r.method = cmp.Or(r.method, http.MethodGet)
	if o.paginate && r.method != http.MethodGet {
		return nil, wrong("paginate", map[string]any{"method": r.method})
	}
	return r, nil
}

// call prints one answer and returns where its next page is. What Salesforce says of a refusal is an answer too; the error
// explains it beside.
func (e *Env) call(ctx context.Context, client *rest.Client, r *apiRequest, o *apiOptions, print printer) (next string, err error) {
	var body io.Reader
	if r.body != nil {
		body = bytes.NewReader(r.body)
	}
	res, refused := client.Do(ctx, r.method, r.path, body, r.header)
	if res == nil {
		return "", refused
	}
	defer res.Body.Close()
	if o.include {
		if err := e.printHeader(res); err != nil {
			return "", err
		}
	}
	switch {
	case refused != nil && e.JSON:
		return "", refused
	case refused != nil || !o.paginate && o.jq == "" && !e.StdoutTTY:
		if _, err := io.Copy(e.Stdout, res.Body); err != nil {
			return "", fmt.Errorf("read answer: %w", err)
		}
		if refused != nil {
			fmt.Fprintln(e.Stdout)
		}
		return "", refused
	}
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return "", fmt.Errorf("read answer: %w", err)
	}
	if o.paginate {
		next = nextPage(answer)
	}
	return next, print(answer)
}

// nextPage finds where an answer goes on: nextRecordsUrl in queries, nextPageUrl in Connect resources.
func nextPage(answer []byte) string {
	var page struct{ NextRecordsURL, NextPageURL string }
	_ = json.Unmarshal(answer, &page)
	return cmp.Or(page.NextRecordsURL, page.NextPageURL)
}

func (e *Env) printHeader(res *http.Response) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", res.Proto, res.Status)
	for _, name := range slices.Sorted(maps.Keys(res.Header)) {
		if name == "Set-Cookie" { // a session may be in it
			continue
		}
		for _, value := range res.Header[name] {
			fmt.Fprintf(&b, "%s: %s\n", name, value)
		}
	}
	_, err := fmt.Fprintln(e.Stdout, b.String())
	return err
}
