package rest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"

	"github.com/sftoken/sftoken"
)

// Page is a part of a query's answer.
type Page struct {
	TotalSize int               `json:"totalSize"`
	Done      bool              `json:"done"`
	Next      string            `json:"nextRecordsUrl"`
	Records   []json.RawMessage `json:"records"`
}

// Query runs SOQL and goes from page to page. resource is "query", or "queryAll" for deleted and archived records too.
func (c *Client) Query(ctx context.Context, resource, soql string) iter.Seq2[*Page, error] {
	return func(yield func(*Page, error) bool) {
		next := resource + "?" + url.Values{"q": {soql}}.Encode()
		for next != "" {
			page := new(Page)
			if err := c.Get(ctx, next, page); err != nil {
				yield(nil, err)
				return
			}
			if !yield(page, nil) {
				return
			}
			if next = page.Next; page.Done {
				return
			}
		}
	}
}

// Get asks for a path and decodes the JSON of its answer.
func (c *Client) Get(ctx context.Context, path string, into any) error {
	res, err := c.Do(ctx, http.MethodGet, path, nil, nil)
	if res != nil {
		defer res.Body.Close()
	}
	if err != nil {
		return err
	}
	if err := json.NewDecoder(res.Body).Decode(into); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) || isNetwork(err) { // the answer broke off
			return &sftoken.TransportError{Endpoint: "api", URL: res.Request.URL.Path, Err: err}
		}
		return fmt.Errorf("read answer of %s: %w", res.Request.URL.Path, err)
	}
	return nil
}
