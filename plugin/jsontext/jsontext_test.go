package jsontext_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"out_es/plugin/jsontext"
	"out_es/test/support"
)

// decoded is a JSON string decoded by encoding/json.
func decoded(t *testing.T, text []byte) string {
	t.Helper()
	var s string
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return s
}

// encoded is a Go string encoded by encoding/json.
func encoded(t *testing.T, s string) []byte {
	t.Helper()
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(s); err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}

// check compares AppendString with encoding/json, and checks its promises.
func check(t *testing.T, s string) {
	t.Helper()
	const before = "before"
	got := jsontext.AppendString([]byte(before), []byte(s))
	text, found := bytes.CutPrefix(got, []byte(before))
	if !found {
		t.Fatalf("%q: what stood before is gone: %q", s, got)
	}
	if !utf8.Valid(text) {
		t.Fatalf("%q: %q is no UTF-8", s, text)
	}
	if bytes.ContainsFunc(text, func(r rune) bool { return r < ' ' }) {
		t.Fatalf("%q: %q holds a raw control character", s, text)
	}
	if got, want := decoded(t, text), decoded(t, encoded(t, s)); got != want {
		t.Fatalf("%q: %q, encoding/json has %q", s, got, want)
	}
}

func TestEveryByteAndPairOfBytes(t *testing.T) {
	for a := range 256 {
		check(t, string([]byte{byte(a)}))
		for b := range 256 {
			check(t, string([]byte{byte(a), byte(b)}))
		}
	}
}

func TestEscapesAreThoseOfEncodingJSON(t *testing.T) {
	for c := range 128 {
		s := "a" + string(rune(c)) + "b"
		if got, want := jsontext.AppendString(nil, []byte(s)), encoded(t, s); !bytes.Equal(got, want) {
			t.Errorf("%q: %s, encoding/json writes %s", s, got, want)
		}
	}
}

func TestLineSeparatorsStay(t *testing.T) {
	const s = "a\u2028b\u2029c"
	if got := string(jsontext.AppendString(nil, []byte(s))); got != `"`+s+`"` {
		t.Errorf("%q", got)
	}
}

// The scan takes eight bytes at once, the rest twice, and short strings in another way. It must
// find its bytes at every place in each.
func TestEveryMarkIsFoundAtEveryPlaceOfEveryLength(t *testing.T) {
	for _, found := range []string{
		"\"", "\\", "\n", "\x00", "\x1f", "\x7f", "é", "€", "😀", "\u2028", "\uFFFD",
		"\xff", "\x80", "\xc3", "\xe2\x82", "\xf0\x9f\x98", "\xed\xa0\x80", "\xc0\xaf", "\xf4\x90\x80\x80",
		"\"\"", "é\"", "\xff\n", "€😀é", "!#[]", "\xa2\xdc",
	} {
		for length := range 36 {
			clean := strings.Repeat("x", length)
			for at := range length + 1 {
				check(t, clean[:at]+found+clean[at:])
				check(t, clean[:at]+found+clean[at:]+found)
			}
		}
	}
}

// Escapes are written in stretches of 256 bytes, each with room for the worst.
func TestLongRunsOfWhatIsEscaped(t *testing.T) {
	for _, run := range []string{"\x01", "\"", "\xff", "é", "€", "😀", "\x01\xff", "\x01é", "x\x01"} {
		for offset := range 9 {
			for length := 240; length < 300; length++ {
				s := strings.Repeat("é", offset/2) + strings.Repeat("\xff", offset%2) + strings.Repeat(run, length)
				if got, want := decoded(t, jsontext.AppendString(nil, []byte(s))), decoded(t, encoded(t, s)); got != want {
					t.Fatalf("%q: %q, encoding/json has %q", s, got, want)
				}
			}
		}
	}
}

func TestEachBadByteIsReplacedAlone(t *testing.T) {
	for _, row := range []struct{ in, want string }{
		{"\xff\xfe", "\uFFFD\uFFFD"},
		{"a\x80\x80\x80b", "a\uFFFD\uFFFD\uFFFDb"},
		{"\xe2\x82x", "\uFFFD\uFFFDx"},
		{"\xed\xa0\x80", "\uFFFD\uFFFD\uFFFD"}, // half of a UTF-16 pair
		{"\xc0\xaf", "\uFFFD\uFFFD"},           // a slash, longer than allowed
		{"\xf0\x9f\x98", "\uFFFD\uFFFD\uFFFD"},
		{"é\xc3", "é\uFFFD"},
		{"\uFFFD", "\uFFFD"}, // a genuine one stays
	} {
		if got := decoded(t, jsontext.AppendString(nil, []byte(row.in))); got != row.want {
			t.Errorf("%q: %q, want %q", row.in, got, row.want)
		}
	}
}

func TestAppendingKeepsToItsOwnMemory(t *testing.T) {
	for _, s := range []string{"", "abc", "seven77", "exactly8", strings.Repeat("long ", 20), "esc\"aped, and more of it", "é"} {
		// s lies between other bytes; dst ends at the end of its memory or before.
		source := []byte("\"\n\xff" + s + "\"\n\xff")
		input := source[3 : 3+len(s)]
		want := string(encoded(t, s))
		for room := range 2*len(s) + 4 {
			dst := make([]byte, 2, 2+room)
			if got := string(jsontext.AppendString(dst, input)); got != "\x00\x00"+want {
				t.Fatalf("%q with room for %d: %q", s, room, got)
			}
		}
		if string(source) != "\"\n\xff"+s+"\"\n\xff" {
			t.Fatalf("%q: the input was written to: %q", s, source)
		}
	}
}

func TestAppendStringAllocatesNothing(t *testing.T) {
	inputs := [][]byte{
		[]byte(""), []byte("stream"), []byte("a line of a log, long enough to be looked at in words"),
		[]byte(`{"level":"info","msg":"cart stored"}`), []byte("Äpfel & Söckchen\n\tat €"), []byte("\xff\x00\xfe"),
	}
	dst := make([]byte, 0, 1024)
	if n := support.Allocations(100, func() {
		dst = dst[:0]
		for _, s := range inputs {
			dst = jsontext.AppendString(dst, s)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzAppendString(f *testing.F) {
	for _, s := range []string{
		"", "plain", "quote \" and backslash \\", "control \x00\x01\x1f\x7f", "\b\f\n\r\t", "<html>&amp;", "é€😀 and more",
		"\u2028\u2029", "\xff", "cut \xe2\x82", strings.Repeat("0123456", 9) + "\"", strings.Repeat("é", 9) + "\xff",
	} {
		f.Add(s)
	}
	f.Fuzz(check)
}
