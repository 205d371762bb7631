package bulk_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"out_es/plugin/bulk"
)

// realAnswers are the files of testdata/answers.
func realAnswers(t testing.TB) map[string]string {
	t.Helper()
	files, err := filepath.Glob("testdata/answers/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal("testdata/answers is empty", err)
	}
	answers := map[string]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		answers[filepath.Base(file)] = string(text)
	}
	return answers
}

// itemEnds are the places in text where its items end, as encoding/json sees
// them.
func itemEnds(t *testing.T, text string) []int64 {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	for token := json.Token(nil); token != json.Delim('['); {
		var err error
		if token, err = d.Token(); err != nil {
			t.Fatal(err)
		}
	}
	var ends []int64
	for d.More() {
		var item json.RawMessage
		if err := d.Decode(&item); err != nil {
			t.Fatal(err)
		}
		ends = append(ends, d.InputOffset())
	}
	return ends
}

func TestAnAnswerThatIsCutAtAnyByteKeepsItsWholeItems(t *testing.T) {
	for name, text := range realAnswers(t) {
		whole, err := read(new(bulk.AnswerReader), strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		ends := itemEnds(t, text)
		reader := new(bulk.AnswerReader)
		for length := range len(strings.TrimSpace(text)) {
			want := 0
			for want < len(ends) && ends[want] <= int64(length) {
				want++
			}
			for how, body := range map[string]io.Reader{
				"whole":        strings.NewReader(text[:length]),
				"byte by byte": iotest.OneByteReader(strings.NewReader(text[:length])),
				"with the end": iotest.DataErrReader(strings.NewReader(text[:length])),
			} {
				got, err := read(reader, body)
				if !errors.Is(err, bulk.ErrIncomplete) {
					t.Fatalf("%s, %s, cut at %d: %v", name, how, length, err)
				}
				if len(got) != want || !reflect.DeepEqual(got, append([]said(nil), whole[:want]...)) {
					t.Fatalf("%s, %s, cut at %d: %d items, want %d", name, how, length, len(got), want)
				}
			}
		}
	}
}

// An item that straddles the reader's window must read as any other, wherever
// the window's edge falls.
func TestItemsAcrossTheWindowsEdge(t *testing.T) {
	items := []string{
		`{"create":{"status":201}}`,
		`{"create":{"status":409,"error":{"type":"version_conflict_engine_exception","reason":"[é]: version conflict"}}}`,
	}
	const window = 16 << 10
	reader := new(bulk.AnswerReader)
	for _, item := range items {
		for shift := range len(item) + 2 {
			var text bytes.Buffer
			text.WriteString(`{"items":[`)
			text.WriteString(strings.Repeat(" ", window-text.Len()-shift))
			text.WriteString(item + "," + item + `]}`)
			got, err := read(reader, &text)
			if err != nil || len(got) != 2 || got[0] != got[1] || got[0].Status == 0 {
				t.Fatalf("edge at %d of %s: %+v, %v", shift, item, got, err)
			}
		}
	}
}
