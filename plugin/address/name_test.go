package address_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"out_es/plugin/address"
	"out_es/plugin/chunk"
)

func template(t testing.TB, text string) *address.Template {
	t.Helper()
	parsed, err := address.ParseTemplate(text, &paths)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// index returns the name that a writer makes, without its quotes. It must be legal.
func index(t testing.TB, w *address.Writer, record []byte) string {
	t.Helper()
	quoted := w.Index(&chunk.Event{Time: chunk.Time{Seconds: at.Unix()}}, values(t, record))
	var name string
	if err := json.Unmarshal(quoted, &name); err != nil {
		t.Fatalf("%s: %v", quoted, err)
	}
	if string(quoted) != `"`+name+`"` {
		t.Fatalf("%s must not need escaping", quoted)
	}
	if why := rejected(name); why != "" {
		t.Fatalf("Elasticsearch refuses %q: %s", name, why)
	}
	return name
}

// rejected returns the objection of Elasticsearch's MetadataCreateIndexService to an index name
// (validateIndexOrAliasName, validateIndexName), including that of Strings.validFileName, which it
// calls.
func rejected(name string) string {
	switch {
	case name == "":
		return "must not be empty"
	case strings.ContainsAny(name, `\/*?"<>| ,`):
		return `must not contain the following characters \/*?"<>| ,`
	case strings.Contains(name, "#"):
		return "must not contain '#'"
	case strings.Contains(name, ":"):
		return "must not contain ':'"
	case strings.ContainsAny(name[:1], "_-+"):
		return "must not start with '_', '-', or '+'"
	case len(name) > 255:
		return "index name is too long"
	case name == "." || name == "..":
		return "must not be '.' or '..'"
	case strings.ToLower(name) != name:
		return "must be lowercase"
	case !utf8.ValidString(name):
		return "is no UTF-8"
	case strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return "holds a control character, which it can't have come with"
	}
	return ""
}

func fieldWriter(t testing.TB) *address.Writer {
	t.Helper()
	w := address.NewWriter(address.IndexOptions(template(t, "$name"), template(t, "fluent-bit")))
	w.Begin(tag, at)
	return w
}

func TestNamesAreMadeLegal(t *testing.T) {
	long := strings.Repeat("é", 150) // 300 bytes
	w := fieldWriter(t)
	for _, row := range []struct{ value, want string }{
		{"logs-2026.11.23", "logs-2026.11.23"},
		{"Logs-PROD", "logs-prod"},
		{"Größe-ÄÖÜ", "größe-äöü"},
		{"ΑΣ", "ασ"}, // Java would write a final ς, and accepts this as lower case too
		{"İstanbul", "istanbul"},
		{"ǅ", "ǆ"},
		{"a b\tc\nd\re", "a_b_c_d_e"},
		{"a\u00a0b\u2003c\u3000d\u2028e\u0085f\u1680g\u202fh\u205fi\u200aj", "a_b_c_d_e_f_g_h_i_j"},
		{"a\x00\x1f\x7f\u0080b", "a____b"},
		{"a\U00010d50b\ua7dac", "a_b_c"}, // capitals of Unicode 16, which a JDK may know
		{"bad\xffutf\xc3\xe2\x82", "bad_utf_"},
		{"-lead", "lead"}, {"_lead", "lead"}, {"+lead", "lead"}, {"-_+-lead-_+", "lead-_+"},
		{" lead", "lead"}, {"\xfflead", "lead"}, {"#lead", "lead"},
		{".hidden", ".hidden"}, {"...", "..."}, {"..a", "..a"},
		{".", "fluent-bit"}, {"..", "fluent-bit"}, {"-.", "fluent-bit"}, {"_..", "fluent-bit"},
		{"-", "fluent-bit"}, {"_+-", "fluent-bit"}, {"", "fluent-bit"}, {"***", "fluent-bit"},
		{strings.Repeat("a", 255), strings.Repeat("a", 255)},
		{strings.Repeat("a", 256), strings.Repeat("a", 255)},
		{strings.Repeat("a", 10_000), strings.Repeat("a", 255)},
		{"-" + strings.Repeat("a", 255), strings.Repeat("a", 255)},
		{long, long[:254]},
		{"x" + long, "x" + long[:254]},
		{strings.Repeat("a", 254) + "é", strings.Repeat("a", 254)},
		{strings.Repeat("a", 253) + "€", strings.Repeat("a", 253)},
		{strings.Repeat("€", 100), strings.Repeat("€", 85)},
		{strings.Repeat("😀", 75), strings.Repeat("😀", 63)},
		{strings.Repeat("Ⱥ", 100), strings.Repeat("ⱥ", 85)}, // grows from two bytes to three
		{`","_id":"forged"}}`, "id___forged_}}"},
		{"x\"}}\n{\"delete\":{\"_index\":\"y", "x_}}_{_delete__{__index___y"},
	} {
		t.Run(fmt.Sprintf("%.40q", row.value), func(t *testing.T) {
			if got := index(t, w, object("name", row.value)); got != row.want {
				t.Errorf("%q, want %q", got, row.want)
			}
		})
	}
}

func TestEveryForbiddenCharacterBecomesAnUnderscore(t *testing.T) {
	w := fieldWriter(t)
	for _, c := range "\\/*?\"<>| ,#:\x00\t\n\r\x1f\x7f" {
		if got := index(t, w, object("name", "a"+string(c)+"b")); got != "a_b" {
			t.Errorf("%q: %q", c, got)
		}
	}
	for c := range rune(0x3000) {
		index(t, w, object("name", "a"+string(c)+"b"))
		index(t, w, object("name", string(c)))
	}
}

func dataStream(t testing.TB, kind, dataset, namespace string) *address.Writer {
	t.Helper()
	part := func(text, fallback string) address.Part {
		return address.Part{Template: template(t, text), Default: template(t, fallback)}
	}
	w := address.NewWriter(address.DataStreamOptions(part(kind, "logs"), part(dataset, "generic"), part(namespace, "default")))
	w.Begin(tag, at)
	return w
}

func TestDataStreamNames(t *testing.T) {
	w := dataStream(t, "$type", "$dataset", "$namespace")
	a := func(n int) string { return strings.Repeat("a", n) }
	for _, row := range []struct{ kind, dataset, namespace, want string }{
		{"metrics", "nginx.access", "prod", "metrics-nginx.access-prod"},
		{"Logs", "Nginx", "PROD", "logs-nginx-prod"},
		{"a-b", "c-d", "e-f", "a_b-c_d-e-f"}, // the first two joints separate the three parts
		{"-a", "-b", "-c", "a-b-c"},
		{"", "", "", "logs-generic-default"},
		{"-", "***", "_", "logs-generic-default"},
		{".", "..", ".", "logs-generic-default"},
		{"a/b", "c:d", "e#f", "a_b-c_d-e_f"},
		{"t", a(100), a(100), "t-" + a(100) + "-" + a(100)},
		{"t", a(101), a(500), "t-" + a(100) + "-" + a(100)},
		{"t", strings.Repeat("é", 60), "n", "t-" + strings.Repeat("é", 50) + "-n"},
		{a(100), a(100), a(100), a(100) + "-" + a(100) + "-" + a(28)},
		{a(100), a(100), strings.Repeat("é", 50), a(100) + "-" + a(100) + "-" + strings.Repeat("é", 14)},
		{a(100), a(99), strings.Repeat("é", 50), a(100) + "-" + a(99) + "-" + strings.Repeat("é", 14)},
	} {
		got := index(t, w, object("type", row.kind, "dataset", row.dataset, "namespace", row.namespace))
		if got != row.want || len(got) > 230 {
			t.Errorf("%.20q %.20q %.20q: %q of %d bytes, want %q", row.kind, row.dataset, row.namespace, got, len(got), row.want)
		}
	}
}

func TestDefaultThatIsNoNameStillGivesOne(t *testing.T) {
	w := address.NewWriter(address.IndexOptions(template(t, "$missing"), template(t, "$missing")))
	w.Begin(tag, at)
	if got := index(t, w, record); got != "unnamed" {
		t.Errorf("%q", got)
	}
}

func FuzzIndex(f *testing.F) {
	f.Add("name", "namespace", tag)
	f.Add("x\"}}\n{\"delete\":{\"_index\":\"y", "\\", "-_+")
	f.Add("\xff\xfe", ".", "..")
	f.Add(strings.Repeat("É", 200), strings.Repeat("a-", 90), "\u2028\u3000")
	f.Add("$TAG%Y|x", "İ", "\u212a") // the last is the Kelvin sign
	f.Fuzz(func(t *testing.T, first, second, tag string) {
		e := object("a", first, "b", second)
		for _, name := range []string{"$a", "%Y-$a-$b", "$TAG-$a|x", "$TAG[1]$b"} {
			w := address.NewWriter(address.IndexOptions(template(t, name), template(t, "fluent-bit")))
			w.Begin(tag, at)
			index(t, w, e)
		}
		w := dataStream(t, "$a", "$b", "$TAG")
		w.Begin(tag, at)
		got := index(t, w, e)
		parts := strings.SplitN(got, "-", 3)
		if len(got) > 230 || len(parts) != 3 || len(parts[0]) > 100 || len(parts[1]) > 100 || len(parts[2]) > 100 {
			t.Fatalf("no name of a data stream: %q", got)
		}
	})
}
