package appsetup

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/sftoken/sftoken"
)

// DeployError says that the org has refused the app, and why each component.
type DeployError struct {
	Name     string
	ID       string // of the deployment; empty if there was none
	Status   string
	Failures []Failure
	causes   []error
}

// Failure is what the org says of one component.
type Failure struct {
	Component string // type and name
	Problem   string
}

func (e *DeployError) Error() string {
	text := "deploy the app"
	if e.Name != "" {
		text += " " + e.Name
	}
	var problems []string
	for _, f := range e.Failures {
		problems = append(problems, strings.TrimPrefix(f.Component+": ", ": ")+f.Problem)
	}
	if len(problems) == 0 {
		problems = []string{"the org ended with " + e.Status}
	}
	return text + ": " + strings.Join(problems, "; ")
}

// Unwrap returns each failure as Salesforce's error, by which it is explained.
func (e *DeployError) Unwrap() []error { return e.causes }

// ErrorID returns the stable name of this kind of error.
func (e *DeployError) ErrorID() string { return "deploy-refused" }

// ErrorData returns the values that an explanation of the error may name.
func (e *DeployError) ErrorData() map[string]string { return map[string]string{"App": e.Name} }

// Is makes it sftoken.ErrBlocked if only an administrator can change it.
func (e *DeployError) Is(target error) bool {
	return target == sftoken.ErrBlocked && slices.ContainsFunc(e.causes, needsAdmin)
}

func needsAdmin(err error) bool {
	cause, ok := errors.AsType[*sftoken.Error](err)
	if !ok {
		return false
	}
	text := strings.ToLower(cause.Code + " " + cause.Description)
	return slices.ContainsFunc([]string{
		"insufficient_access", "insufficient access", "modifymetadata", "not available for deploy", "not available in this organization",
		"enable connected app creation", "create a connected app",
	}, func(sign string) bool { return strings.Contains(text, sign) })
}

// maxProblem bounds what is repeated of the org's words.
const maxProblem = 600

// refusal makes an error of a deployment that has not succeeded.
func refusal(name string, d *deployment) *DeployError {
	e := &DeployError{Name: name, ID: d.ID, Status: d.Status}
	add := func(component, code, problem string) {
		problem = strings.Join(strings.Fields(strings.Map(printable, problem)), " ")
		if len(problem) > maxProblem {
			problem = strings.ToValidUTF8(problem[:maxProblem], "") + " …"
		}
		if found := leadingCode().FindStringSubmatch(problem); code == "" && found != nil {
			code = found[1]
		}
		e.Failures = append(e.Failures, Failure{Component: component, Problem: problem})
		e.causes = append(e.causes, &sftoken.Error{Endpoint: "metadata", Code: code, Description: problem})
	}
	for _, f := range d.Details.Failures {
		if f.ProblemType != "Warning" {
			add(strings.TrimSpace(f.Type+" "+f.FullName), "", f.Problem)
		}
	}
	if len(e.Failures) == 0 && d.ErrorMessage != "" {
		add("", d.ErrorCode, d.ErrorMessage)
	}
	return e
}

// printable keeps what moves a terminal's cursor out of messages.
func printable(r rune) rune {
	if r < ' ' || r >= 0x7f && r < 0xa0 || r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069' {
		return ' '
	}
	return r
}

var (
	leadingCode = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)\b`) })
	duplicateOf = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`duplicates value on ([A-Za-z][A-Za-z0-9_]*)`) })
)

// rename takes the names of the org's own policies from a refusal, if that is what it is about.
func (e *DeployError) rename(names *policyNames) bool {
	renamed := false
	for _, f := range e.Failures {
		found := duplicateOf().FindStringSubmatch(f.Problem)
		if found == nil {
			continue
		}
		to := &names.general
		if strings.HasPrefix(f.Component, oauthPolicyKind.name) {
			to = &names.oauth
		} else if !strings.HasPrefix(f.Component, policyKind.name) {
			continue
		}
		renamed = renamed || *to != found[1]
		*to = found[1]
	}
	return renamed
}

// notAllowed tells a refusal to deploy at all from other failures.
func notAllowed(err error) error {
	wire, ok := errors.AsType[*sftoken.Error](err)
	if !ok || wire.Status >= 500 || wire.Status == 401 {
		return err
	}
	cause := *wire
	cause.Endpoint = "metadata"
	return &DeployError{
		Status:   fmt.Sprintf("status %d", wire.Status),
		Failures: []Failure{{Problem: strings.TrimSpace(wire.Code + ": " + wire.Description)}},
		causes:   []error{&cause},
	}
}
