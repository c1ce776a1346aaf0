package sftoken

import (
	"context"
	"encoding/json"
	"strings"
)

// Version is one version of the REST API that an org answers.
type Version struct {
	Label   string `json:"label"`   // "Winter '27"
	URL     string `json:"url"`     // "/services/data/v68.0"
	Version string `json:"version"` // "68.0"
}

// Versions lists the API versions at instanceURL, oldest first as Salesforce does. It needs no token, so that it also tells
// whether an org is there at all.
func (c *Client) Versions(ctx context.Context, instanceURL string) ([]Version, error) {
	got, err := c.get(ctx, "versions", strings.TrimRight(instanceURL, "/")+"/services/data", Secret{})
	if err != nil {
		return nil, err
	}
	if got.status < 200 || got.status > 299 {
		return nil, got.failure()
	}
	var list []Version
	if err := json.Unmarshal(got.body, &list); err != nil || len(list) == 0 {
		return nil, got.unexpected("answer-unreadable", "it is no list of versions")
	}
	return list, nil
}
