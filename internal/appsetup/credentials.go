package appsetup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/sftoken/sftoken"
)

// Consumer is an app's entry in the org's list of OAuth credentials.
type Consumer struct {
	AppID string // of the external client app
	ID    string
	Key   string // the consumer key: the client id
}

// KeyError says that the org gives an app's consumer key, or its secret, to nobody who asks by the API.
type KeyError struct {
	Name   string
	Secret bool
	Err    error
}

func (e *KeyError) Error() string {
	what := "consumer key"
	if e.Secret {
		what = "consumer secret"
	}
	return fmt.Sprintf("read the %s of the app %s: %v", what, e.Name, e.Err)
}

func (e *KeyError) Unwrap() error { return e.Err }

// ErrorID returns the stable name of this kind of error.
func (e *KeyError) ErrorID() string {
	if e.Secret {
		return "app-secret-unreadable"
	}
	return "app-key-unreadable"
}

// Is makes it sftoken.ErrBlocked, unless waiting helps: an administrator has to change something.
func (e *KeyError) Is(target error) bool {
	return target == sftoken.ErrBlocked && !errors.Is(e.Err, sftoken.ErrTemporary)
}

// ErrorData returns the values that an explanation of the error may name.
func (e *KeyError) ErrorData() map[string]string { return map[string]string{"App": e.Name} }

var errNoKey = errors.New("the org's answer has none")

// Key finds the consumer key of an app: in the list of credentials, or if that is closed to the user in the app's metadata;
// then Consumer has the key only. appID may be empty.
func (o *Org) Key(ctx context.Context, name, appID string) (Consumer, error) {
	consumer, err := o.Consumer(ctx, name, appID)
	if err == nil {
		return consumer, nil
	}
	if ctx.Err() != nil || errors.Is(err, sftoken.ErrLoginRequired) {
		return Consumer{}, err
	}
	global := globalOAuth{}
	found, soapErr := o.readOf(ctx, name, globalOAuthKind, candidates(name, "_glbloauth", "_global"), &global)
	switch {
	case soapErr != nil:
		return Consumer{}, &KeyError{Name: name, Err: soapErr}
	case !found || global.ConsumerKey == "":
		return Consumer{}, &KeyError{Name: name, Err: errors.Join(errNoKey, err)}
	}
	return Consumer{AppID: appID, Key: global.ConsumerKey}, nil
}

// Consumer finds an app's entry in the list of credentials (D: Connect REST, OAuth Credentials by App ID). appID may be
// empty, or the one that a deployment has told, which nobody promises to be the same: then the app is looked up by its name.
func (o *Org) Consumer(ctx context.Context, name, appID string) (Consumer, error) {
	if appID != "" {
		consumer, err := o.consumerOf(ctx, name, appID)
		if !isStatus(err, http.StatusNotFound) {
			return consumer, err
		}
	}
	appID, err := o.appID(ctx, name)
	if err != nil {
		return Consumer{}, err
	}
	return o.consumerOf(ctx, name, appID)
}

func (o *Org) consumerOf(ctx context.Context, name, appID string) (Consumer, error) {
	var list struct{ Consumers []struct{ ID, Key string } }
	if err := o.get(ctx, credentialsOf(appID), &list); err != nil {
		return Consumer{}, err
	}
	if len(list.Consumers) == 0 || list.Consumers[0].ID == "" {
		return Consumer{}, &KeyError{Name: name, Err: errNoKey}
	}
	consumer := Consumer{AppID: appID, ID: list.Consumers[0].ID}
	credential, err := o.credential(ctx, consumer, "key")
	if err != nil {
		return Consumer{}, err
	}
	if consumer.Key = credential.Key; consumer.Key == "" {
		return Consumer{}, &KeyError{Name: name, Err: errNoKey}
	}
	return consumer, nil
}

// credentialsOf is the path of an app's credentials, or of something below them.
func credentialsOf(ids ...string) string {
	for i, id := range ids {
		ids[i] = url.PathEscape(id)
	}
	return "apps/oauth/credentials/" + strings.Join(ids, "/")
}

// appID looks an app up by its name (D: Connect REST, OAuth Usage).
func (o *Org) appID(ctx context.Context, name string) (string, error) {
	type page struct {
		Apps []struct{ DeveloperName, Identifier string }
		Next string `json:"nextPageUrl"`
	}
	const most = 100 // pages
	seen := map[string]bool{}
	for next := "apps/oauth/usage?page=0&pageSize=100"; next != "" && len(seen) < most && !seen[next]; {
		seen[next] = true
		var p page
		var err error
		if strings.HasPrefix(next, "/services/") {
			err = o.API.Get(ctx, next, &p)
		} else {
			err = o.get(ctx, next, &p)
		}
		if err != nil {
			return "", err
		}
		for _, app := range p.Apps {
			if app.DeveloperName == name && app.Identifier != "" {
				return app.Identifier, nil
			}
		}
		next = p.Next
	}
	return "", &MissingError{Name: name}
}

// credential is a key and its secret. The secret is there only if it was asked for.
type credential struct {
	ID, Key string
	Secret  sftoken.Secret
	State   string    // of staged ones: Active, Expired, Rotated
	Expires time.Time // of staged ones
}

func (c *credential) UnmarshalJSON(data []byte) error {
	var wire struct{ ID, Key, Secret, State, ExpirationDate string }
	if err := json.Unmarshal(data, &wire); err != nil {
		return errors.New("a credential cannot be read") // the cause would repeat the secret
	}
	*c = credential{ID: wire.ID, Key: wire.Key, Secret: sftoken.NewSecret(wire.Secret), State: wire.State}
	for _, layout := range []string{"2006-01-02T15:04:05.000Z0700", "2006-01-02T15:04:05.000-0700", time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(layout, wire.ExpirationDate); err == nil {
			c.Expires = at.UTC()
			break
		}
	}
	return nil
}

// credential asks for the key, or for "keyandsecret".
func (o *Org) credential(ctx context.Context, c Consumer, part string) (*credential, error) {
	answer := new(credential)
	err := o.get(ctx, credentialsOf(c.AppID, c.ID)+"?part="+part, answer)
	return answer, err
}

// Secret reads the consumer secret. It needs the org's permission to give secrets away by the API, and the user's to see
// them; without either the error is a *KeyError.
func (o *Org) Secret(ctx context.Context, name string, c Consumer) (sftoken.Secret, error) {
	answer, err := new(credential), error(nil)
	if c.ID == "" { // the key came from elsewhere, because the list of credentials gave none
		c, err = o.Consumer(ctx, name, c.AppID)
	}
	if err == nil {
		answer, err = o.credential(ctx, c, "keyandsecret")
	}
	switch {
	case errors.Is(err, sftoken.ErrTemporary):
		return sftoken.Secret{}, err
	case err == nil && answer.Secret.IsZero():
		err = errNoKey
	}
	if err != nil {
		return sftoken.Secret{}, &KeyError{Name: name, Secret: true, Err: err}
	}
	return answer.Secret, nil
}

// send makes a request without an answer to read, but for into.
func (o *Org) send(ctx context.Context, method, resource, body string, into any) error {
	target, err := o.path(ctx, resource)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	header := http.Header{}
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
		header.Set("Content-Type", "application/json")
	}
	res, err := o.API.Do(ctx, method, target, content, header)
	if res != nil {
		defer res.Body.Close()
	}
	if err != nil || into == nil {
		return err
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(into); err != nil {
		return fmt.Errorf("%s: the org's answer cannot be read", resource)
	}
	return nil
}
