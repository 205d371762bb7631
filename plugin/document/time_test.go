package document_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"out_es/plugin/chunk"
	"out_es/plugin/document"
	"out_es/test/support"
)

// timesOfInterest are the boundaries of calendars and number types: 1970, 2038, 2106, leap days,
// the last second of 9999.
var timesOfInterest = []chunk.Time{
	{Seconds: 0, Nanos: 0}, {Seconds: 0, Nanos: 1}, {Seconds: 1, Nanos: 999999999},
	{Seconds: -1, Nanos: 0}, {Seconds: -1, Nanos: 999999999}, {Seconds: -86400 * 365 * 200, Nanos: 5000000},
	{Seconds: 1<<31 - 1, Nanos: 999000000}, {Seconds: 1 << 31, Nanos: 0}, {Seconds: 1<<32 - 3, Nanos: 10},
	{Seconds: 951782400, Nanos: 0}, {Seconds: 1709164800, Nanos: 123456789}, {Seconds: 253402300799, Nanos: 999999999},
	moment, {Seconds: moment.Seconds, Nanos: 7000000}, {Seconds: moment.Seconds, Nanos: 70000000},
}

// The reference is Go's own time formatting, for a writer that is used once and for one that keeps
// the last second.
func TestTimesAreThoseOfGo(t *testing.T) {
	for _, row := range []struct {
		precision document.Precision
		layout    string
	}{
		{document.Milliseconds, `"2006-01-02T15:04:05.000Z"`},
		{document.Nanoseconds, `"2006-01-02T15:04:05.000000000Z"`},
	} {
		o := document.Options{TimeKey: "t", TimeFormat: dateFormat(t, "%Y-%m-%dT%H:%M:%S"), Precision: row.precision}
		kept := document.NewWriter(o)
		for _, at := range timesOfInterest {
			want := `{"t":` + time.Unix(at.Seconds, int64(at.Nanos)).UTC().Format(row.layout) + `}`
			if got := string(appendEmpty(t, document.NewWriter(o), nil, at)); got != want {
				t.Errorf("%v: %s, want %s", at, got, want)
			}
			for range 2 {
				if got := string(appendEmpty(t, kept, nil, at)); got != want {
					t.Errorf("%v after others: %s, want %s", at, got, want)
				}
			}
		}
	}
}

var emptyMap = []byte{0x80}

// appendEmpty appends the document of an empty event of that time.
func appendEmpty(t *testing.T, w *document.Writer, dst []byte, at chunk.Time) []byte {
	out, _, err := w.Append(dst, &chunk.Event{Time: at, Record: emptyMap})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestTimeFormats(t *testing.T) {
	for _, row := range []struct{ format, want string }{
		{"%Y-%m-%dT%H:%M:%S", "2026-11-23T09:14:22.117Z"},
		{"%s", "1795425262.117Z"},
		{"%Y%m%d", "20261123.117Z"},
		{"%d/%b/%Y:%T", "23/Nov/2026:09:14:22.117Z"},
		{"%A, %j, %V, %p, %Z", "Monday, 327, 48, AM, GMT.117Z"},
		{"100%%", "100%.117Z"},
		{"", ".117Z"},
		{`"quoted\" %Y`, `"quoted\" 2026.117Z`},
		{"%Y%n%m%t%d", "2026\n11\t23.117Z"},
		{"größer als %Y", "größer als 2026.117Z"},
	} {
		t.Run(row.format, func(t *testing.T) {
			o := document.Options{TimeKey: "t", TimeFormat: dateFormat(t, row.format)}
			text := write(t, o, chunk.Event{Time: moment, Record: fields()})
			if strings.ContainsAny(text, "\n\t") {
				t.Errorf("a raw control character in %q", text)
			}
			var got struct{ T string }
			if err := json.Unmarshal([]byte(text), &got); err != nil || got.T != row.want {
				t.Errorf("%q, %v; want %q", got.T, err, row.want)
			}
		})
	}
}

func TestFormattingTheTimeAllocatesNothing(t *testing.T) {
	w := document.NewWriter(document.Options{TimeKey: "t", TimeFormat: dateFormat(t, "%Y-%m-%dT%H:%M:%S"), Precision: document.Nanoseconds})
	dst := make([]byte, 0, 100)
	at := moment
	if n := support.Allocations(100, func() {
		at.Seconds++
		dst = appendEmpty(t, w, dst[:0], at)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
