package appsetup

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/internal/rest"
)

// Org is an org that apps are made in or looked at, by the login of somebody who may.
type Org struct {
	API *rest.Client
	// Token gives the session for SOAP, whose requests carry it in their body: another than the one that was rejected, which
	// is zero at first.
	Token func(ctx context.Context, rejected sftoken.Secret) (sftoken.Secret, error)
	Now   func() time.Time
}

// requestTime bounds each request, so that a connection that has died without a word is given up.
const requestTime = 30 * time.Second

// version is the API version to use: the one that the components are described in, or the org's newest if that is older.
func (o *Org) version(ctx context.Context) (string, error) {
	newest, err := o.API.Newest(ctx)
	if err != nil {
		return "", err
	}
	return earlier(APIVersion, newest), nil
}

// path completes the path of a REST resource.
func (o *Org) path(ctx context.Context, resource string) (string, error) {
	version, err := o.version(ctx)
	return "/services/data/v" + version + "/" + resource, err
}

// get asks for a REST resource, for requestTime at most.
func (o *Org) get(ctx context.Context, resource string, into any) error {
	target, err := o.path(ctx, resource)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	return o.API.Get(ctx, target, into)
}

// MissingError says that the org has no app of a name.
type MissingError struct{ Name string }

func (e *MissingError) Error() string {
	return fmt.Sprintf("find the app %s: the org has no external client app of that name", e.Name)
}

// ErrorID returns the stable name of this kind of error.
func (e *MissingError) ErrorID() string { return "app-missing" }

// ErrorData returns the values that an explanation of the error may name.
func (e *MissingError) ErrorData() map[string]string { return map[string]string{"App": e.Name} }

// TakenError says that the org has an app of the name already.
type TakenError struct{ Name string }

func (e *TakenError) Error() string {
	return fmt.Sprintf("create the app %s: the org has an external client app of that name", e.Name)
}

// ErrorID returns the stable name of this kind of error.
func (e *TakenError) ErrorID() string { return "app-name-taken" }

// ErrorData returns the values that an explanation of the error may name.
func (e *TakenError) ErrorData() map[string]string { return map[string]string{"App": e.Name} }

// Free reports nil if the org has no app of that name, and a *TakenError if it has one.
func (o *Org) Free(ctx context.Context, name string) error {
	_, err := o.application(ctx, name)
	switch {
	case err == nil:
		return &TakenError{Name: name}
	case isMissing(err):
		return nil
	}
	return err
}

func isMissing(err error) bool {
	_, missing := errors.AsType[*MissingError](err)
	return missing
}
