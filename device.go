package sftoken

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

const (
	// deviceLife is how long a device code is good; Salesforce's answer does not say (sfdx-core: about ten minutes).
	deviceLife = 10 * time.Minute
	// deviceInterval is RFC 8628's for an answer without one, and what slow_down adds (sections 3.2 and 3.5).
	deviceInterval    = 5 * time.Second
	deviceMaxInterval = time.Minute
)

// DeviceLogin is a login with the device flow that is under way. Show the person VerificationURI, host and all, and UserCode;
// and say that nobody who sends them such a code from elsewhere means well (RFC 8628 section 5.4).
type DeviceLogin struct {
	UserCode        string
	VerificationURI string // on a host that may be trusted with a login
	DeviceCode      Secret
	Interval        time.Duration
	ExpiresAt       time.Time // what is usual, where the answer does not say
	Scopes          []string  // as asked
}

// CompleteURI is VerificationURI with the code filled in (observed of Salesforce's page).
func (d *DeviceLogin) CompleteURI() string {
	separator := "?"
	if strings.Contains(d.VerificationURI, "?") {
		separator = "&"
	}
	return d.VerificationURI + separator + "user_code=" + url.QueryEscape(d.UserCode)
}

// DeviceExpiredError says that nobody entered the code in time.
type DeviceExpiredError struct{ At time.Time }

func (e *DeviceExpiredError) Error() string {
	return "wait for device login: nobody entered the code before " + e.At.Format(time.TimeOnly)
}

// Is makes it a matter of a new login.
func (e *DeviceExpiredError) Is(target error) bool { return target == ErrLoginRequired }

// ErrorID returns the stable name of this kind of error.
func (e *DeviceExpiredError) ErrorID() string { return "device-expired" }

// StartDevice begins a login on another machine's browser (RFC 8628 in Salesforce's older form: at the token endpoint). nil
// scopes are the app's. The app needs the flow switched on; connected apps that are not installed in the org have it
// blocked, and from 30 November 2026 only local external client apps keep it (see [Flow.Facts]). No secret is sent.
func (c *Client) StartDevice(ctx context.Context, scopes []string) (*DeviceLogin, error) {
	if err := c.checkFlow(FlowDevice); err != nil {
		return nil, err
	}
	if err := validScopes(scopes); err != nil {
		return nil, err
	}
	d := &DeviceLogin{Scopes: askedScopes(scopes, c.App.Scopes)}
	form := url.Values{"response_type": {"device_code"}, "client_id": {c.App.ClientID}}
	if len(d.Scopes) > 0 {
		form.Set("scope", strings.Join(d.Scopes, " "))
	}
	got, err := c.post(ctx, "token", c.App.Host, tokenPath, form)
	if err != nil {
		return nil, err
	}
	return d, c.readDevice(d, got)
}

var userCodeForm = lazy(`^[0-9A-Za-z-]{4,40}$`)

func (c *Client) readDevice(d *DeviceLogin, got *answer) error {
	f, err := got.read()
	if err != nil {
		return err
	}
	refuse := func(id, reason string) error {
		e := got.unexpected(id, reason)
		e.Snippet = "" // it holds the code
		return e
	}
	d.UserCode, d.VerificationURI, d.DeviceCode = f.text("user_code"), f.text("verification_uri"), f.secret("device_code")
	d.Interval = max(f.duration("interval"), 0)
	if d.Interval == 0 {
		d.Interval = deviceInterval
	}
	life := f.duration("expires_in")
	if life == 0 {
		life = deviceLife
	}
	d.ExpiresAt = time.Now().Add(life)
	if d.DeviceCode.IsZero() || !userCodeForm().MatchString(d.UserCode) {
		return refuse("answer-incomplete", "there is no usable code in it")
	}
	if err := c.Hosts.Trusts(c.App.Host, d.VerificationURI); err != nil {
		return refuse("answer-untrusted", err.Error())
	}
	return nil
}

// AwaitDevice asks every interval whether the person is done, more slowly when told to or when no answer comes, until they
// are, refuse (ErrDenied), the code is too old (*DeviceExpiredError) or ctx ends. It is the one method that makes several
// requests.
func (c *Client) AwaitDevice(ctx context.Context, d *DeviceLogin) (*Token, error) {
	if err := c.checkFlow(FlowDevice); err != nil {
		return nil, err
	}
	if d.DeviceCode.IsZero() {
		return nil, &AppError{"login", "its device code is missing", "attempt-incomplete"}
	}
	ctx, cancel := context.WithDeadlineCause(ctx, d.ExpiresAt, &DeviceExpiredError{d.ExpiresAt})
	defer cancel()
	wait := max(d.Interval, time.Second)
	for {
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, waited(ctx)
		}
		token, err := c.grant(ctx, url.Values{
			"grant_type": {grantDevice},
			"client_id":  {c.App.ClientID},
			"code":       {d.DeviceCode.Reveal()},
		})
		if err == nil {
			return token, nil
		}
		if ctx.Err() != nil {
			return nil, waited(ctx)
		}
		slower, again := deviceWait(wait, err)
		if !again {
			return nil, err
		}
		wait = slower
	}
}

func waited(ctx context.Context) error {
	cause := context.Cause(ctx)
	if _, ok := errors.AsType[*DeviceExpiredError](cause); ok {
		return cause
	}
	return fmt.Errorf("wait for device login: %w", cause)
}

// deviceWait is how long to wait after an answer that was no token, and whether there is anything to wait for.
func deviceWait(wait time.Duration, err error) (time.Duration, bool) {
	if e, ok := errors.AsType[*Error](err); ok {
		switch {
		case e.Code == "authorization_pending":
			return wait, true
		case e.Code == "slow_down":
			return wait + deviceInterval, true
		case !errors.Is(e, ErrTemporary):
			return 0, false
		}
		wait = max(wait, min(e.RetryAfter, deviceMaxInterval))
	}
	return max(wait, min(2*wait, deviceMaxInterval)), errors.Is(err, ErrTemporary) // RFC 8628 section 3.5
}
