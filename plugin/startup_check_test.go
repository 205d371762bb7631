package plugin_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"out_es/plugin"
	"out_es/plugin/fluentbit"
	"out_es/plugin/fluentbit/fluentbittest"
)

// withoutStartupCheck leaves out the lines of the startup check, which may come at any time.
func withoutStartupCheck(lines []fluentbittest.Line) (others []fluentbittest.Line) {
	for _, line := range lines {
		if !strings.HasPrefix(line.Text, "startup check: ") {
			others = append(others, line)
		}
	}
	return others
}

// startupCheckLine is an instance's line about its startup check.
func startupCheckLine(t *testing.T, s section) fluentbittest.Line {
	t.Helper()
	host := fluentbittest.NewRecorder("x")
	instance := host.Instance()
	p, err := plugin.New(s.lookup, instance)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for deadline := time.After(5 * time.Second); ; {
		instance.Service()
		for _, line := range host.Lines() {
			if strings.HasPrefix(line.Text, "startup check: ") {
				return line
			}
		}
		select {
		case <-instance.Wake():
		case <-deadline:
			t.Fatalf("no line: %v", host.Lines())
		}
	}
}

func TestTheStartupCheckLogsTheServer(t *testing.T) {
	own := http.Header{"X-Elastic-Product": {"Elasticsearch"}}
	for name, c := range map[string]struct {
		status int
		header http.Header
		body   string
		level  fluentbit.Level
		tells  string
	}{
		"Elasticsearch":              {200, own, `{"version":{"number":"9.5.3"},"tagline":"You Know, for Search"}`, fluentbit.Info, "Elasticsearch 9.5.3"},
		"OpenSearch":                 {200, http.Header{"X-Opensearch-Version": {"OpenSearch/3.8.0 (opensearch)"}}, `{"version":{"number":"3.8.0","distribution":"opensearch"}}`, fluentbit.Info, "OpenSearch 3.8.0"},
		"OpenSearch 2":               {200, nil, `{"version":{"number":"2.19.0","distribution":"opensearch"}}`, fluentbit.Info, "OpenSearch 2.19.0"},
		"Elasticsearch 7.10":         {200, nil, `{"version":{"number":"7.10.2"},"tagline":"You Know, for Search"}`, fluentbit.Info, "Elasticsearch 7.10.2"},
		"a key that may write only":  {403, own, `{"error":{"type":"security_exception","reason":"no"},"status":403}`, fluentbit.Info, "answers: Elasticsearch (it"},
		"no such address":            {405, own, `{"error":"Incorrect HTTP method","status":405}`, fluentbit.Info, "answers: Elasticsearch"},
		"no such address, other way": {400, own, `{"error":"no handler found","status":400}`, fluentbit.Info, "answers: Elasticsearch"},
		"a gateway for writes only":  {404, nil, "not here", fluentbit.Info, "without identifying itself"},
		"a web server":               {200, nil, "<html><title>It works!</title></html>", fluentbit.Warn, "does not identify as Elasticsearch or OpenSearch"},
		"some other API":             {200, nil, `{"hello":"world"}`, fluentbit.Warn, "does not identify as Elasticsearch or OpenSearch"},
		"nobody may":                 {401, own, `{"error":{"type":"security_exception","reason":"missing"},"status":401}`, fluentbit.Error, "set HTTP_User"},
		"elsewhere":                  {302, nil, "", fluentbit.Error, "Hosts"},
		"a page of a TLS port":       {400, nil, "<title>400 The plain HTTP request was sent to HTTPS port</title>", fluentbit.Error, `"400 The plain HTTP request was sent to HTTPS port" (the answer is not Elasticsearch's: check Hosts; if this port speaks TLS`},
		"not yet":                    {503, nil, "", fluentbit.Warn, "503"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodGet || r.URL.Path != "/" {
					t.Errorf("%s %s", r.Method, r.URL.Path)
				}
				for key, values := range c.header {
					w.Header()[key] = values
				}
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			}))
			defer server.Close()
			line := startupCheckLine(t, section{"Hosts": server.URL})
			if line.Level != c.level || !strings.Contains(line.Text, c.tells) || !strings.Contains(line.Text, server.URL) {
				t.Errorf("%d: %s", line.Level, line.Text)
			}
		})
	}
}

func TestTheStartupCheckGoesOnToAHostThatAnswers(t *testing.T) {
	e := newElasticsearch(t)
	line := startupCheckLine(t, section{"Hosts": "127.0.0.1:1 127.0.0.1:2 " + e.URL})
	if line.Level != fluentbit.Info || !strings.Contains(line.Text, e.URL) {
		t.Errorf("%d: %s", line.Level, line.Text)
	}
	line = startupCheckLine(t, section{"Hosts": "127.0.0.1:1 127.0.0.1:2"})
	if line.Level != fluentbit.Warn || !strings.Contains(line.Text, "connection refused") || !strings.Contains(line.Text, "check Hosts") {
		t.Errorf("%d: %s", line.Level, line.Text)
	}
}

// A server that takes connections and says nothing holds up neither the start
// nor the end.
func TestTheStartupCheckHoldsUpNothing(t *testing.T) {
	listener, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	began := time.Now()
	host := fluentbittest.NewRecorder("x")
	p, err := plugin.New(section{"Hosts": listener.Addr().String()}.lookup, host.Instance())
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > hung {
		t.Errorf("the start took %s", took)
	}
	connection, err := listener.Accept() // it looks
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	began = time.Now()
	p.Close()
	if took := time.Since(began); took > hung {
		t.Errorf("the end took %s", took)
	}
	if err := connection.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(connection); err != nil {
		t.Errorf("the look goes on after Close: %v", err)
	}
	if told := len(host.Lines()) - len(withoutStartupCheck(host.Lines())); told != 0 {
		t.Errorf("a look that was given up is told: %v", host.Lines())
	}
}

// A fault that the startup check has logged is not logged again by the first request.
func TestTheStartupCheckAndTheFirstRequestFailAsOne(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) }))
	defer server.Close()
	host := fluentbittest.NewRecorder("x")
	p, err := plugin.New(section{"Hosts": server.URL, "Retry_Budget": "0"}.lookup, host.Instance())
	if err != nil {
		t.Fatal(err)
	}
	p.AwaitStartupCheck()
	for range 3 {
		if outcome := p.Flush("app", numbered(3)); outcome != plugin.Retry {
			t.Errorf("%v", outcome)
		}
	}
	p.Close()
	told := 0
	for _, line := range host.Lines() {
		if line.Level != fluentbit.Debug && strings.Contains(line.Text, "status 401") {
			told++
		}
	}
	if told != 1 {
		t.Errorf("told %d times: %v", told, host.Lines())
	}
}
