package elasticsearch

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Client asks an Elasticsearch a few plain questions. It retries nothing. Safe for concurrent use.
type Client struct {
	base *url.URL // without a trailing slash; may hold a user and a password
	http *http.Client
}

// Connect returns a client of the server at address, such as "http://127.0.0.1:9200". It sends
// nothing. Possible error: the address isn't an http or https URL.
func Connect(address string) (*Client, error) {
	base, err := url.Parse(strings.TrimRight(address, "/"))
	if err != nil {
		return nil, errors.New("not a URL such as http://127.0.0.1:9200") // url's own error would show a password
	}
	if base.Scheme != "http" && base.Scheme != "https" || base.Host == "" {
		return nil, fmt.Errorf("%q is not a URL such as http://127.0.0.1:9200", base.Redacted())
	}
	return &Client{base: base, http: &http.Client{}}, nil
}

// As returns a client of the same server that says it is that user.
func (c *Client) As(user, password string) *Client {
	base := *c.base
	base.User = url.UserPassword(user, password)
	return &Client{base: &base, http: c.http}
}

// Address is the URL without user and password.
func (c *Client) Address() string {
	base := *c.base
	base.User = nil
	return base.String()
}

// trusting returns a client of the same server that trusts this authority, PEM, and no other.
func (c *Client) trusting(authority []byte) *Client {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authority)
	return &Client{base: c.base, http: &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}}
}

// URL is the address, as given to Connect, without a trailing slash.
func (c *Client) URL() string { return c.base.String() }

// RedactedURL is the address with any password replaced, for messages.
func (c *Client) RedactedURL() string { return c.base.Redacted() }

func (c *Client) port() int {
	port, _ := strconv.Atoi(c.base.Port()) // 0 when the URL names none
	return port
}

// StatusError is an answer that isn't 2xx.
type StatusError struct {
	Method, Path string
	Status       int
	Body         []byte // the answer, whole
}

// shownBytes of an error's body are enough for Elasticsearch's type and reason.
const shownBytes = 600

func (e *StatusError) Error() string {
	body := e.Body[:min(len(e.Body), shownBytes)]
	return fmt.Sprintf("elasticsearch: %s %s answered %d: %s", e.Method, e.Path, e.Status, bytes.TrimSpace(body))
}

// Do sends one request and returns the answer's body. The path begins with a slash and may have a
// query; a body is JSON or, for _bulk, one JSON value a line. Possible errors: *StatusError for
// anything but 2xx; else the transport's.
func (c *Client) Do(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.base.String()+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("elasticsearch: %w", err)
	}
	if len(body) > 0 {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, fmt.Errorf("elasticsearch: %w", err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("elasticsearch: %s %s: reading the answer: %w", method, path, err)
	}
	if response.StatusCode/100 != 2 {
		return nil, &StatusError{Method: method, Path: path, Status: response.StatusCode, Body: answer}
	}
	return answer, nil
}

// ask is Do for an answer that is decoded into to.
func (c *Client) ask(ctx context.Context, method, path string, body []byte, to any) error {
	answer, err := c.Do(ctx, method, path, body)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(answer, to); err != nil {
		return fmt.Errorf("elasticsearch: %s %s: the answer is not what was expected: %w", method, path, err)
	}
	return nil
}

// missingIsEmpty makes a pattern that matches nothing an empty answer instead of a 404.
const missingIsEmpty = "ignore_unavailable=true&allow_no_indices=true"

// Refresh makes every document accepted so far visible to Count and Documents.
func (c *Client) Refresh(ctx context.Context, pattern string) error {
	_, err := c.Do(ctx, http.MethodPost, "/"+pattern+"/_refresh?"+missingIsEmpty, nil)
	return err
}

// Count returns how many documents the indices that match the pattern hold; those of the last
// second only after Refresh.
func (c *Client) Count(ctx context.Context, pattern string) (int, error) {
	var answer struct{ Count int }
	err := c.ask(ctx, http.MethodGet, "/"+pattern+"/_count?"+missingIsEmpty, nil, &answer)
	return answer.Count, err
}

// Indices returns each index that matches the pattern, the hidden ones behind data streams too,
// with its document count.
func (c *Client) Indices(ctx context.Context, pattern string) (map[string]int, error) {
	var rows []struct {
		Index string
		Docs  string `json:"docs.count"` // null, and so empty, while a primary shard isn't there
	}
	path := "/_cat/indices/" + pattern + "?format=json&h=index,docs.count&expand_wildcards=open,hidden"
	if err := c.ask(ctx, http.MethodGet, path, nil, &rows); err != nil {
		var status *StatusError
		if errors.As(err, &status) && status.Status == http.StatusNotFound {
			return map[string]int{}, nil
		}
		return nil, err
	}
	counts := make(map[string]int, len(rows))
	for _, row := range rows {
		docs, _ := strconv.Atoi(row.Docs)
		counts[row.Index] = docs
	}
	return counts, nil
}

// PutIndex creates an index; the body has its settings and mappings, or is empty.
func (c *Client) PutIndex(ctx context.Context, index, body string) error {
	_, err := c.Do(ctx, http.MethodPut, "/"+index, []byte(body))
	return err
}

// PutTemplate creates or replaces a composable index template.
func (c *Client) PutTemplate(ctx context.Context, name, body string) error {
	_, err := c.Do(ctx, http.MethodPut, "/_index_template/"+name, []byte(body))
	return err
}

// DeleteIndex deletes the indices that match the pattern; that there is none is fine.
func (c *Client) DeleteIndex(ctx context.Context, pattern string) error {
	_, err := c.Do(ctx, http.MethodDelete, "/"+pattern+"?"+missingIsEmpty, nil)
	return err
}
