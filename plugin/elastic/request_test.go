package elastic_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"out_es/plugin/bulk"
	"out_es/plugin/elastic"
)

// got is a request as received by a server.
type got struct {
	*http.Request
	body []byte
}

// recorder is a server that accepts n documents and keeps what it got.
func recorder(t *testing.T, n int) (address string, requests *[]got) {
	t.Helper()
	var all []got
	var mu sync.Mutex
	server := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		mu.Lock()
		all = append(all, got{r, body})
		mu.Unlock()
		_, _ = io.WriteString(w, answer(n))
	})
	return server.URL, &all
}

func TestARequestAsTheServerSeesIt(t *testing.T) {
	for name, compression := range map[string]bulk.Compression{"plain": bulk.Plain, "gzip": bulk.Gzip} {
		t.Run(name, func(t *testing.T) {
			address, requests := recorder(t, 3)
			client := newClient(t, elastic.Options{UserAgent: "out_es/1 (go)"}, address)
			request := newRequest(t, compression, 3, 300_000)
			statuses, failure := send(t, client, request)
			if failure != nil || !slices.Equal(statuses, []int{201, 201, 201}) {
				t.Fatalf("%v, %v", statuses, failure)
			}
			r := (*requests)[0]
			if r.Method != http.MethodPost || r.URL.Path != "/_bulk" {
				t.Errorf("%s %s", r.Method, r.URL.Path)
			}
			if fields := r.URL.Query().Get("filter_path"); fields != strings.Join(bulk.FilterPath, ",") {
				t.Errorf("filter_path %q", fields)
			}
			want := map[string]string{"Content-Type": "application/x-ndjson", "Accept": "application/json", "User-Agent": "out_es/1 (go)", "Authorization": "", "Content-Encoding": ""}
			if compression == bulk.Gzip {
				want["Content-Encoding"] = "gzip"
			}
			for header, value := range want {
				if values := r.Header.Values(header); strings.Join(values, "|") != value {
					t.Errorf("%s is %q, want %q", header, values, value)
				}
			}
			if int(r.ContentLength) != request.Sent() || len(r.TransferEncoding) != 0 {
				t.Errorf("length %d of %d bytes, transfer encoding %v", r.ContentLength, request.Sent(), r.TransferEncoding)
			}
			if body := unpack(t, r); string(body) != string(newBody(t, 3, 300_000)) {
				t.Errorf("the body has %d bytes, %d were written", len(body), request.Size())
			}
		})
	}
}

func newBody(t *testing.T, n, size int) []byte {
	t.Helper()
	body, err := newRequest(t, bulk.Plain, n, size).Seal()
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func unpack(t *testing.T, r got) []byte {
	t.Helper()
	if r.Header.Get("Content-Encoding") == "" {
		return r.body
	}
	unpacker, err := gzip.NewReader(bytes.NewReader(r.body))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(unpacker)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func TestCredentials(t *testing.T) {
	encoded := base64.StdEncoding.EncodeToString([]byte("id:key"))
	for name, c := range map[string]struct {
		options elastic.Options
		user    *url.Userinfo
		want    string
	}{
		"user and password": {options: elastic.Options{User: "elastic", Password: "päss:word"}, want: "Basic " + base64.StdEncoding.EncodeToString([]byte("elastic:päss:word"))},
		"user alone":        {options: elastic.Options{User: "elastic"}, want: "Basic " + base64.StdEncoding.EncodeToString([]byte("elastic:"))},
		"user in the URL":   {user: url.UserPassword("elastic", "p@ss"), want: "Basic " + base64.StdEncoding.EncodeToString([]byte("elastic:p@ss"))},
		"API key, encoded":  {options: elastic.Options{APIKey: encoded}, want: "ApiKey " + encoded},
		"API key as id:key": {options: elastic.Options{APIKey: "id:key"}, want: "ApiKey " + encoded},
		"nobody in special": {want: ""},
		"a header":          {options: elastic.Options{Header: http.Header{"Authorization": {"Custom x"}}}, want: "Custom x"},
	} {
		t.Run(name, func(t *testing.T) {
			address, requests := recorder(t, 1)
			host, err := url.Parse(address)
			if err != nil {
				t.Fatal(err)
			}
			host.User = c.user
			client := newClient(t, c.options, host.String())
			if _, failure := send(t, client, newRequest(t, bulk.Plain, 1, 10)); failure != nil {
				t.Fatal(failure)
			}
			if values := (*requests)[0].Header.Values("Authorization"); strings.Join(values, "|") != c.want {
				t.Errorf("got %q, want %q", values, c.want)
			}
		})
	}
}

func TestHeadersTravelWithEveryRequest(t *testing.T) {
	address, requests := recorder(t, 1)
	header := http.Header{"X-Tenant": {"blue"}, "X-List": {"a", "b"}, "User-Agent": {"mine"}}
	client := newClient(t, elastic.Options{Header: header, APIKey: "id:key", UserAgent: "out_es"}, address)
	for range 2 {
		if _, failure := send(t, client, newRequest(t, bulk.Plain, 1, 10)); failure != nil {
			t.Fatal(failure)
		}
	}
	for _, r := range *requests {
		for name, values := range header {
			if got := r.Header.Values(name); !slices.Equal(got, values) {
				t.Errorf("%s is %q, want %q", name, got, values)
			}
		}
		if r.Header.Get("Authorization") == "" || r.Header.Get("Content-Type") != "application/x-ndjson" {
			t.Errorf("headers of our own are missing: %v", r.Header)
		}
	}
}

// A server's answer that repeats the request, in any form, is quoted without the secrets in it.
func TestAnAnswerThatRepeatsSecretsIsQuotedWithoutThem(t *testing.T) {
	const secret = "hu/sh5+mu m7"
	var encodings = map[string]func(string) string{
		"as it is": func(s string) string { return s }, "in URLs": url.QueryEscape, "in paths": url.PathEscape,
		"base64": func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	}
	proxy, err := url.Parse("http://u:" + url.PathEscape(secret) + "@127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	for how, encode := range encodings {
		for name, o := range map[string]elastic.Options{
			"password": {User: "elastic", Password: secret}, "API key": {APIKey: "id:" + secret}, "header": {Header: http.Header{"X-Key": {secret}}},
			"encoded key": {APIKey: base64.StdEncoding.EncodeToString([]byte("id:" + secret))}, "key's password": {TLS: elastic.TLS{KeyPassword: secret}},
			"proxy": {Proxy: proxy},
		} {
			for kind, body := range map[string]string{
				"page": "<html><Title>You sent %s</title></html>", "error": `{"error":{"type":"x","reason":"You sent %s"},"status":401}`,
			} {
				server := newServer(t, func(w http.ResponseWriter, r *http.Request) {
					w.WriteHeader(401)
					text := encode(secret)
					if credential, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Basic "); ok && how == "base64" {
						text = credential
					}
					_, _ = io.WriteString(w, strings.Replace(body, "%s", text, 1))
				})
				if name == "proxy" {
					o.Proxy.Host = strings.TrimPrefix(server.URL, "http://")
				}
				_, failure := send(t, newClient(t, o, server.URL), newRequest(t, bulk.Plain, 1, 10))
				if text := failure.Error(); strings.Contains(text, encode(secret)) || !strings.Contains(text, "You sent ***") {
					t.Errorf("%s, %s, %s: %s", name, how, kind, text)
				}
			}
		}
	}
}

func TestAPathInHostsComesFirst(t *testing.T) {
	address, requests := recorder(t, 1)
	client := newClient(t, elastic.Options{}, address+"/behind/a/proxy")
	for range 2 {
		if _, failure := send(t, client, newRequest(t, bulk.Plain, 1, 10)); failure != nil {
			t.Fatal(failure)
		}
	}
	for _, r := range *requests {
		if r.URL.Path != "/behind/a/proxy/_bulk" {
			t.Errorf("path %q", r.URL.Path)
		}
	}
}

func TestHostsTakeTurns(t *testing.T) {
	first, ofFirst := recorder(t, 1)
	second, ofSecond := recorder(t, 1)
	third, ofThird := recorder(t, 1)
	client := newClient(t, elastic.Options{}, first, second, third)
	for range 12 {
		if _, failure := send(t, client, newRequest(t, bulk.Plain, 1, 10)); failure != nil {
			t.Fatal(failure)
		}
	}
	if len(*ofFirst) != 4 || len(*ofSecond) != 4 || len(*ofThird) != 4 {
		t.Errorf("%d, %d and %d requests", len(*ofFirst), len(*ofSecond), len(*ofThird))
	}
}

func TestADeadHostCostsOneRequest(t *testing.T) {
	alive, requests := recorder(t, 1)
	client := newClient(t, elastic.Options{}, "http://"+unused(t), alive)
	failures := 0
	for range 10 {
		_, failure := send(t, client, newRequest(t, bulk.Plain, 1, 10))
		if failure == nil {
			continue
		}
		failures++
		if failure.Class != bulk.Unreachable {
			t.Errorf("it failed as %v", failure)
		}
	}
	if failures != 1 || len(*requests) != 9 {
		t.Errorf("%d requests failed, %d arrived", failures, len(*requests))
	}
}

// 429 and 5xx are answers: the host is up.
func TestAHostThatAnswersIsNotDead(t *testing.T) {
	var mu sync.Mutex
	requests := map[string]int{}
	handle := func(name string, status int) string {
		return newServer(t, func(w http.ResponseWriter, _ *http.Request) {
			mu.Lock()
			requests[name]++
			mu.Unlock()
			w.WriteHeader(status)
		}).URL
	}
	client := newClient(t, elastic.Options{}, handle("a", 429), handle("b", 503))
	for range 10 {
		_, _ = send(t, client, newRequest(t, bulk.Plain, 1, 10))
	}
	if requests["a"] != 5 || requests["b"] != 5 {
		t.Errorf("requests %v", requests)
	}
}
