package bulk_test

import (
	"bufio"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"out_es/plugin/bulk"
)

var update = flag.Bool("update", false, "write the golden files anew")

type reason struct{ Type, Reason string }

// realReasons are those of Elasticsearch 9.5.3 for documents that don't fit their mapping, have
// illegal keys or are not JSON, each with SECRET in its values and in its id. They are cut to 1,200
// bytes.
func realReasons(t *testing.T) []reason {
	t.Helper()
	file, err := os.Open("testdata/reasons.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var all []reason
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var r reason
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

func TestRealReasonsWithoutTheirValues(t *testing.T) {
	var redacted strings.Builder
	for _, r := range realReasons(t) {
		redacted.WriteString(bulk.Redact(r.Reason) + "\n")
	}
	const golden = "testdata/reasons.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(redacted.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if redacted.String() != string(want) {
		t.Errorf("differs from %s, see -update:\n%s", golden, redacted.String())
	}
	if strings.Contains(redacted.String(), "SECRET") {
		t.Error("a value survived")
	}
}

// The name of the missing shard is not from a record, and helps most.
func TestAMissingShardIsNamed(t *testing.T) {
	const reason = "[logs][0] primary shard is not active Timeout: [5s], request: [BulkShardRequest [[logs][0]] containing [index {[logs][_doc][SECRET], source[{SECRET}]}]]"
	if got, want := bulk.RedactOf("unavailable_shards_exception", reason), "[logs][0] primary shard is not active Timeout: [5s]"; got != want {
		t.Errorf("got %q", got)
	}
}

// Elasticsearch's cause says more than the field's name: if too much was cut off, all conflicts
// would look alike.
func TestCausesWithoutTheirValues(t *testing.T) {
	const reason = "[1:6] failed to parse field [n] of type [long] in document with id 'SECRET'. Preview of field's value: 'SECRET'"
	const fixed = "failed to parse field [n] of type [long] in document with id '…'"
	for _, c := range []struct{ kind, cause, want string }{
		{"", "", fixed},
		{"illegal_argument_exception", "", fixed + ", caused by illegal_argument_exception"},
		{"illegal_argument_exception", `For input string: "SECRET"`, fixed + ", caused by illegal_argument_exception: For input string"},
		{"illegal_argument_exception", "failed to parse date field [SECRET] with format [strict_date_optional_time||epoch_millis]",
			fixed + ", caused by illegal_argument_exception: failed to parse date field […]"},
		{"input_coercion_exception", "Numeric value (12SECRET) out of range of int (-2147483648 - 2147483647)\n at [Source: (byte[])\"{SECRET\"; line: 1]",
			fixed + ", caused by input_coercion_exception: Numeric value (…)"},
		{"document_parsing_exception", "error parsing field [range], with unknown parameter [SECRET]",
			fixed + ", caused by document_parsing_exception: error parsing field [range], with unknown parameter […]"},
		{"illegal_argument_exception", "'SECRET's' is not an IP string literal.", fixed + ", caused by illegal_argument_exception: '…' is not an IP string literal"},
	} {
		item := bulk.Item{Status: 400, Type: []byte("document_parsing_exception"), Reason: []byte(reason), CauseType: []byte(c.kind), Cause: []byte(c.cause)}
		if got := bulk.RedactedReason(item); got != c.want {
			t.Errorf("got  %q\nwant %q", got, c.want)
		}
		if got := string(bulk.AppendReason(nil, item)); !strings.HasPrefix(got, reason) || !strings.Contains(got, c.kind) || !strings.HasSuffix(got, c.cause) {
			t.Errorf("the whole reason is %q", got)
		}
	}
}

// Reasons of other versions, of ingest processors and of security, which the
// recorded server has not: Elasticsearch 7.17 and 8.x, OpenSearch.
func TestReasonsKeepNamesOnly(t *testing.T) {
	for text, want := range map[string]string{
		"failed to parse field [n] of type [long] in document with id 'SECRET'. Preview of field's value: 'SECRET'": "failed to parse field [n] of type [long] in document with id '…'",
		`Document contains at least one immense term in field="message" (whose UTF8 encoding is longer than the max length 32766), all of which were skipped.  Please correct the analyzer to not produce such terms.  The prefix of the first immense term is: '[83, 69, 67]...', original message: bytes can be at most 32766 in length; got 40000`: `Document contains at least one immense term in field="message" (…), all of which were skipped.  Please correct the analyzer to not produce such terms`,
		`For input string: "SECRET"`: "For input string",
		"failed to parse date field [SECRET] with format [strict_date_optional_time||epoch_millis]": "failed to parse date field […]",
		"Value [77777] is out of range for a byte":                                                  "Value […] is out of range for a byte",
		"Numeric value (77777777777777777777) out of range of long (-9223372036854775808 - 9223372036854775807)\n at [Source: (byte[])\"{\"n\":77777777777777777777}\"; line: 1, column: 30]":    "Numeric value (…)",
		"object mapping for [kubernetes.labels.app] tried to parse field [app] as object, but found a concrete value":                                                                            "object mapping for [kubernetes.labels.app] tried to parse field [app] as object, but found a concrete value",
		"mapper [a.b] cannot be changed from type [long] to [text]":                                                                                                                              "mapper [a.b] cannot be changed from type [long] to [text]",
		"can't merge a non object mapping [a] with an object mapping":                                                                                                                            "can't merge a non object mapping [a] with an object mapping",
		"Could not dynamically add mapping for field [a.b]. Existing mapping for [a] must be of type object but found [keyword].":                                                                "Could not dynamically add mapping for field [a.b]. Existing mapping for [a] must be of type object but found [keyword]",
		"Limit of total fields [1000] has been exceeded while adding new fields [3]":                                                                                                             "Limit of total fields [1000] has been exceeded while adding new fields […]",
		"Limit of total fields [1000] has been exceeded":                                                                                                                                         "Limit of total fields [1000] has been exceeded",
		"mapping set to strict, dynamic introduction of [x] within [_doc] is not allowed":                                                                                                        "mapping set to strict, dynamic introduction of [x] within [_doc] is not allowed",
		"pipeline with id [p] does not exist":                                                                                                                                                    "pipeline with id [p] does not exist",
		"index [logs-x] blocked by: [FORBIDDEN/8/index write (api)];":                                                                                                                            "index [logs-x] blocked by: [FORBIDDEN/8/index write (api)];",
		"no such index [logs-x] and [action.auto_create_index] is [false]":                                                                                                                       "no such index [logs-x] and [action.auto_create_index] is […]",
		"action [indices:data/write/bulk[s]] is unauthorized for user [shipper] with effective roles [a,b] on indices [logs-x], this action is granted by the index privileges [create_doc,all]": "action [indices:data/write/bulk[s]] is unauthorized for user [shipper] with effective roles [a,b] on indices [logs-x], this action is granted by the index privileges [create_doc,all]",
		"[SECRET]: version conflict, document already exists (current version [1])":                                                                                                              "[…])",
		"Provided Grok expressions do not match field value: [SECRET field [SECRET] and 'SECRET']":                                                                                               "Provided Grok expressions do not match field value: […]",
		"Unable to find match for dissect pattern: %{a} %{b} against source: SECRET, unquoted":                                                                                                   "Unable to find match for dissect pattern: %{a} %{b}",
		"unable to convert [SECRET] to integer":                                                                                                                                                  "unable to convert […] to integer",
		"field [a] of type [java.lang.Integer] cannot be cast to [java.lang.String]":                                                                                                             "field [a] of type [java.lang.Integer] cannot be cast to [java.lang.String]",
		"'SECRET' is not an IP string literal.":                                                                                                                                                  "'…' is not an IP string literal",
		"[logs][0] primary shard is not active Timeout: [1m], request: [BulkShardRequest [[logs][0]] containing [index {[logs][SECRET], source[{\"a\":[\"SECRET\"],\"b\":77777}]}]]":             "[…]",
		"field name cannot be an empty string":                                                                                                                                                   "field name cannot be an empty string",
		"":                                                                                                                                                                                       "",
		"text that ends in an open [SECRET":                                                                                                                                                      "text that ends in an open […]",
		"a quote that is not closed 'SECRET":                                                                                                                                                     "a quote that is not closed '…'",
	} {
		if got := bulk.Redact(text); got != want {
			t.Errorf("%s\ngot  %q\nwant %q", text, got, want)
		}
	}
}

// Reasons of security name their objects. These are of Elasticsearch 8.19.21 and 9.5.3 and of
// OpenSearch 3.4.0.
func TestReasonsOfSecurityStayWhole(t *testing.T) {
	for _, text := range []string{
		"no permissions for [indices:data/write/bulk[s]] and User [name=shipper, backend_roles=[], requestedTenant=null]",
		"action [indices:data/write/bulk[s]] is unauthorized for API key id [VuaCfGcBCdbkQm-e5aOx] of user [elastic] on indices [logs-x], this action is granted by the index privileges [create_doc,create,delete,index,write,all]",
		"unable to authenticate user [shipper] for REST request [/_bulk]",
	} {
		if got := bulk.RedactOf("security_exception", text); got != text {
			t.Errorf("%s\nbecame %q", text, got)
		}
	}
	if got := bulk.RedactOf("document_parsing_exception", "unable to convert [SECRET] to integer"); strings.Contains(got, "SECRET") {
		t.Errorf("a value survived: %q", got)
	}
	if got := bulk.RedactOf("security_exception", strings.Repeat("x", 1000)); len(got) > 310 {
		t.Errorf("%d bytes are left of 1,000", len(got))
	}
}

// Whatever a value holds, brackets, quotes and Elasticsearch's own words
// included, nothing of it is left.
func TestNoValueCanTalkItsWayThrough(t *testing.T) {
	values := []string{
		"SECRET", "SECRET]", "SECRET] SECRET [", "] field [SECRET", "'SECRET'", "' SECRET", `" SECRET`, "a\nSECRET", "[[SECRET", "x) SECRET",
		"it's SECRET", "field [SECRET]", "] of type [SECRET]", "Preview of field's value SECRET", "[1:2] SECRET", "🔒 SECRET \xff", strings.Repeat("long ", 500) + "SECRET",
	}
	for _, around := range []string{
		"failed to parse field [n] of type [long] in document with id '%s'. Preview of field's value: 'x'",
		"failed to parse field [n] of type [long] in document with id 'a'. Preview of field's value: '%s'",
		"[1:10] failed to parse: [1:20] Unrecognized token '%s': was expecting (JSON String, Number or token 'null')\n at [Source: (byte[])\"%s\"; line: 1]",
		"failed to parse date field [%s] with format [yyyy]",
		"unable to convert [%s] to integer", "[%s]: version conflict, document already exists", `For input string: "%s"`,
		"routing is required for [%s]/[%s]", "Malformed action/metadata line [%s], expected START_OBJECT", "Provided Grok expressions do not match field value: [%s]", "Text '%s' could not be parsed at index 0",
	} {
		for _, value := range values {
			got := bulk.Redact(strings.ReplaceAll(around, "%s", value))
			if strings.Contains(got, "SECRET") {
				t.Errorf("%s with %q became %q", around, value, got)
			}
			if len(got) > 310 || !utf8.ValidString(got) && utf8.ValidString(value) {
				t.Errorf("%s with %q became %d bytes: %q", around, value, len(got), got)
			}
		}
	}
}

// Documents that fail for the same reason must read the same, or they can't be
// counted together.
func TestTheSameFaultReadsTheSame(t *testing.T) {
	first := bulk.Redact("[1:10] failed to parse field [n] of type [long] in document with id 'a'. Preview of field's value: 'x'")
	other := bulk.Redact("[1:777] failed to parse field [n] of type [long] in document with id 'b c'. Preview of field's value: 'y'")
	if first != other {
		t.Errorf("%q is not %q", first, other)
	}
}
