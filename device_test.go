package sftoken_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sftoken/sftoken"
)

// polls answers one poll after the other, the last for ever, and notes when each came.
func polls(start time.Time, at *[]time.Duration, answers ...func() *http.Response) http.RoundTripper {
	return roundTrip(func(r *http.Request) (*http.Response, error) {
		*at = append(*at, time.Since(start))
		next := answers[min(len(*at), len(answers))-1]
		if next == nil {
			return nil, errors.New("connection reset by peer")
		}
		return next(), nil
	})
}

func says(status int, contentType, body string) func() *http.Response {
	return func() *http.Response { return answer(status, contentType, body) }
}

func pending(code string) func() *http.Response {
	return says(400, "application/json", `{"error":"`+code+`"}`)
}

// C-60: the interval is kept, slow_down adds five seconds for good, and where no answer comes the wait doubles.
func TestDeviceInterval(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var at []time.Duration
		c := newClient(t, polls(time.Now(), &at, pending("authorization_pending"), pending("slow_down"), pending("authorization_pending"),
			nil, says(503, "text/html", "<html>"), pending("authorization_pending"), says(200, "application/json", goodToken)))
		d := &sftoken.DeviceLogin{DeviceCode: sftoken.NewSecret("dev"), Interval: 5 * time.Second, ExpiresAt: time.Now().Add(10 * time.Minute)}
		token, err := c.AwaitDevice(t.Context(), d)
		if err != nil || token.RefreshToken.IsZero() {
			t.Fatalf("AwaitDevice = %v, %v", token, err)
		}
		want := []time.Duration{5, 10, 20, 30, 50, 90, 130}
		for i := range want {
			want[i] *= time.Second
		}
		if !slices.Equal(at, want) {
			t.Errorf("polled at %v, want %v", at, want)
		}
	})
}

// Nobody comes: the wait ends with the code, with an error that asks for a new login. A caller who leaves ends it too.
func TestDeviceEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var at []time.Duration
		start := time.Now()
		c := newClient(t, polls(start, &at, pending("authorization_pending")))
		d := &sftoken.DeviceLogin{DeviceCode: sftoken.NewSecret("dev"), ExpiresAt: start.Add(time.Minute)}
		_, err := c.AwaitDevice(t.Context(), d)
		var expired *sftoken.DeviceExpiredError
		if !errors.As(err, &expired) || !errors.Is(err, sftoken.ErrLoginRequired) || time.Since(start) != time.Minute {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		if len(at) > 60 {
			t.Errorf("%d polls in a minute: an interval of nothing is one second", len(at))
		}
		d.ExpiresAt = time.Now().Add(time.Hour)
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		if _, err := c.AwaitDevice(ctx, d); !errors.Is(err, context.DeadlineExceeded) || errors.As(err, &expired) {
			t.Errorf("the caller leaves: %v", err)
		}
	})
}

// The code is shown with the host that it belongs to, which must be one that may be trusted with a login (C-60, C-44).
func TestDeviceAnswer(t *testing.T) {
	t.Parallel()
	const good = `{"device_code":"dev","user_code":"X1D9SEET","verification_uri":"https://login.salesforce.com/setup/connect"}`
	for _, row := range []struct{ name, body, id string }{
		{"as captured", good, ""},
		{"a foreign page", strings.Replace(good, "login.salesforce.com", "login.salesforce.com.evil.example", 1), "answer-untrusted"},
		{"plain http", strings.Replace(good, "https:", "http:", 1), "answer-untrusted"},
		{"no page", strings.Replace(good, "verification_uri", "uri", 1), "answer-untrusted"},
		{"no code", strings.Replace(good, "user_code", "code", 1), "answer-incomplete"},
		{"a code that moves the cursor", strings.Replace(good, "X1D9", `\u001b[2J`, 1), "answer-incomplete"},
		{"no device code", strings.Replace(good, "device_code", "x", 1), "answer-incomplete"},
		{"a web page", "<html>", "answer-unreadable"},
	} {
		c := newClient(t, answering(200, "application/json", row.body))
		d, err := c.StartDevice(t.Context(), nil)
		if row.id == "" {
			if err != nil || d.Interval != 5*time.Second || time.Until(d.ExpiresAt).Round(time.Minute) != 10*time.Minute ||
				d.CompleteURI() != "https://login.salesforce.com/setup/connect?user_code=X1D9SEET" || !slices.Contains(d.Scopes, "refresh_token") {
				t.Errorf("%s: %+v, %v", row.name, d, err)
			}
			continue
		}
		if e, ok := errors.AsType[*sftoken.UnexpectedError](err); !ok || e.ID != row.id || strings.Contains(e.Error(), "X1D9") {
			t.Errorf("%s: %v, want %s", row.name, err, row.id)
		}
	}
}
