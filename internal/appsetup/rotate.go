package appsetup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/sftoken/sftoken"
)

// Staged is a new key and secret that the org has made and does not use yet. It keeps them for 30 days (D: Connect REST, OAuth
// Staged Credentials).
type Staged struct {
	ID      string
	Key     string
	Secret  sftoken.Secret
	Expires time.Time // zero: the org did not say
}

// StagedError says that the org holds credentials beside the app's own that stand in the way of new ones: it keeps one pair.
type StagedError struct {
	Name     string
	Previous bool      // they are those from before the last rotation, which still work
	Until    time.Time // zero: not known
}

func (e *StagedError) Error() string {
	if e.Previous {
		return fmt.Sprintf("stage a secret of the app %s: the secret from before the last rotation still works", e.Name)
	}
	return fmt.Sprintf("stage a secret of the app %s: somebody else has staged one", e.Name)
}

// ErrorID returns the stable name of this kind of error.
func (e *StagedError) ErrorID() string {
	if e.Previous {
		return "app-secret-previous"
	}
	return "app-secret-staged"
}

// ErrorData returns the values that an explanation of the error may name.
func (e *StagedError) ErrorData() map[string]string { return map[string]string{"App": e.Name} }

func stagedOf(c Consumer, id ...string) string {
	return credentialsOf(append([]string{c.AppID, c.ID, "staged"}, id...)...)
}

// stagedList is the answer to a question for staged credentials: a list, as it is documented, or one credential by itself, as
// it was seen.
type stagedList []credential

func (l *stagedList) UnmarshalJSON(data []byte) error {
	var wire struct {
		List *[]credential `json:"stagedCredentials"`
	}
	if json.Unmarshal(data, &wire) == nil && wire.List != nil {
		*l = *wire.List
		return nil
	}
	var one credential
	if err := one.UnmarshalJSON(data); err != nil {
		return err
	}
	*l = nil
	if one.ID+one.Key != "" {
		*l = stagedList{one}
	}
	return nil
}

// Stage makes a new key and secret that the org does not use yet. The app goes on as it is.
func (o *Org) Stage(ctx context.Context, name string, c Consumer) (*Staged, error) {
	held, err := o.held(ctx, c)
	if err != nil {
		return nil, secretRefused(name, err)
	}
	for _, h := range held {
		if h.State != "Expired" {
			return nil, &StagedError{Name: name, Previous: h.State == "Rotated", Until: h.Expires}
		}
	}
	var answer stagedList
	if err := o.send(ctx, http.MethodPost, stagedOf(c), "", &answer); err != nil {
		return nil, secretRefused(name, err)
	}
	if i := slices.IndexFunc(answer, usable); i >= 0 {
		return answer[i].staged(), nil
	}
	return nil, &KeyError{Name: name, Secret: true, Err: errNoKey}
}

func usable(c credential) bool {
	return c.ID != "" && c.Key != "" && !c.Secret.IsZero() && c.State != "Rotated" && c.State != "Expired"
}

func (c credential) staged() *Staged {
	return &Staged{ID: c.ID, Key: c.Key, Secret: c.Secret, Expires: c.Expires}
}

// held lists the credentials that the org keeps beside the app's own: staged ones, or those from before a rotation. The org
// may answer 404 where there are none.
func (o *Org) held(ctx context.Context, c Consumer) ([]credential, error) {
	var answer stagedList
	err := o.get(ctx, stagedOf(c), &answer)
	if isStatus(err, http.StatusNotFound) {
		return nil, nil
	}
	return answer, err
}

func isStatus(err error, status int) bool {
	wire, ok := errors.AsType[*sftoken.Error](err)
	return ok && wire.Status == status
}

// secretRefused tells a refusal to handle secrets from other failures.
func secretRefused(name string, err error) error {
	wire, ok := errors.AsType[*sftoken.Error](err)
	if !ok || wire.Status >= 500 || errors.Is(err, sftoken.ErrTemporary) {
		return err
	}
	return &KeyError{Name: name, Secret: true, Err: err}
}

// Promote makes staged credentials the app's own, and says whether they are: a second call after a lost answer finds that out
// and does no harm. gone means that the org knows them no more: they have expired, or were deleted. The credentials from
// before go on working for 30 days, or until Retire (observed).
func (o *Org) Promote(ctx context.Context, c Consumer, s *Staged) (gone bool, err error) {
	now, err := o.credential(ctx, c, "key")
	if err != nil {
		return false, err
	}
	if now.Key == s.Key {
		return false, nil
	}
	err = o.send(ctx, http.MethodPatch, stagedOf(c, s.ID), `{"command":"rotate"}`, nil)
	if isStatus(err, http.StatusNotFound) {
		return true, nil
	}
	return false, err
}

// Drop deletes staged credentials. Those that are gone already are none to complain of.
func (o *Org) Drop(ctx context.Context, c Consumer, id string) error {
	err := o.send(ctx, http.MethodDelete, stagedOf(c, id), "", nil)
	if isStatus(err, http.StatusNotFound) {
		return nil
	}
	return err
}

// Retire deletes the credentials from before the last rotation at once, and says whether there were any. Whoever still uses
// them is refused from then on.
func (o *Org) Retire(ctx context.Context, name string, c Consumer) (bool, error) {
	return o.dropHeld(ctx, name, c, func(h credential) bool { return h.State == "Rotated" })
}

// Unstage deletes staged credentials, by whomever they were made, and says whether there were any.
func (o *Org) Unstage(ctx context.Context, name string, c Consumer) (bool, error) {
	return o.dropHeld(ctx, name, c, func(h credential) bool { return h.State != "Rotated" })
}

func (o *Org) dropHeld(ctx context.Context, name string, c Consumer, which func(credential) bool) (dropped bool, err error) {
	held, err := o.held(ctx, c)
	if err != nil {
		return false, secretRefused(name, err)
	}
	for _, h := range held {
		if !which(h) {
			continue
		}
		if err := o.Drop(ctx, c, h.ID); err != nil {
			return dropped, err
		}
		dropped = true
	}
	return dropped, nil
}
