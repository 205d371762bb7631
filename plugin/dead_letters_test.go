package plugin_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"out_es/plugin"
	"out_es/plugin/fluentbit"
	"out_es/plugin/fluentbit/fluentbittest"
)

// toTheDead reports whether a document is a dead-letter record in the index of these tests.
func toTheDead(d document) bool { return d.Index == "dead" }

// deadLetterNumbers are the fields n of the documents in letters, in order.
func deadLetterNumbers(t *testing.T, letters []map[string]any) []int {
	t.Helper()
	var all []int
	for _, letter := range letters {
		var inner struct{ N int }
		text, _ := letter["document"].(string)
		if err := json.Unmarshal([]byte(text), &inner); err != nil {
			t.Errorf("letter %v: %v", letter, err)
		}
		all = append(all, inner.N)
	}
	slices.Sort(all)
	return all
}

func (e *elasticsearch) letters() []map[string]any {
	e.mu.Lock()
	defer e.mu.Unlock()
	var all []map[string]any
	for _, d := range e.documents {
		if toTheDead(d) {
			all = append(all, d.Source)
		}
	}
	return all
}

func TestRejectedDocumentsGoToTheDeadLetters(t *testing.T) {
	for _, ids := range []string{"off", "on"} {
		t.Run("ids "+ids, func(t *testing.T) {
			e := newElasticsearch(t)
			wrong := rejects(mismatch, 1, 3)
			e.refuse = func(d document) *itemError {
				if toTheDead(d) {
					return nil
				}
				return wrong(d)
			}
			p, host := instance(t, e, section{"Index": "logs", "Dead_Letter_Index": "dead", "Generate_ID": ids})
			if outcome := p.Flush("a.tag", numbered(5)); outcome != plugin.OK {
				t.Errorf("outcome %v", outcome)
			}
			letters := e.letters()
			if got := deadLetterNumbers(t, letters); !slices.Equal(got, []int{1, 3}) {
				t.Fatalf("letters of %v", got)
			}
			for field, want := range map[string]any{"index": "logs", "tag": "a.tag", "status": 400.0, "type": mismatch.Type, "reason": mismatch.Reason} {
				if letters[0][field] != want {
					t.Errorf("%s is %v, want %v", field, letters[0][field], want)
				}
			}
			p.Close()
			counts(t, host, map[string]int{"accepted": 3, "dead_lettered": 2})
			if n := host.Count("rejected_records_total", mismatch.Type); n != 2 {
				t.Errorf("%d refusals by type", n)
			}
			for _, line := range host.Lines() {
				if strings.Contains(line.Text, "SECRET") {
					t.Errorf("%q tells a value", line.Text)
				}
			}
		})
	}
}

// A dead-letter record that can't be delivered now must not be lost, nor written twice.
func TestADeadLetterThatMustWait(t *testing.T) {
	e := newElasticsearch(t)
	wrong := rejects(mismatch, 1)
	full := true
	e.refuse = func(d document) *itemError {
		if toTheDead(d) && full {
			return &itemError{429, "es_rejected_execution_exception", ""}
		}
		if toTheDead(d) {
			return nil
		}
		return wrong(d)
	}
	p, host := instance(t, e, section{"Dead_Letter_Index": "dead"})
	for range 3 {
		if outcome := p.Flush("tag", numbered(3)); outcome != plugin.Retry {
			t.Errorf("outcome %v", outcome)
		}
	}
	counts(t, host, map[string]int{"accepted": 2, "returned": 3})
	e.set(func() { full, e.mute = false, 2 }) // and the answers are lost at first
	if outcome := flushUntilDone(t, p, "tag", numbered(3)); outcome != plugin.OK {
		t.Errorf("outcome %v", outcome)
	}
	if got := deadLetterNumbers(t, e.letters()); !slices.Equal(got, []int{1}) {
		t.Errorf("letters of %v", got)
	}
	if n := host.Count("records_total", "dead_lettered"); n != 1 {
		t.Errorf("%d dead letters were counted", n)
	}
}

func TestADeadLetterThatIsRejectedIsDroppedAndLogged(t *testing.T) {
	e := newElasticsearch(t)
	e.refuse = func(d document) *itemError {
		if n, ok := d.Source["n"].(float64); ok && n != 1 {
			return nil
		}
		return &mismatch
	}
	p, host := instance(t, e, section{"Dead_Letter_Index": "dead"})
	if outcome := p.Flush("tag", numbered(3)); outcome != plugin.OK {
		t.Errorf("outcome %v", outcome)
	}
	p.Close()
	counts(t, host, map[string]int{"accepted": 2, "dropped": 1})
	if told := lines(host, "dead-letter records were rejected"); len(told) != 1 || told[0].Level != fluentbit.Warn {
		t.Errorf("lines %v", host.Lines())
	}
}

// fileDeadLetters reads a dead-letter file.
func fileDeadLetters(t *testing.T, path string) []map[string]any {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var all []map[string]any
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var letter map[string]any
		if err := json.Unmarshal(lines.Bytes(), &letter); err != nil {
			t.Fatal(err)
		}
		all = append(all, letter)
	}
	return all
}

func TestRejectedDocumentsGoToTheDeadLetterFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dead.ndjson")
	e := newElasticsearch(t)
	e.refuse = rejects(mismatch, 0, 2, 4)
	// The following requests fail: records in the file are done all the same.
	e.instead = func(request int, w http.ResponseWriter) bool { return request == 1 && status(503, "")(request, w) }
	p, host := instance(t, e, section{"Dead_Letter_File": path, "Bulk_Size": "1K", "Id_Key": "$id"})
	var data []byte
	for i := range 30 {
		data = append(data, event(object{"n", i, "id", i})...)
	}
	data = append(data, event(object{"n", 30, "id", strings.Repeat("x", 600)})...)
	if outcome := flushUntilDone(t, p, "tag", data); outcome != plugin.OK {
		t.Errorf("outcome %v", outcome)
	}
	if got := deadLetterNumbers(t, fileDeadLetters(t, path)); !slices.Equal(got, []int{0, 2, 4, 30}) {
		t.Errorf("letters of %v", got)
	}
	p.Close()
	if accepted, dead := host.Count("records_total", "accepted"), host.Count("records_total", "dead_lettered"); accepted != 27 || dead != 4 {
		t.Errorf("%d accepted, %d dead letters", accepted, dead)
	}
}

func TestADeadLetterFileThatCanNotBeOpened(t *testing.T) {
	folder := t.TempDir()
	_, err := plugin.New(section{"Hosts": "es", "Dead_Letter_File": folder}.lookup, fluentbittest.NewRecorder("x").Instance())
	if err == nil || !strings.Contains(err.Error(), "Dead_Letter_File") {
		t.Errorf("got %v", err)
	}
}
