// Package approvals knows the approvals that an org keeps of one user, each a refresh token of some app, and tells which of
// them is a login's own.
//
// The org says little of them (D: OauthToken): the app's label, when the token was last used and how often, and a token by
// which it can be revoked. It does not say which app that is by its client id, nor when the approval was given. So a login's
// own approval is told by its use: the one that was last used when the login was last refreshed is probably it, and the one
// whose use a refresh changes is it for certain. That a refresh counts as a use is inferred.
//
// The package refreshes nothing and revokes nothing. internal/cli imports it.
package approvals

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/sftoken/sftoken"
)

// Most is how many approvals of one app a user has. A further one revokes the oldest (H: remoteaccess_request_manage).
const Most = 5

// Ours says whether an approval is the login's own.
type Ours string

// The degrees of it.
const (
	Yes      Ours = "yes"      // a refresh of the login changed it
	Probably Ours = "probably" // it alone was last used when the login was last refreshed
	Possibly Ours = "possibly" // it was, and so were others
	Unknown  Ours = "unknown"  // none was: it may be this one as well as another
	No       Ours = "no"
)

// Approval is one row of OauthToken.
type Approval struct {
	App         string // its label
	AppItem     string // id in the App Picker; empty: the app is not installed in the org
	UserID      string
	LastUsed    time.Time // zero: never
	Uses        int
	DeleteToken sftoken.Secret // revokes it; zero: the org does not say
	Ours        Ours
	NextOut     bool // a further login of its app probably revokes it
}

// ID names an approval for people. It is the fingerprint of its delete token.
func (a *Approval) ID() string { return a.DeleteToken.Fingerprint() }

// Getter asks an org; *rest.Client is one.
type Getter interface {
	Get(ctx context.Context, path string, into any) error
}

// List asks for the approvals of a user, the last used first.
func List(ctx context.Context, org Getter, userID string) ([]*Approval, error) {
	if len(userID) < 15 || strings.Trim(userID, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != "" {
		return nil, fmt.Errorf("list approvals: user id %q is none", userID)
	}
	soql := "SELECT AppName, UserId, LastUsedDate, UseCount, DeleteToken, AppMenuItemId FROM OauthToken WHERE UserId = '" + userID + "'"
	var list []*Approval
	for next := "query?" + (url.Values{"q": {soql}}).Encode(); next != ""; {
		var page struct {
			Next    string `json:"nextRecordsUrl"`
			Records []row
		}
		if err := org.Get(ctx, next, &page); err != nil {
			return nil, err
		}
		for _, r := range page.Records {
			list = append(list, r.approval())
		}
		next = page.Next
	}
	slices.SortStableFunc(list, func(a, b *Approval) int { return b.LastUsed.Compare(a.LastUsed) })
	for _, a := range list {
		a.Ours = Unknown
	}
	markNextOut(list)
	return list, nil
}

type row struct {
	AppName, UserID, LastUsedDate, DeleteToken, AppMenuItemID string
	UseCount                                                  int
}

func (r row) approval() *Approval {
	a := &Approval{App: r.AppName, AppItem: r.AppMenuItemID, UserID: r.UserID, Uses: r.UseCount, DeleteToken: sftoken.NewSecret(r.DeleteToken)}
	for _, layout := range []string{"2006-01-02T15:04:05.000-0700", time.RFC3339} {
		if at, err := time.Parse(layout, r.LastUsedDate); err == nil {
			a.LastUsed = at.UTC()
		}
	}
	return a
}

// markNextOut marks, in each app that has all its approvals, the one that goes when another comes. That should be the oldest;
// the org tells of the last use only, so that it is a guess.
func markNextOut(list []*Approval) {
	apps := map[string][]*Approval{}
	for _, a := range list {
		key := a.App + "\x00" + a.AppItem
		apps[key] = append(apps[key], a)
	}
	for _, same := range apps {
		if len(same) >= Most {
			same[len(same)-1].NextOut = true
		}
	}
}

// slack is how far the org's clock and ours may be apart.
const slack = 2 * time.Minute

// Guess marks what was last used when the login was last refreshed.
func Guess(list []*Approval, refreshed time.Time) {
	var near []*Approval
	for _, a := range list {
		if !a.LastUsed.IsZero() && a.LastUsed.Sub(refreshed).Abs() <= slack {
			near = append(near, a)
		}
	}
	if len(near) == 0 {
		return
	}
	for _, a := range list {
		a.Ours = No
	}
	for _, a := range near {
		a.Ours = Possibly
	}
	if len(near) == 1 {
		near[0].Ours = Probably
	}
}

// Compare marks what a refresh between two lists has changed. With rotation the row itself may be a new one. Anything but one
// change leaves open which is the login's: somebody else may have been at work too.
func Compare(before, after []*Approval) {
	was := map[string]*Approval{}
	for _, a := range before {
		was[a.DeleteToken.Fingerprint()] = a
	}
	var changed []*Approval
	for _, a := range after {
		if old := was[a.ID()]; old == nil || a.Uses != old.Uses || !a.LastUsed.Equal(old.LastUsed) {
			changed = append(changed, a)
		}
	}
	if len(changed) == 0 {
		return
	}
	for _, a := range after {
		a.Ours = No
	}
	for _, a := range changed {
		a.Ours = Possibly
	}
	if len(changed) == 1 {
		changed[0].Ours = Yes
	}
}
