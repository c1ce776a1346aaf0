package rest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/sftoken/sftoken/internal/durable"
)

// Version remembers the newest API version of orgs in a file. What it says is old at worst, never wrong: an org keeps its
// versions for years. Nothing fails because the file cannot be read or written.
type Version struct {
	Path string
	Now  func() time.Time
}

// remembered is how long a version is not asked for again. Salesforce has three releases a year.
const remembered = 7 * 24 * time.Hour

// VersionsFile is the name of the file within a data folder.
const VersionsFile = "versions.json"

// Remember returns the memory within a data folder.
func Remember(dir string, now func() time.Time) *Version {
	return &Version{Path: filepath.Join(dir, VersionsFile), Now: now}
}

type seen struct {
	Version string    `json:"version"`
	At      time.Time `json:"at"`
}

func (v *Version) all() map[string]seen {
	orgs := map[string]seen{}
	if data, err := durable.Read(v.Path); err == nil {
		_ = json.Unmarshal(data, &orgs)
	}
	return orgs
}

func (v *Version) of(origin string) string {
	one := v.all()[origin]
	if age := v.Now().Sub(one.At); age < 0 || age > remembered || !Sound(one.Version) {
		return ""
	}
	return one.Version
}

func (v *Version) learn(origin, version string) {
	orgs := v.all()
	for other, one := range orgs {
		if v.Now().Sub(one.At) > remembered {
			delete(orgs, other)
		}
	}
	orgs[origin] = seen{version, v.Now().UTC()}
	if data, err := json.Marshal(orgs); err == nil {
		_ = durable.Write(v.Path, append(data, '\n'))
	}
}

// Sound reports whether text is a version, and keeps what is none out of paths.
func Sound(version string) bool {
	n, err := strconv.ParseFloat(version, 64)
	return err == nil && n >= 7 && n < 1000 && strings.Trim(version, "0123456789.") == ""
}

// Newest returns the version that paths are completed with: Client.Version, or the newest that the org has.
func (c *Client) Newest(ctx context.Context) (string, error) { return c.version(ctx) }

// version is what to complete paths with. The list of versions needs no token (D: rest list of API versions).
func (c *Client) version(ctx context.Context) (string, error) {
	if c.Version != "" {
		return c.Version, nil
	}
	if c.Known != nil {
		if c.Version = c.Known.of(c.Origin); c.Version != "" {
			return c.Version, nil
		}
	}
	res, err := c.Do(ctx, http.MethodGet, "/services/data", nil, nil)
	if res != nil {
		defer res.Body.Close()
	}
	if err != nil {
		return "", err
	}
	var list []struct{ Version string }
	if err := json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(&list); err != nil {
		return "", fmt.Errorf("list api versions: %w", err)
	}
	newest := 0.0
	for _, one := range list {
		if n, err := strconv.ParseFloat(one.Version, 64); err == nil && Sound(one.Version) && n > newest {
			newest, c.Version = n, one.Version
		}
	}
	if c.Version == "" {
		return "", fmt.Errorf("list api versions: there is none in the answer")
	}
	if c.Known != nil {
		c.Known.learn(c.Origin, c.Version)
	}
	return c.Version, nil
}
