package address_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tinylib/msgp/msgp"

	"out_es/plugin/address"
	"out_es/plugin/chunk"
	"out_es/plugin/document"
)

// at is the time of the events in these tests: a Monday.
var at = time.Date(2026, 11, 23, 9, 14, 22, 117384000, time.UTC)

const tag = "kube.var.log"

// object makes a msgpack map of keys and values in the given order. A value of bytes is msgpack
// already.
func object(pairs ...any) []byte {
	b := msgp.AppendMapHeader(nil, uint32(len(pairs)/2))
	for i := 0; i < len(pairs); i += 2 {
		b = msgp.AppendString(b, pairs[i].(string))
		if raw, ok := pairs[i+1].([]byte); ok {
			b = append(b, raw...)
			continue
		}
		b, _ = msgp.AppendIntf(b, pairs[i+1])
	}
	return b
}

var record = object(
	"log", "a line",
	"kubernetes", object("namespace_name", "shop", "labels", object("app.kubernetes.io/name", "checkout")),
	"list", []byte{0x92, 0xa3, 'o', 'n', 'e', 0x92, 10, 11},
	"code", 200, "ratio", 1.5, "ok", true, "empty", "", "null", nil,
	"greedy", "%Y-$TAG-$log|x", "TAGGED", "field",
)

// paths are those of all templates of these tests.
var paths chunk.Paths

// values are the values that the document's walk finds in a record.
func values(t testing.TB, record []byte) chunk.Values {
	t.Helper()
	w := document.NewWriter(document.Options{Paths: &paths})
	if _, _, err := w.Append(nil, &chunk.Event{Record: record}); err != nil {
		t.Fatal(err)
	}
	return w.Values()
}

func TestTemplates(t *testing.T) {
	for _, row := range []struct{ template, want string }{
		{"", ""},
		{"fluent-bit", "fluent-bit"},
		{"logs-%Y.%m.%d", "logs-2026.11.23"},
		{"%Y-%m-%dT%H:%M:%S", "2026-11-23T09:14:22"},
		{"%Y%%", "2026%"},
		{"%s", "1795425262"},
		{"%A %a %B %b %j %V %u", "Monday Mon November Nov 327 48 1"},
		{"$log", "a line"},
		{"$log-%Y", "a line-2026"},
		{"x$log.y", "xa line.y"},
		{"$kubernetes['namespace_name']", "shop"},
		{"$kubernetes['labels']['app.kubernetes.io/name']-%d", "checkout-23"},
		{"$list[0]", "one"},
		{"$list[1][1]", "11"},
		{"$code", "200"},
		{"$ratio", "1.5"},
		{"$ok", "true"},
		{"$log$code", "a line200"},
		{"$TAG", "kube.var.log"},
		{"$TAG[0]", "kube"},
		{"$TAG[2]-%Y", "log-2026"},
		{"$TAG[0]$TAG[1]", "kubevar"},
		{"$TAGGED", "kube.var.logGED"}, // as in Fluent Bit
		{"$missing|none-%Y.%m.%d", "none-2026.11.23"},
		{"$log|none", "a line"},
		{"$kubernetes['missing']|no_ns$code", "no_ns200"},
		{"$list[7]|9", "9"},
		{"$empty|none", "none"},
		{"$null|none", "none"},
		{"$kubernetes|none", "none"},
		{"$TAG[3]|none", "none"},
		{"$TAG[0]|none", "kube"},
		{"$TAG|none.x", "kube.var.log.x"},
		{"a|b", "a|b"},

		// The text of a record is not expanded, whatever it looks like.
		{"$greedy", "%Y-$TAG-$log|x"},
		{"%Y-$greedy", "2026-%Y-$TAG-$log|x"},
	} {
		t.Run(row.template, func(t *testing.T) {
			template, err := address.ParseTemplate(row.template, &paths)
			if err != nil {
				t.Fatal(err)
			}
			got, ok := template.Append([]byte("> "), tag, at, values(t, record))
			if string(got) != "> "+row.want || !ok {
				t.Errorf("%q, %v; want %q", got, ok, row.want)
			}
			if literal := !strings.ContainsAny(row.template, "$%"); template.IsLiteral() != literal {
				t.Errorf("a literal: %v", template.IsLiteral())
			}
		})
	}
}

func TestTemplatesWithoutTheirField(t *testing.T) {
	for _, text := range []string{
		"$missing", "x-$missing-%Y", "$log['a']", "$list[2]", "$list['a']", "$empty", "$null", "$kubernetes", "$list",
		"$TAG[3]", "$TAG[65535]", "$log-$missing",
	} {
		template, err := address.ParseTemplate(text, &paths)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := template.Append(nil, tag, at, values(t, record)); ok {
			t.Errorf("%s: %q", text, got)
		}
	}
	template, err := address.ParseTemplate("$TAG[1]|none", &paths)
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := template.Append(nil, "a..b", at, values(t, record)); string(got) != "none" || !ok {
		t.Errorf("an empty part of a tag: %q, %v", got, ok)
	}
}

func TestBrokenTemplatesAreRejected(t *testing.T) {
	for _, row := range []struct{ template, advice string }{
		{"%", "strftime"},
		{"logs-%", "strftime"},
		{"%Y-%$log", "strftime"},
		{"%Q", "strftime"},
		{"$", "$key"},
		{"a$-b", "$key"},
		{"$log[", "$key"},
		{"$log['a'", "$key"},
		{"$log[-1]", "$key"},
		{`$log["a"]`, "$key"},
		{"$TAG[", "$TAG[0]"},
		{"$TAG[x]", "$TAG[0]"},
		{"$TAG[-1]", "$TAG[0]"},
		{"$TAG[]", "$TAG[0]"},
		{"$TAG[70000]", "$TAG[0]"},
		{"$log|", "word"},
		{"$log|-x", "word"},
		{"$log|$other", "word"},
		{"$TAG[1]|%Y", "word"},
	} {
		if template, err := address.ParseTemplate(row.template, &paths); err == nil {
			t.Errorf("%q: taken as %v", row.template, template)
		} else if !strings.Contains(err.Error(), row.advice) {
			t.Errorf("%q: %v; the advice must name %s", row.template, err, row.advice)
		}
	}
}

func TestJoinedTemplates(t *testing.T) {
	parse := func(text string) *address.Template {
		t.Helper()
		template, err := address.ParseTemplate(text, &paths)
		if err != nil {
			t.Fatal(err)
		}
		return template
	}
	joined := address.Join(parse("$missing|logs"), parse("-"), parse("%Y"))
	if got, ok := joined.Append(nil, tag, at, values(t, record)); string(got) != "logs-2026" || !ok {
		t.Errorf("%q, %v", got, ok)
	}
	if literal := address.Join(parse("a"), parse("b")); !literal.IsLiteral() {
		t.Error("two literals joined are no literal")
	}
}

func TestDatesThatStrftimeDoesNotKnowAreRejected(t *testing.T) {
	for pattern, unknown := range map[string]string{"%": `"%"`, "%Y-%": `"%"`, "%Y%%%Q": `"%Q"`, "%1": `"%1"`} {
		if _, err := address.ParseDate(pattern); err == nil || !strings.HasSuffix(err.Error(), "it has no "+unknown) {
			t.Errorf("%q: error %v, want that it has no %s", pattern, err, unknown)
		}
	}
}
