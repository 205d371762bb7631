package plugin

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"out_es/plugin/bulk"
	"out_es/plugin/deliver"
	"out_es/plugin/document"
	"out_es/plugin/fluentbit"
	"out_es/plugin/fluentbit/fluentbittest"
)

// These tests put faults into the plugin that it doesn't have, hopefully, by
// taking parts out of it.

// faulty is an instance before a server that accepts one document at a time.
func faulty(t *testing.T) (*Plugin, *fluentbittest.Recorder) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		items := strings.Repeat(`{"create":{"status":201}},`, strings.Count(string(body), "\n")/2)
		_, _ = io.WriteString(w, `{"items":[`+strings.TrimSuffix(items, ",")+`]}`)
	}))
	t.Cleanup(server.Close)
	section := map[string]string{"Hosts": server.URL, "Compress": "off"}
	host := fluentbittest.NewRecorder("es_go.0")
	p, err := New(func(name string) string { return section[name] }, host.Instance())
	if err != nil {
		t.Fatal(err)
	}
	p.AwaitStartupCheck() // it uses the parts that the tests take out
	return p, host
}

// withTime and without are {"@timestamp":1} and {}, at second 0.
const (
	withTime = "\x92\x00\x81\xaa@timestamp\x01"
	without  = "\x92\x00\x80"
)

func levels(host *fluentbittest.Recorder, level fluentbit.Level, text string) (n int) {
	for _, line := range host.Lines() {
		if line.Level == level && strings.Contains(line.Text, text) {
			n++
		}
	}
	return n
}

// A writer without a time format panics on each record that has no time of its
// own.
func TestARecordThatTheEncoderPanicsOnIsSetAsideAlone(t *testing.T) {
	p, host := faulty(t)
	p.shared.Options.Document = document.Options{TimeKey: "@timestamp"}
	for range 2 {
		if outcome := p.Flush("tag", []byte(withTime+without+withTime+without+withTime)); outcome != OK {
			t.Errorf("outcome %v", outcome)
		}
	}
	p.Close()
	if accepted, malformed := host.Count("records_total", "accepted"), host.Count("records_total", "malformed"); accepted != 6 || malformed != 4 {
		t.Errorf("%d accepted, %d malformed", accepted, malformed)
	}
	if n := levels(host, fluentbit.Error, "a fault in this plugin's encoder"); n != 1 {
		t.Errorf("%d lines with the stack", n)
	}
}

// sendFunc is deliver.Sender as a function.
type sendFunc func(*bulk.Request, func(bulk.Item)) (int, *bulk.Failure)

func (s sendFunc) Send(_ context.Context, req *bulk.Request, each func(bulk.Item)) (int, *bulk.Failure) {
	return s(req, each)
}

// A request that forgets its documents while it is under way leaves them without an end.
func TestAChunkWithRecordsThatHaveNoEndGoesBack(t *testing.T) {
	p, host := faulty(t)
	defer p.Close()
	p.deliverer = deliver.New(sendFunc(func(req *bulk.Request, each func(bulk.Item)) (int, *bulk.Failure) {
		n := len(req.Positions())
		for range n {
			each(bulk.Item{Status: 201})
		}
		req.Reset()
		return n, nil
	}), p.report, deliver.Policy{Bytes: 1 << 20})
	if outcome := p.Flush("tag", []byte(withTime+withTime)); outcome != Retry {
		t.Errorf("outcome %v", outcome)
	}
	if levels(host, fluentbit.Error, "a fault in this plugin, please report it: ") != 1 {
		t.Errorf("%v", host.Lines())
	}
	if returned := host.Count("records_total", "returned"); returned != 2 {
		t.Errorf("%d records go back", returned)
	}
}

func TestAChunkThatThePluginPanicsOnTwiceIsDropped(t *testing.T) {
	p, host := faulty(t)
	sent := 0
	p.deliverer = deliver.New(sendFunc(func(req *bulk.Request, each func(bulk.Item)) (int, *bulk.Failure) {
		if sent++; sent%2 == 0 || len(req.Positions()) == 2 {
			panic("a fault")
		}
		each(bulk.Item{Status: 201})
		return 1, nil
	}), p.report, deliver.Policy{Bytes: 30})
	chunk := []byte(withTime + withTime + withTime)
	for i, want := range []Outcome{Retry, Error, Retry, Error} {
		if outcome := p.Flush("tag", chunk); outcome != want {
			t.Errorf("flush %d: outcome %v, want %v", i, outcome, want)
		}
	}
	p.Close()
	var sum uint64
	for _, outcome := range host.Values("records_total") {
		sum += host.Count("records_total", outcome)
	}
	if received := host.Count("received_records_total", ""); received != sum {
		t.Errorf("%d records came, %d are accounted for", received, sum)
	}
	if n := levels(host, fluentbit.Error, "twice"); n != 2 {
		t.Errorf("%d lines about it", n)
	}
}

// Even one that panics while its records are counted.
func TestNoPanicLeavesFlush(t *testing.T) {
	p, _ := faulty(t)
	p.deliverer = nil
	p.report, p.shared.Report = nil, nil
	for i, want := range []Outcome{Retry, Error} {
		if outcome := p.Flush("tag", []byte(withTime+"\xc1")); outcome != want {
			t.Errorf("flush %d: outcome %v, want %v", i, outcome, want)
		}
	}
	p.settled = nil
	if outcome := p.Flush("tag", []byte(withTime)); outcome != Retry {
		t.Errorf("outcome %v", outcome)
	}
}

// A panic is logged with its place, and with its text without secrets.
func TestAPanicShowsNoSecret(t *testing.T) {
	const secret = "hu/sh5+mum7"
	for name, section := range map[string]map[string]string{
		"password": {"Hosts": "http://localhost:1", "HTTP_User": "u", "HTTP_Passwd": secret},
		"API key":  {"Hosts": "http://localhost:1", "HTTP_API_Key": "id:" + secret},
		"URL":      {"Hosts": "http://u:" + url.PathEscape(secret) + "@localhost:1"},
		"headers":  {"Hosts": "http://localhost:1", "Headers": "Authorization: " + secret},
		"proxy":    {"Hosts": "http://localhost:1", "Proxy": "http://u:" + url.PathEscape(secret) + "@localhost:1"},
	} {
		address, err := url.Parse(section["Hosts"])
		if err != nil {
			t.Fatal(err)
		}
		host := fluentbittest.NewRecorder("es_go.0")
		p, err := New(func(name string) string { return section[name] }, host.Instance())
		if err != nil {
			t.Fatal(err)
		}
		p.deliverer = deliver.New(sendFunc(func(*bulk.Request, func(bulk.Item)) (int, *bulk.Failure) {
			panic(fmt.Errorf("with %s, %s and %+v", secret, url.QueryEscape(secret), address))
		}), p.report, deliver.Policy{Bytes: 30})
		p.Flush("tag", []byte(withTime))
		p.Flush("tag", []byte(withTime))
		p.Close()
		if levels(host, fluentbit.Error, "a fault in this plugin, please report it: with ***, *** and ") != 2 || levels(host, fluentbit.Error, "goroutine ") != 2 {
			t.Errorf("%s: the fault is not told: %v", name, host.Lines())
		}
		for _, line := range host.Lines() {
			if strings.Contains(line.Text, secret) || strings.Contains(line.Text, url.QueryEscape(secret)) {
				t.Errorf("%s is told: %s", name, line.Text)
			}
		}
	}
}
