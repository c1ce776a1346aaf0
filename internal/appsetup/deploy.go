package appsetup

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/sftoken/sftoken"
)

// DeployOptions say how to deploy.
type DeployOptions struct {
	CheckOnly  bool           // the org checks, and changes nothing
	OnProgress func(Progress) // told of each answer, and of each that did not come
}

// Progress is how far a deployment is.
type Progress struct {
	ID     string
	Status string // Pending, InProgress, …
	Done   int    // components
	Total  int
	Lost   error // no answer came this time; the org goes on, and is asked again
}

// Deployed is a deployment that has succeeded.
type Deployed struct {
	ID    string
	AppID string // the id of the external client app, if the org has said it
}

// deployment is DeployResult in the words of the REST API (D: Metadata API, deployRequest).
type deployment struct {
	ID           string `json:"id"`
	Done         bool   `json:"done"`
	Success      bool   `json:"success"`
	Status       string `json:"status"`
	Deployed     int    `json:"numberComponentsDeployed"`
	Total        int    `json:"numberComponentsTotal"`
	ErrorMessage string `json:"errorMessage"`
	ErrorCode    string `json:"errorStatusCode"`
	Details      struct {
		Failures  []componentResult `json:"componentFailures"`
		Successes []componentResult `json:"componentSuccesses"`
	} `json:"details"`
}

type componentResult struct {
	ID          string `json:"id"`
	FileName    string `json:"fileName"`
	FullName    string `json:"fullName"`
	Type        string `json:"componentType"`
	Problem     string `json:"problem"`
	ProblemType string `json:"problemType"`
}

// ErrDeployTimeout says that the org had not finished in time. It goes on all the same.
var ErrDeployTimeout error = &deployTimeout{}

type deployTimeout struct{}

func (*deployTimeout) Error() string        { return "the org has not finished in time" }
func (*deployTimeout) ErrorID() string      { return "deploy-timeout" }
func (*deployTimeout) Is(target error) bool { return target == sftoken.ErrTemporary }

// Deploy makes the app in the org, or brings the one of that name to the settings, and waits until the org has said how it
// went. A lost connection ends the wait for one answer, not the wait. When ctx is canceled the org is asked to stop; when its
// deadline passes the error is ErrDeployTimeout. What the org refuses is a *DeployError.
func (o *Org) Deploy(ctx context.Context, s Settings, options DeployOptions) (*Deployed, error) {
	names := defaultPolicyNames(s.Name)
	done, err := o.deploy(ctx, s, names, options)
	// Which names the org gives to the policies that it makes by itself is not documented and was seen to differ. Its refusal
	// tells, and nothing has been changed by it.
	refused, ok := errors.AsType[*DeployError](err)
	if !ok || !refused.rename(&names) {
		return done, err
	}
	return o.deploy(ctx, s, names, options)
}

func (o *Org) deploy(ctx context.Context, s Settings, names policyNames, options DeployOptions) (*Deployed, error) {
	version, err := o.version(ctx)
	if err != nil {
		return nil, err
	}
	packed, err := archive(packageOf(s.components(names), version), o.Now())
	if err != nil {
		return nil, err
	}
	id, err := o.start(ctx, packed, options)
	if err != nil {
		return nil, err
	}
	d, err := o.await(ctx, id, options)
	if err != nil {
		return nil, fmt.Errorf("deploy the app %s: deployment %s: %w", s.Name, id, err)
	}
	if d.Status != "Succeeded" {
		return nil, refusal(s.Name, d)
	}
	return &Deployed{ID: id, AppID: d.appID()}, nil
}

// appID is the id of the application among what was deployed.
func (d *deployment) appID() string {
	for _, c := range d.Details.Successes {
		if c.Type == applicationKind.name {
			return c.ID
		}
	}
	return ""
}

// start hands the package to the org. It is sent once: whether a request without an answer has begun a deployment, nobody
// can tell.
func (o *Org) start(ctx context.Context, packed []byte, options DeployOptions) (id string, err error) {
	target, err := o.path(ctx, "metadata/deployRequest")
	if err != nil {
		return "", err
	}
	body, contentType, err := deployForm(packed, options.CheckOnly)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*requestTime)
	defer cancel()
	res, err := o.API.Do(ctx, http.MethodPost, target, bytes.NewReader(body), http.Header{"Content-Type": {contentType}})
	if res != nil {
		defer res.Body.Close()
	}
	if err != nil {
		return "", notAllowed(err)
	}
	var answer struct{ ID string }
	if err := json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(&answer); err != nil || !recordID().MatchString(answer.ID) {
		return "", errors.New("deploy the app: the org's answer names no deployment")
	}
	return answer.ID, nil
}

var recordID = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9A-Za-z]{15,18}$`) })

// deployForm is the request of D: "Deploy with REST": a part of JSON, and the archive as it is.
func deployForm(packed []byte, checkOnly bool) (body []byte, contentType string, err error) {
	options, err := json.Marshal(map[string]any{"deployOptions": map[string]any{
		"singlePackage": true, "rollbackOnError": true, "ignoreWarnings": false, "checkOnly": checkOnly, "testLevel": "NoTestRun",
	}})
	if err != nil {
		return nil, "", err
	}
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, part := range []struct {
		disposition, contentType string
		content                  []byte
	}{
		{`form-data; name="json"`, "application/json", options},
		{`form-data; name="file"; filename="deploy.zip"`, "application/zip", packed},
	} {
		to, err := w.CreatePart(textproto.MIMEHeader{"Content-Disposition": {part.disposition}, "Content-Type": {part.contentType}})
		if err != nil {
			return nil, "", err
		}
		if _, err := to.Write(part.content); err != nil {
			return nil, "", err
		}
	}
	if err := w.Close(); err != nil { // writes the last boundary
		return nil, "", err
	}
	return b.Bytes(), w.FormDataContentType(), nil
}

const (
	firstPoll = time.Second
	lastPoll  = 5 * time.Second
)

// await asks for the deployment until it is done.
func (o *Org) await(ctx context.Context, id string, options DeployOptions) (*deployment, error) {
	tell := options.OnProgress
	if tell == nil {
		tell = func(Progress) {}
	}
	for pause := firstPoll; ; pause = min(pause*3/2, lastPoll) {
		d, err := o.status(ctx, id)
		switch {
		case err == nil:
			tell(Progress{ID: id, Status: d.Status, Done: d.Deployed, Total: d.Total})
			if d.Done {
				return d, nil
			}
		case ctx.Err() == nil && errors.Is(err, sftoken.ErrTemporary):
			tell(Progress{ID: id, Lost: err})
		case ctx.Err() == nil:
			return nil, err
		}
		select {
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return nil, ErrDeployTimeout
			}
			o.cancel(ctx, id)
			return nil, ctx.Err()
		case <-time.After(pause):
		}
	}
}

func (o *Org) status(ctx context.Context, id string) (*deployment, error) {
	var answer struct {
		Result deployment `json:"deployResult"`
	}
	err := o.get(ctx, "metadata/deployRequest/"+id+"?includeDetails=true", &answer)
	return &answer.Result, err
}

// cancel asks the org to stop, for a person who has gone away. That it works is not waited for.
func (o *Org) cancel(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), requestTime/3)
	defer cancel()
	target, err := o.path(ctx, "metadata/deployRequest/"+id)
	if err != nil {
		return
	}
	body := strings.NewReader(`{"deployResult":{"status":"Canceling"}}`)
	res, _ := o.API.Do(ctx, http.MethodPatch, target, body, http.Header{"Content-Type": {"application/json"}})
	if res != nil {
		res.Body.Close()
	}
}
