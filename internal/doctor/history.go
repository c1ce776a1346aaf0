package doctor

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/explain"
)

// login is a row of LoginHistory. LoginSubType cannot be filtered by (observed), so that it is read and sorted out here.
type login struct {
	LoginTime, LoginType, LoginSubType, Status, Application string
}

// historyLimit is enough to find the last success among failures, and one page of an answer.
const historyLimit = 50

// history reads how the last logins of the user ended: the best tie-breaker there is. Each row's status leads to an entry,
// as "Failed: Invalid Token" does to a dead refresh token.
func history(ctx context.Context, x *examination) []Finding {
	rows, err := x.logins(ctx, ", LoginSubType")
	if wire, ok := errors.AsType[*sftoken.Error](err); ok && wire.Code == "INVALID_FIELD" {
		rows, err = x.logins(ctx, "") // not every org has the column
	}
	if err != nil {
		return []Finding{failed(Note, "history-unknown", err)}
	}
	return decode(rows)
}

func (x *examination) logins(ctx context.Context, more string) (rows []login, err error) {
	soql := "SELECT LoginTime, LoginType, Status, Application" + more + " FROM LoginHistory WHERE UserId = '" + x.now().UserID +
		"' ORDER BY LoginTime DESC LIMIT " + strconv.Itoa(historyLimit)
	for page, err := range x.org.Query(ctx, "query", soql) {
		if err != nil {
			return nil, err
		}
		for _, record := range page.Records {
			var row login
			if json.Unmarshal(record, &row) == nil && len(rows) < historyLimit {
				rows = append(rows, row)
			}
		}
	}
	return rows, nil
}

// decode tells of the failures since the last success of an OAuth flow; a kind of failure once.
func decode(rows []login) []Finding {
	var all []Finding
	seen := map[string]bool{}
	for _, row := range rows {
		if row.LoginType != "" && !strings.HasPrefix(row.LoginType, "Remote Access") {
			continue // somebody in a browser, for themselves
		}
		if strings.EqualFold(row.Status, "Success") {
			break
		}
		if seen[row.Status] {
			continue
		}
		seen[row.Status] = true
		f := found(Warning, "history", "status", shown(row.Status), "app", shown(row.Application), "at", loginTime(row.LoginTime), "type", shown(cmp.Or(row.LoginSubType, row.LoginType)))
		if match := explain.Text(row.Status, flowOfLogin(row.LoginSubType)); match != nil {
			f.Entry = match.Entry
		}
		all = append(all, f)
	}
	if len(all) == 0 {
		return []Finding{found(OK, "history-clean")}
	}
	return all
}

// flowOfLogin is the flow that a LoginSubType stands for.
func flowOfLogin(subType string) explain.Flow {
	switch strings.ToLower(subType) {
	case "oauthwebserver":
		return "web"
	case "oauthrefreshtoken":
		return "refresh"
	case "oauthclientcredentials":
		return "client-credentials"
	case "oauthtokenexchange":
		return "token-exchange"
	case "oauthdevice":
		return "device"
	case "oauthusernamepassword":
		return "password"
	}
	return ""
}

func loginTime(text string) string {
	at, err := time.Parse("2006-01-02T15:04:05.000-0700", text)
	if err != nil {
		return ""
	}
	return at.UTC().Format(time.RFC3339)
}

// shown is a text from the org, fit for a terminal.
func shown(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return -1
		}
		return r
	}, text)
	return strings.ToValidUTF8(text[:min(len(text), 200)], "")
}
