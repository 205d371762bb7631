package delivery

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"out_es/plugin/bulk"
	"out_es/test/e2e"
	"out_es/test/elasticsearch"
	"out_es/test/support"
)

var update = flag.Bool("update", false, "write plugin/bulk/testdata/asked")

// question brings a server into a state, and asks for its answer. In paths and bodies BAD stands
// for an index of its own.
type question struct {
	name    string
	scope   bulk.Scope // of the answer; scopeOf has another for a family
	scopeOf map[string]bulk.Scope
	// before are requests that must succeed, after those that end the state.
	before, after []call
	// ask is the request. The last item of a bulk answer counts, else the answer as a whole.
	ask call
	// absent has the reason for which a product, or one of its major versions, has no such answer.
	absent map[string]string
}

// call is a request: method, path, body.
type call [3]string

// answered is an error as the server says it. Whole means that the request was answered with it,
// not an item.
type answered struct {
	Question string `json:"question"`
	Status   int    `json:"status,omitempty"`
	Type     string `json:"type,omitempty"`
	Reason   string `json:"reason,omitempty"`
	Whole    bool   `json:"whole,omitempty"`
	Scope    string `json:"scope,omitempty"`
	Absent   string `json:"absent,omitempty"`
}

// TestFaultTableIsAskedOfTheServer brings the server into each state of the table. Its answer, and
// the scope in the plugin's table, must be the recorded ones.
// TestEveryRowOfTheFaultTable holds each row to these records, or to a file of the servers' source.
func TestFaultTableIsAskedOfTheServer(t *testing.T) {
	support.LongForm(t) // a hundred states, half a second each
	s := e2e.Cluster(t)
	family := serverFamily(t, s)
	var all bytes.Buffer
	run := time.Now().Unix() // a server without data streams' own module can't delete them
	for i, q := range questions() {
		got := q.answer(t, s, fmt.Sprintf("question-%d-%03d", run, i), family)
		line := &bytes.Buffer{}
		encoder := json.NewEncoder(line)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(got); err != nil {
			t.Fatal(err)
		}
		all.Write(line.Bytes())
		if got.Absent != "" {
			continue
		}
		row := bulk.FaultOf(bulk.Item{Status: got.Status, Type: []byte(got.Type), Reason: []byte(got.Reason)})
		if row == nil || row.Scope.String() != got.Scope {
			t.Errorf("%s: %d %s: %s is not in the table as a fault of the %s: %+v", q.name, got.Status, got.Type, got.Reason, got.Scope, row)
		}
	}
	support.CompareGolden(t, filepath.Join("..", "..", "..", "plugin", "bulk", "testdata", "asked", family+".ndjson"), all.String(), *update)
}

// serverFamily is a name for the server under test: the product and its major version.
func serverFamily(t *testing.T, s *elasticsearch.Server) string {
	t.Helper()
	major, _, _ := strings.Cut(s.Options().Version, ".")
	if e2e.Family(t, s) == "opensearch" {
		return "opensearch-" + major
	}
	return "elasticsearch-" + major
}

// answer brings the state about, asks, and ends the state.
func (q question) answer(t *testing.T, s *elasticsearch.Server, index, family string) answered {
	t.Helper()
	got := answered{Question: q.name, Scope: q.scope.String()}
	for _, of := range []string{strings.TrimRight(family, "0123456789-"), family} {
		if why := q.absent[of]; why != "" {
			return answered{Question: q.name, Absent: why}
		}
		if scope, other := q.scopeOf[of]; other {
			got.Scope = scope.String()
		}
	}
	do := func(c call) ([]byte, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
		defer cancel()
		return s.Do(ctx, c[0], strings.ReplaceAll(c[1], "BAD", index), []byte(strings.ReplaceAll(c[2], "BAD", index)))
	}
	defer func() {
		for _, c := range q.after {
			if _, err := do(c); err != nil {
				t.Errorf("%s: %v", q.name, err)
			}
		}
		_, _ = do(call{"DELETE", "/_data_stream/BAD*", ""})
		_ = s.DeleteIndex(context.WithoutCancel(t.Context()), index+"*")
		_, _ = do(call{"DELETE", "/_index_template/BAD*", ""})
		_, _ = do(call{"DELETE", "/_template/BAD*", ""})
		_, _ = do(call{"DELETE", "/_ingest/pipeline/BAD*", ""})
	}()
	for _, c := range q.before {
		if _, err := do(c); err != nil {
			t.Errorf("%s: %v", q.name, err)
			return got
		}
	}
	text, err := do(q.ask)
	type cause struct{ Type, Reason string }
	var failed *elasticsearch.StatusError
	switch {
	case errors.As(err, &failed):
		var whole struct{ Error cause }
		if err := json.Unmarshal(failed.Body, &whole); err != nil {
			t.Errorf("%s: %v", q.name, err)
		}
		got.Status, got.Type, got.Reason, got.Whole = failed.Status, whole.Error.Type, whole.Error.Reason, true
	case err != nil:
		t.Errorf("%s: %v", q.name, err)
	default:
		var items struct {
			Items []map[string]struct {
				Status int
				Error  cause
			}
		}
		if err := json.Unmarshal(text, &items); err != nil || len(items.Items) == 0 {
			t.Errorf("%s: accepted: %s", q.name, text)
			return got
		}
		for _, one := range items.Items[len(items.Items)-1] {
			got.Status, got.Type, got.Reason = one.Status, one.Error.Type, one.Error.Reason
		}
		if got.Status < http.StatusBadRequest {
			t.Errorf("%s: accepted: %s", q.name, text)
		}
	}
	got.Reason = steady(strings.ReplaceAll(got.Reason, index, "INDEX"))
	return got
}

// changing are the parts of a reason that are others in each run.
var changing = []struct {
	pattern *regexp.Regexp
	by      string
}{
	{regexp.MustCompile(`x{20,}`), "xxx"},
	{regexp.MustCompile(`(long ){10,}(lo?n?g?)?`), "long "},
	{regexp.MustCompile(`, request: .*`), ", request: …"},
	{regexp.MustCompile(`with id '[A-Za-z0-9_-]{20}'`), "with id 'ID'"},
	{regexp.MustCompile(`/[A-Za-z0-9_-]{22}\]`), "/UUID]"},
	{regexp.MustCompile(`-\d{4}\.\d\d\.\d\d-0`), "-DATE-0"},
	{regexp.MustCompile(`(URLDecoder: [^-]*) -.*`), "$1"}, // the rest is the JDK's
	{regexp.MustCompile(`\b\d{4}-\d\d-\d\dT[0-9:.]+Z`), "TIME"},
	{regexp.MustCompile(`\[\d+\]/\[1\] maximum`), "[N]/[1] maximum"},
	{regexp.MustCompile(`(would be|real usage:|new bytes reserved:|usages) \[[^\]]*`), "$1 [N"},
	{regexp.MustCompile(`@[0-9a-f]{6,8}\b`), "@HASH"},
}

// longestReason of a record: reasons that quote a document of 40 KB are cut.
const longestReason = 400

func steady(reason string) string {
	for _, c := range changing {
		reason = c.pattern.ReplaceAllString(reason, c.by)
	}
	if len(reason) > longestReason {
		reason = reason[:longestReason]
	}
	return strings.ToValidUTF8(reason, "")
}
