package tool

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"out_es/plugin/deadletter"
	"out_es/test/support"
)

// server answers bulk requests: documents that hold "bad" are rejected, those for the index
// "closed" are for a destination that takes none.
type server struct {
	*httptest.Server
	mu       sync.Mutex
	lines    []string // of all bodies
	requests int
}

func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	return s
}

func (s *server) serve(w http.ResponseWriter, r *http.Request) {
	text, ok := support.ReadBody(w, r)
	if !ok {
		return
	}
	w.Header().Set("X-Elastic-Product", "Elasticsearch")
	w.Header().Set("Content-Type", "application/json")
	if !strings.HasPrefix(r.URL.Path, "/_bulk") {
		_, _ = io.WriteString(w, `{}`)
		return
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	s.mu.Lock()
	s.lines, s.requests = append(s.lines, lines...), s.requests+1
	s.mu.Unlock()
	var items []string
	for i := 0; i+1 < len(lines); i += 2 {
		switch {
		case strings.Contains(lines[i], `"closed"`):
			items = append(items, `{"create":{"status":400,"error":{"type":"index_closed_exception","reason":"closed"}}}`)
		case strings.Contains(lines[i+1], "bad"):
			items = append(items, `{"create":{"status":400,"error":{"type":"document_parsing_exception","reason":"failed to parse field [n] of type [long]"}}}`)
		default:
			items = append(items, `{"create":{"status":201}}`)
		}
	}
	fmt.Fprintf(w, `{"errors":true,"items":[%s]}`, strings.Join(items, ","))
}

const deadLetters = `{"@timestamp":"2026-11-28T01:00:00Z","index":"app","id":"one","routing":"r","pipeline":"p","tag":"t","event_time":"2026-11-28T00:59:59Z","status":400,"type":"document_parsing_exception","reason":"x","document":"{\"n\":9007199254740993,\"e\":\"é\\u0000\"}"}
{"@timestamp":"2026-11-28T02:00:00Z","index":"app","tag":"t","event_time":"2026-11-28T00:59:59Z","status":400,"type":"document_parsing_exception","reason":"x","document":"{\"n\":\"bad\"}"}
this is no record
{"@timestamp":"2026-11-28T03:00:00Z","index":"other","id":"two","tag":"u","event_time":"2026-11-28T00:59:59Z","status":400,"type":"mapper_parsing_exception","reason":"x","document":"{\"n\":3}"}
{"@timestamp":"2026-11-28T03:00:00Z","index":"app","tag":"t","document":"[]"}
`

// deadFile writes a dead-letter file and returns its name.
func deadFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "dead.ndjson")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestReplay(t *testing.T) {
	s := newServer(t)
	file := deadFile(t, deadLetters)
	words := []string{"replay", "-s", "Hosts=" + s.URL, file}
	golden(t, "replay", out("", words...), filepath.Dir(file), "DIR")
	want := []string{
		`{"create":{"_index":"app","_id":"one","routing":"r","pipeline":"p"}}`, `{"n":9007199254740993,"e":"é\u0000"}`,
		`{"create":{"_index":"app","_id":"`, `{"n":"bad"}`, `{"create":{"_index":"other","_id":"two"}}`, `{"n":3}`,
	}
	for i, line := range want {
		if len(s.lines) != len(want) || !strings.HasPrefix(s.lines[i], line) {
			t.Fatalf("it sent %q, want %q", s.lines, want)
		}
	}
	left := read(t, file+".left")
	if lines := strings.SplitAfter(left, "\n"); len(lines) != 4 || !strings.Contains(lines[0], `"reason":"failed to parse field [n] of type [long]"`) ||
		strings.Contains(lines[0], `"id"`) || lines[1] != "this is no record\n" {
		t.Errorf("the new file has\n%s", left)
	}
	sent := len(s.lines)
	if r := out("", words...); r.code != exitFound || !strings.Contains(r.err, "all of it was replayed on") || len(s.lines) != sent {
		t.Errorf("a second time: %+v", r)
	}
	if r := out("", "replay", "-s", "Hosts="+s.URL, file+".left"); r.code != exitFound || !strings.Contains(r.err, "3 records are in "+file+".left.left") {
		t.Errorf("of the new file: %+v", r)
	}
}

// A file that an output writes to is not read, nor are its rotated ones: the output would go on
// renaming them.
func TestReplayOfAFileInUse(t *testing.T) {
	s := newServer(t)
	path := filepath.Join(t.TempDir(), "dead.ndjson")
	file, err := deadletter.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.Write([]byte(deadLetters)); err != nil {
		t.Fatal(err)
	}
	rotated := path + ".1"
	if err := os.WriteFile(rotated, []byte(deadLetters), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{path, rotated} {
		if r := out("", "replay", "-s", "Hosts="+s.URL, name); r.code != exitBroken || !strings.Contains(r.err, "an output writes to "+path) || s.requests > 0 {
			t.Errorf("%s: %+v, %d requests", name, r, s.requests)
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestReplayDryRun(t *testing.T) {
	file := deadFile(t, deadLetters)
	golden(t, "replay-dry-run", out("", "replay", "--dry-run", "--select", "since=2026-11-28T02:00:00Z", file), filepath.Dir(file), "DIR")
	if files, _ := filepath.Glob(filepath.Dir(file) + "/*"); len(files) != 1 {
		t.Errorf("a dry run writes files: %q", files)
	}
}

// TestReplayOfASelection: records that are left out are in the new file as they are.
func TestReplayOfASelection(t *testing.T) {
	for pick, want := range map[string]int{"index=oth*": 1, "type=mapper*": 1, "tag=t,until=2026-11-28T01:30:00Z": 1, "since=2026-11-28": 3, "tag=none": 0} {
		s := newServer(t)
		file := deadFile(t, deadLetters)
		out("", "replay", "-s", "Hosts="+s.URL, "--select", pick, file)
		if len(s.lines) != 2*want {
			t.Errorf("%s sends %q", pick, s.lines)
		}
		unpicked := 0
		left := read(t, file+".left")
		for line := range strings.Lines(deadLetters) {
			if strings.Contains(left, line) {
				unpicked++
			}
		}
		if unpicked != 5-want {
			t.Errorf("%s leaves\n%s", pick, left)
		}
	}
}

// TestReplayOfAHeldIndex: an index that takes nothing holds no other up, and its records stay with
// the reason.
func TestReplayOfAHeldIndex(t *testing.T) {
	s := newServer(t)
	file := deadFile(t, deadLetters+strings.Replace(strings.SplitAfter(deadLetters, "\n")[3], "other", "closed", 1))
	r := out("", "replay", "-s", "Hosts="+s.URL, "-s", "Retry_Initial=10ms", "-s", "Retry_Max=20ms", "-s", "Retry_Budget=100ms", "--patience", "500ms", file)
	if left := read(t, file+".left"); r.code != exitFound || !strings.Contains(r.err, "2 delivered, 0 deduplicated, 1 rejected, 1 held") || !strings.Contains(left, `"type":"index_closed_exception"`) {
		t.Errorf("%+v\n%s", r, left)
	}
}

// TestReplayGoesOnWhereItEnded: a position is that of some files, and an interrupted batch is done
// again as a whole.
func TestReplayGoesOnWhereItEnded(t *testing.T) {
	s := newServer(t)
	var text bytes.Buffer
	for n := range 100 {
		fmt.Fprintf(&text, `{"index":"app","id":"%d","document":"{\"n\":\"%s\",\"pad\":\"%s\"}"}`+"\n", n, map[bool]string{true: "bad"}[n%2 == 0], strings.Repeat("x", 1000))
	}
	file := deadFile(t, text.String())
	words := []string{"replay", "-s", "Hosts=" + s.URL, "-s", "Bulk_Size=10K", "--workers", "1", file}
	if r := out("", words...); r.code != exitFound || s.requests < 10 {
		t.Fatalf("%d requests: %+v", s.requests, r)
	}
	full := read(t, file+".left")
	var position map[string]any
	if err := json.Unmarshal([]byte(read(t, file+".replay-position")), &position); err != nil {
		t.Fatal(err)
	}
	// As a kill behind the second batch, within the writing of the third, leaves it.
	lines := strings.SplitAfter(text.String(), "\n")
	delete(position, "ended")
	at, sum := 20, 0
	for _, line := range lines[:at] {
		sum += len(line)
	}
	kept := 0
	for range at / 2 {
		kept += strings.IndexByte(full[kept:], '\n') + 1
	}
	position["at"] = map[string]any{"file": 0, "offset": sum, "line": at, "done": sum}
	position["left_bytes"], position["counts"] = kept, map[string]any{"read": at, "delivered": at / 2, "rejected": at / 2}
	changed, _ := json.Marshal(position)
	for path, text := range map[string]string{file + ".replay-position": string(changed), file + ".left": full[:kept] + `{"half":`} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.lines = nil
	r := out("", words...)
	if len(s.lines) != 2*(100-at) || !strings.Contains(r.err, "100 records: 50 delivered, 0 deduplicated, 50 rejected") {
		t.Errorf("%d lines: %+v", len(s.lines), r)
	}
	if left := read(t, file+".left"); strings.Count(left, "\n") != 50 || strings.Contains(left, "half") {
		t.Errorf("the new file has %d lines", strings.Count(left, "\n"))
	}
	if err := os.WriteFile(file, []byte("{}\n"+text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := out("", words...); r.code != exitBroken || !strings.Contains(r.err, "is the position in other files") {
		t.Errorf("of another file: %+v", r)
	}
}

func TestReplayErrors(t *testing.T) {
	file := deadFile(t, deadLetters)
	for _, row := range []struct{ words, says string }{
		{"replay", "name dead-letter files, or an index"},
		{"replay " + file, "Hosts"},
		{"replay --select nonsense=1 " + file, "must be index=, type="},
		{"replay --select since=soon " + file, "must be a time"},
		{"replay --ids none " + file, "must be made or own"},
		{"replay --workers 0 " + file, "must be from 1 to 64"},
		{"replay -s Hosts=http://localhost:1 --from-index dead", "--from-index needs --left"},
		{"replay -s Hosts=http://localhost:1 " + file + ".none", "no such file"},
	} {
		if r := out("", strings.Fields(row.words)...); r.code != exitBroken || !strings.Contains(r.err, row.says) {
			t.Errorf("%q: %+v", row.words, r)
		}
	}
	if err := os.WriteFile(file+".left", []byte("something\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := out("", "replay", "-s", "Hosts=http://localhost:1", file); r.code != exitBroken || !strings.Contains(r.err, "no position beside it") {
		t.Errorf("with a file in the way: %+v", r)
	}
}
