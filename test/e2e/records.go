package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Section writes an [OUTPUT] that loses nothing.
func Section(url, index string, more ...string) string {
	return "[OUTPUT]\n    Name es_go\n    Match *\n    Retry_Limit no_limits\n    Hosts " + url + "\n    Index " + index +
		"\n    " + strings.Join(more, "\n    ") + "\n"
}

// Normal makes numbers comparable that are written in two ways, 1e3 and 1000: integers stay as
// their digits, others become floats.
func Normal(value any) any {
	switch v := value.(type) {
	case json.Number:
		if _, err := v.Int64(); err == nil {
			return v.String()
		}
		f, _ := v.Float64()
		return f
	case map[string]any:
		for key := range v {
			v[key] = Normal(v[key])
		}
	case []any:
		for i := range v {
			v[i] = Normal(v[i])
		}
	}
	return value
}

// parsers makes Fluent Bit read a record's time from the record, and keep the field.
const parsers = `[PARSER]
    Name json
    Format json
    Time_Key time
    Time_Format %Y-%m-%dT%H:%M:%S.%LZ
    Time_Keep on
`

// TimeLayout is the records' time, to the millisecond.
const TimeLayout = "2006-01-02T15:04:05.000Z"

// FirstTime is the first record's time; each comes 7 ms after the one before.
var FirstTime = time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)

func TimeOf(n int) time.Time { return FirstTime.Add(time.Duration(n) * 7 * time.Millisecond) }

// record makes the nth record of a log: every JSON type, nesting, and strings
// that need care.
func record(n int, random *rand.Rand) map[string]any {
	numbers := []any{1.5, 2.5}
	if NewestServer() {
		numbers[0] = 1
	}
	texts := []string{"plain", "quote \" and \\ slash", "tab\tnewline\n", "caf\u00e9 \u2028 \U0001F600", "", "\u0001\u001f control"}
	return map[string]any{
		"n": n, "time": TimeOf(n).Format(TimeLayout), "level": []string{"info", "warn", "error"}[n%3],
		"message": fmt.Sprintf("%s %d", texts[random.IntN(len(texts))], random.Int64()),
		"took":    random.Float64() * 1e3, "tiny": random.Float64() * 1e-9, "big": random.Int64(), "negative": -random.Int64N(1 << 40),
		"ok": n%2 == 0, "nothing": nil, "list": []any{"one", "two", nil}, "objects": []any{map[string]any{"deep": numbers}, map[string]any{}},
		"kubernetes": map[string]any{
			"pod_name": fmt.Sprintf("pod-%d", n%7), "namespace_name": "shop",
			"labels": map[string]any{"app": "checkout", "pod-template-hash": "77f8d5c9"},
		},
	}
}

// WriteLog writes n records made by make, one a line, and returns the file's
// path and the records as encoding/json reads them back.
func WriteLog(t *testing.T, n int, change func(n int, record map[string]any)) (path string, want []map[string]any) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "input.log")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	out := bufio.NewWriter(file)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		r := record(i, random)
		if change != nil {
			change(i, r)
		}
		line, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		back, err := Decode(line)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, back)
		out.Write(append(line, '\n'))
	}
	if err := out.Flush(); err != nil {
		t.Fatal(err)
	}
	return path, want
}

// Decode reads an object and keeps its numbers' digits.
func Decode(text []byte) (map[string]any, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var object map[string]any
	err := decoder.Decode(&object)
	return object, err
}

// NumberOf is the number that a record carries, -1 for none.
func NumberOf(source map[string]any) int {
	number, ok := source["n"].(json.Number)
	if !ok {
		return -1
	}
	n, err := number.Int64()
	if err != nil {
		return -1
	}
	return int(n)
}

// Config writes the classic configuration of one tail input and any outputs.
func Config(t *testing.T, service, path, outputs string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "parsers.conf")
	if err := os.WriteFile(file, []byte(parsers), 0o600); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf(`[SERVICE]
    Flush 0.5
    Grace 10
    Parsers_File %s
    scheduler.base 1
    scheduler.cap 3
%s
[INPUT]
    Name tail
    Path %s
    Tag logs.app
    Parser json
    Read_From_Head on
    Refresh_Interval 1
%s
`, file, service, path, outputs)
}
