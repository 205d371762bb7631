package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestEachFaultAsAPlainClientSeesIt(t *testing.T) {
	const n = 10
	tests := []struct {
		name    string
		rule    Rule
		options Options
		status  int // 0: an error before any answer
		broken  bool
		has     string
		header  string
		reached int
		lost    int
	}{
		{name: "none", rule: Rule{}, status: 200, has: `{"errors":false,"items":[{"create":{"status":201}},`, reached: n},
		{name: "cut before forwarding", rule: Always(CutBefore), reached: 0},
		{name: "cut after forwarding", rule: Always(CutAfter), reached: n, lost: n},
		{name: "429", rule: Always(Throttle), status: 429, has: "es_rejected_execution_exception"},
		{name: "429 with Retry-After", rule: Rule{Fault: Throttle, Share: 1, RetryAfter: "1"}, status: 429, header: "1"},
		{name: "503", rule: Always(Unavailable), status: 503, has: `"status":503`},
		{name: "503 with Retry-After", rule: Rule{Fault: Unavailable, Share: 1, RetryAfter: "0"}, status: 503, header: "0"},
		{name: "slow answer", rule: Rule{Fault: Slow, Share: 1, Delay: 20 * time.Millisecond}, status: 200, has: `{"errors":false`, reached: n},
		{name: "answer that comes too late", rule: Rule{Fault: Slow, Share: 1, Delay: 30 * time.Millisecond, Exactly: true},
			options: Options{Patience: 10 * time.Millisecond}, status: 200, has: `{"errors":false`, reached: n, lost: n},
		{name: "page with 200", rule: Always(Page), status: 200, has: "<!DOCTYPE html>"},
		{name: "page with 502", rule: Always(BadGateway), status: 502, has: "<!DOCTYPE html>"},
		{name: "page with 504 after forwarding", rule: Always(GatewayTimeout), status: 504, has: "<!DOCTYPE html>", reached: n, lost: n},
		{name: "401", rule: Always(Unauthorized), status: 401, has: "security_exception"},
		{name: "403", rule: Always(Forbidden), status: 403, has: "security_exception"},
		{name: "redirect", rule: Always(Redirect), status: 307},
		{name: "connection dropped while idle", rule: Always(DropIdle), status: 200, has: `{"errors":false`, reached: n},
		{name: "413 by uncompressed size", options: Options{MaxBytes: len(bulk(n)) - 1}, status: 413},
		{name: "as large as may be", options: Options{MaxBytes: len(bulk(n))}, status: 200, reached: n},
		{name: "400 for the guilty", options: Options{Guilty: func(_, document []byte) bool { return bytes.Contains(document, []byte(`"n":7`)) }},
			status: 400, has: `"type":"action_request_validation_exception"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			behind := newTarget(t)
			test.options.Target, test.options.Rules = behind.URL, []Rule{test.rule}
			p := startProxy(t, test.options)
			status, header, text, err := post(t, plainClient(t), p.URL()+"/_bulk"+filterPath, bulk(n))
			if status != test.status || (err != nil) != (test.status == 0) {
				t.Fatalf("the client sees status %d and error %v, want status %d", status, err, test.status)
			}
			if !strings.Contains(text, test.has) || header.Get("Retry-After") != test.header {
				t.Errorf("the answer is %q with Retry-After %q; it should have %q and %q", text, header.Get("Retry-After"), test.has, test.header)
			}
			if got := behind.documents(); got != test.reached {
				t.Errorf("%d documents reached the target, want %d", got, test.reached)
			}
			p.Close()
			a := p.Account()
			if a.Requests() != 1 || a.LostDocuments() != test.lost {
				t.Errorf("the account has %d requests and %d lost documents, want 1 and %d", a.Requests(), a.LostDocuments(), test.lost)
			}
		})
	}
}

func TestItemsAreAnsweredAtTheirPlaces(t *testing.T) {
	const n = 40
	for _, test := range []struct {
		name, query string
		status      int
		fault       Fault
		fields      []string // of an item that was held
	}{
		{"429 under filter_path", filterPath, 429, ThrottleItems, []string{"error", "status"}},
		{"503 under filter_path", filterPath, 503, FailItems, []string{"error", "status"}},
		{"429 in full", "", 429, ThrottleItems, []string{"_id", "_index", "error", "status"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			for seed := range uint64(20) { // one item, several, all
				behind := newTarget(t)
				p := startProxy(t, Options{Target: behind.URL, Seed: seed, Rules: []Rule{Always(test.fault)}})
				status, _, text, err := post(t, plainClient(t), p.URL()+"/_bulk"+test.query, bulk(n))
				if status != 200 || err != nil {
					t.Fatal(status, err)
				}
				var parts struct {
					Errors bool
					Items  []map[string]map[string]any
				}
				if err := json.Unmarshal([]byte(text), &parts); err != nil {
					t.Fatal(err, text)
				}
				held := 0
				for i, one := range parts.Items {
					if one["create"]["status"] == 201.0 {
						continue
					}
					held++
					if got := keysOf(one["create"]); !slices.Equal(got, test.fields) || one["create"]["status"] != float64(test.status) {
						t.Fatalf("item %d is %v", i, one)
					}
				}
				if held == 0 || len(parts.Items) != n || !parts.Errors {
					t.Fatalf("%d of %d items were held, errors %v", held, len(parts.Items), parts.Errors)
				}
				if e := p.Account().Entries[0]; e.Held != held || behind.documents() != n-held || e.Lost != 0 {
					t.Errorf("the entry is %+v, the target has %d documents; the client saw %d held", e, behind.documents(), held)
				}
			}
		})
	}
}

// Busy items are answered at their places in every request that is passed on, whatever else befalls
// it.
func TestBusyItemsAreAnsweredInEveryRequest(t *testing.T) {
	const n = 6
	busy := func(_, document []byte) bool {
		return strings.Contains(string(document), `"n":1,`) || strings.Contains(string(document), `"n":4,`)
	}
	for _, test := range []struct {
		rules  []Rule
		others int
	}{{nil, 201}, {[]Rule{Always(Slow)}, 201}, {[]Rule{Always(FailItems)}, 503}} {
		behind := newTarget(t)
		p := startProxy(t, Options{Target: behind.URL, Seed: 3, Rules: test.rules, Busy: busy})
		status, _, text, err := post(t, plainClient(t), p.URL()+"/_bulk"+filterPath, bulk(n))
		if status != 200 || err != nil {
			t.Fatal(status, err)
		}
		var parts struct {
			Items []map[string]struct{ Status int }
		}
		if err := json.Unmarshal([]byte(text), &parts); err != nil || len(parts.Items) != n {
			t.Fatal(err, text)
		}
		held := 0
		for i, one := range parts.Items {
			got := one["create"].Status
			if (i == 1 || i == 4) && got == 201 || got == 429 && i != 1 && i != 4 || got != 201 && got != 429 && got != test.others {
				t.Errorf("%v: item %d has the status %d", test.rules, i, got)
			}
			if got != 201 {
				held++
			}
		}
		if e := p.Account().Entries[0]; e.Held != held || behind.documents() != n-held {
			t.Errorf("the entry is %+v, the target has %d documents", e, behind.documents())
		}
	}
}

func keysOf(m map[string]any) []string {
	var keys []string
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

func TestMissingItem(t *testing.T) {
	behind := newTarget(t)
	p := startProxy(t, Options{Target: behind.URL, Rules: []Rule{Always(MissingItem)}})
	_, _, text, err := post(t, plainClient(t), p.URL()+"/_bulk"+filterPath, bulk(10))
	var parts struct{ Items []json.RawMessage }
	if err != nil || json.Unmarshal([]byte(text), &parts) != nil || len(parts.Items) != 9 {
		t.Errorf("the client got %s (%v), want 9 items", text, err)
	}
	if got := p.Account().LostDocuments(); got != 10 {
		t.Errorf("%d documents are lost, want 10: which item is missing nobody can tell", got)
	}
}

func TestTornAnswerEndsInItsMiddle(t *testing.T) {
	whole := 0
	for seed := range uint64(20) { // orderly ends and resets, at many places
		behind := newTarget(t)
		p := startProxy(t, Options{Target: behind.URL, Seed: seed, Rules: []Rule{Always(TornAnswer)}})
		_, _, text, err := post(t, plainClient(t), p.URL()+"/_bulk"+filterPath, bulk(10))
		if err == nil {
			t.Errorf("seed %d: the client noticed nothing: %s", seed, text)
		}
		if got := strings.Count(text, `{"create":{"status":201}}`); 10-got > p.Account().LostDocuments() {
			t.Errorf("seed %d: the client saw %d items whole, %d of 10 are lost", seed, got, p.Account().LostDocuments())
		} else {
			whole += got
		}
	}
	if whole == 0 {
		t.Error("no torn answer had a whole item")
	}
}

// watched is a connection that notes when reading from it fails.
type watched struct {
	net.Conn
	closed chan<- error
}

func (w *watched) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	if err != nil {
		select {
		case w.closed <- err:
		default: // it is known already
		}
	}
	return n, err
}

func TestDroppedConnectionIsFoundDeadLater(t *testing.T) {
	behind := newTarget(t)
	p := startProxy(t, Options{Target: behind.URL, Rules: []Rule{Always(DropIdle)}})
	client := plainClient(t)
	transport := client.Transport.(*http.Transport)
	closed := make(chan error, 3)
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		connection, err := new(net.Dialer).DialContext(ctx, network, address)
		return &watched{connection, closed}, err
	}
	for range 3 {
		status, _, _, err := post(t, client, p.URL()+"/_bulk", bulk(1))
		if status != 200 || err != nil {
			t.Fatal(status, err)
		}
		select { // the close comes unannounced, some time after the answer
		case <-closed:
		case <-time.After(time.Minute):
			t.Fatal("the connection stays open")
		}
		transport.CloseIdleConnections() // it may not have noticed yet
	}
	if got := behind.documents(); got != 3 {
		t.Errorf("%d documents reached the target, want 3", got)
	}
}

func TestRejectionsLast(t *testing.T) {
	behind := newTarget(t)
	p := startProxy(t, Options{Target: behind.URL, Rules: []Rule{{Fault: Unauthorized, Share: 1, Times: 3}}})
	client := plainClient(t)
	var got []int
	for range 5 {
		status, _, _, _ := post(t, client, p.URL()+"/_bulk", bulk(1))
		got = append(got, status)
	}
	if want := []int{401, 401, 401, 200, 200}; !slices.Equal(got, want) {
		t.Errorf("the answers are %v, want %v", got, want)
	}
}

func TestOtherRequestsPassUntouched(t *testing.T) {
	behind := newTarget(t)
	p := startProxy(t, Options{Target: behind.URL, Rules: []Rule{Always(CutBefore)}})
	response, err := plainClient(t).Post(p.URL()+"/logs/_doc", "application/json", bytes.NewReader(bulk(1)))
	if err != nil || response.StatusCode != http.StatusOK {
		t.Errorf("a request that is no bulk: %v, %v", response, err)
	}
}

func TestOptionsThatAreRejected(t *testing.T) {
	for name, o := range map[string]Options{
		"no URL":          {Target: "elasticsearch"},
		"shares over one": {Target: "http://127.0.0.1:1", Rules: []Rule{Always(CutBefore), {Fault: Slow, Share: 0.1}}},
	} {
		if _, err := Start(o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
