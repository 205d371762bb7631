package security

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/tinylib/msgp/msgp"

	es "out_es/plugin"
	"out_es/test/e2e"
	"out_es/test/faults"
	"out_es/test/host"
)

// secret begins the markers that no log line may have. A marker ends with the number of its case,
// which identifies a leak.
const secret = "SECRET-"

// strictMappings has a field of each kind that can refuse a value.
const strictMappings = `{"settings":{"number_of_replicas":0,"index.mapping.total_fields.limit":60,"index.mapping.depth.limit":6},
"mappings":{"properties":{
  "n":{"type":"long"},"integer":{"type":"integer"},"byte":{"type":"byte"},"double":{"type":"double"},"boolean":{"type":"boolean"},
  "date":{"type":"date"},"format":{"type":"date","format":"yyyy/MM/dd||epoch_second"},"nanos":{"type":"date_nanos"},
  "ip":{"type":"ip"},"point":{"type":"geo_point"},"binary":{"type":"binary"},
  "keyword":{"type":"keyword"},"text":{"type":"text","fielddata":false},"flat":{"type":"flattened"},"vector":{"type":"dense_vector","dims":3},
  "range":{"type":"integer_range"},"dates":{"type":"date_range"},"ips":{"type":"ip_range"},"completion":{"type":"completion"},
  "object":{"properties":{"inner":{"type":"long"}}},"nested":{"type":"nested","properties":{"inner":{"type":"long"}}},
  "strict":{"type":"object","dynamic":"strict","properties":{"known":{"type":"keyword"}}},
  "alias":{"type":"alias","path":"keyword"}}}}`

// leaks are records with the marker where a value is. %s is the marker.
var leaks = []struct{ name, record string }{
	{"text for a number", `{"n":"%s"}`},
	{"text for an integer", `{"integer":"12 %s"}`},
	{"text for a double", `{"double":"1.5e%s"}`},
	{"number with text behind", `{"byte":"1%s"}`},
	{"text for a boolean", `{"boolean":"%s"}`},
	{"text for a date", `{"date":"%s"}`},
	{"date with text behind", `{"date":"2026-11-23T%s"}`},
	{"date in another format", `{"format":"%s 2026"}`},
	{"date with nanoseconds", `{"nanos":"1500-01-01T00:00:00Z %s"}`},
	{"address", `{"ip":"10.0.0.%s"}`},
	{"point", `{"point":"%s"}`},
	{"point of two", `{"point":{"lat":"%s","lon":"x"}}`},
	{"binary", `{"binary":"*%s*"}`},
	{"object for a number", `{"n":{"%s":"%s"}}`},
	{"object for a keyword", `{"keyword":{"inner":"%s"}}`},
	{"object for text", `{"text":{"%s":1}}`},
	{"object for a date", `{"date":{"inner":"%s"}}`},
	{"list of objects for a number", `{"n":[1,{"inner":"%s"}]}`},
	{"scalar for an object", `{"object":"%s"}`},
	{"number inside an object", `{"object":{"inner":"%s"}}`},
	{"list of scalars for an object", `{"object":["%s",{"inner":1}]}`},
	{"scalar for nested", `{"nested":"%s"}`},
	{"number inside nested", `{"nested":[{"inner":"%s"}]}`},
	{"scalar for flattened", `{"flat":"%s"}`},
	{"vector", `{"vector":["%s",1,2]}`},
	{"vector of the wrong length", `{"vector":[1,2],"text":"%s"}`},
	{"range", `{"range":{"gte":"%s"}}`},
	{"range with an unknown bound", `{"range":{"%s":1}}`},
	{"range upside down", `{"range":{"gte":9,"lte":1},"text":"%s"}`},
	{"range of dates", `{"dates":{"gte":"%s"}}`},
	{"range of addresses", `{"ips":"%s/99"}`},
	{"completion", `{"completion":{"input":["a"],"weight":"%s"}}`},
	{"field of an alias", `{"alias":"%s"}`},
	{"long term", `{"keyword":"%s{32766}"}`},
	{"long term that begins with brackets", `{"keyword":"[x] '%s' {32766}"}`},
	{"long term in flattened", `{"flat":{"inner":"%s{32766}"}}`},
	{"long key in flattened", `{"flat":{"%s{32766}":"v"}}`},
	{"brackets and quotes around it", `{"n":"a] b' c\" [%s] '%s' \"%s\" (%s) of type [long]"}`},
	{"words of Elasticsearch around it", `{"n":"Preview of field's value: '' in field [%s] of type [%s] in document with id '%s'"}`},
	{"line breaks around it", `{"date":"\n\n[%s]\nfield [%s]\r\n"}`},
	{"not ASCII around it", `{"ip":"é\u2028%s\u0000"}`},
	{"number too large", `{"n":"99999999999999999999%s"}`},
	{"deep value", `{"object":{"inner":{"a":{"b":{"c":{"d":"%s"}}}}}}`},
	{"many values", `{"integer":["1","2","%s"]}`},
	{"field that a strict mapping has not", `{"strict":{"known":"%s","unknown":"%s"}}`}, // its name stays in the log: bulk.Redact
	{"field inside a field that is text", `{"text.sub":{"inner":"%s"}}`},
	{"one field too many", `{"object":{"a1":1,"a2":1,"a3":1,"a4":1,"a5":1,"a6":1,"a7":1,"a8":1,"a9":1,"b1":1,"b2":1,"b3":1,"b4":1,"b5":1,"b6":1,"b7":1,"b8":1,"b9":1,"c1":1,"c2":1,"c3":1,"c4":1,"c5":1,"c6":1,"c7":1,"c8":1,"c9":1,"d1":1,"d2":1,"d3":1,"d4":1,"d5":1,"d6":1,"d7":1,"d8":1,"d9":1,"e1":1,"e2":1,"e3":1,"e4":1,"e5":1,"%s":1}}`},
	{"whole request refused for it", `{"guilty":true,"text":"%s"}`},
}

// leakOf returns record i of leaks with its markers filled in. Older servers get one of them with
// the marker in the value only, not in the key.
func leakOf(i int) []byte {
	text := leaks[i].record
	if e2e.NewestServer() {
		text = strings.ReplaceAll(text, `"text.sub"`, `"text.%s"`)
	}
	text = strings.ReplaceAll(text, "%s", fmt.Sprintf("%s%d-", secret, i))
	return []byte(strings.ReplaceAll(text, "{32766}", strings.Repeat("x", 32766)))
}

// leakChunk makes one chunk of all leaks. A pattern's {32766} grows to that many bytes.
func leakChunk(t *testing.T) []byte {
	t.Helper()
	var c host.Chunk
	for i, leak := range leaks {
		if err := c.AddJSON(e2e.TimeOf(i), leakOf(i)); err != nil {
			t.Fatalf("%s: %v", leak.name, err)
		}
	}
	return appendOdd(c.Bytes)
}

// appendOdd appends events that no JSON can make, with the marker inside: values that are no
// events, and truncated bytes.
func appendOdd(chunk []byte) []byte {
	marker := fmt.Sprintf("%s%d-", secret, len(leaks))
	chunk = msgp.AppendString(chunk, marker)                                            // no event
	chunk = msgp.AppendString(append(chunk, 0x92), marker)                              // an event whose time is text,
	chunk = msgp.AppendString(append(chunk, 0x80)[:len(chunk)], marker)                 // and whose record is
	chunk = append(append(chunk, 0x92, 0xce, 0, 0, 0, 1, 0x81), "\xa1n\xdb\xff\xff"...) // cut off inside a string
	return chunk
}

// wantNoSecret searches everything that was logged.
func wantNoSecret(t *testing.T, log string) {
	t.Helper()
	for line := range strings.Lines(log) {
		at := strings.Index(line, secret)
		if at < 0 {
			continue
		}
		name := "a chunk that is no chunk"
		var number int
		if _, err := fmt.Sscanf(line[at+len(secret):], "%d-", &number); err == nil && number < len(leaks) {
			name = leaks[number].name
		}
		t.Errorf("%s: the log has a record's value: %.600s", name, line)
	}
}

func TestNoValueOfARecordIsInTheLog(t *testing.T) {
	s := e2e.Cluster(t)
	index := e2e.FreshIndex(t, s)
	if err := s.PutIndex(t.Context(), index, e2e.MappingsFor(t, s, strictMappings)); err != nil {
		t.Fatal(err)
	}
	proxy := e2e.StartFaults(t, s, faults.Options{Guilty: e2e.IsGuilty})
	p := e2e.NewInstance(t, "Hosts "+proxy.URL(), "Index "+index, "Generate_ID on")
	// OpenSearch reports too many fields of a document like those of a template: the record is kept
	// until others were accepted meanwhile.
	want := es.OK
	if e2e.Family(t, s) == "opensearch" {
		want = es.Retry
	}
	if got := p.Flush("app", leakChunk(t)); got != want {
		t.Errorf("the flush answered %d, want %d", got, want)
	}
	p.Close()
	refused := p.Count(" warn]", "were rejected")
	if refused < 15 {
		t.Errorf("%d lines tell of refusals: the test does not reach what it should", refused)
	}
	wantNoSecret(t, p.Log.String())
}

// TestNoSingleLeak has each record alone, so that its reason is not cut off as one too many.
func TestNoSingleLeak(t *testing.T) {
	s := e2e.Cluster(t)
	index := e2e.FreshIndex(t, s)
	if err := s.PutIndex(t.Context(), index, e2e.MappingsFor(t, s, strictMappings)); err != nil {
		t.Fatal(err)
	}
	proxy := e2e.StartFaults(t, s, faults.Options{Guilty: e2e.IsGuilty})
	refused := 0
	for i, leak := range leaks {
		var c host.Chunk
		if err := c.AddJSON(e2e.TimeOf(i), leakOf(i)); err != nil {
			t.Fatal(err)
		}
		p, err := e2e.TryInstance("Hosts "+proxy.URL(), "Index "+index, "Generate_ID on")
		if err != nil {
			t.Fatal(err)
		}
		p.Flush("app", c.Bytes)
		p.Close()
		wantNoSecret(t, p.Log.String())
		refused += p.Count(" warn]", "rejected (status 4")
		for line := range strings.Lines(p.Log.String()) {
			if testing.Verbose() && strings.Contains(line, "rejected (") {
				t.Logf("%s: %s", leak.name, line[strings.Index(line, "rejected ("):])
			}
		}
	}
	if refused < len(leaks)/2 {
		t.Errorf("%d of %d records were refused: the test does not reach what it should", refused, len(leaks))
	}
}

// TestNoFaultLeaks lets every fault quote the request: pages, errors, items.
func TestNoFaultLeaks(t *testing.T) {
	s := e2e.Cluster(t)
	index := e2e.MappedIndex(t, s)
	var c host.Chunk
	for i := range 50 {
		if err := c.AddJSON(e2e.TimeOf(i), fmt.Appendf(nil, `{"n":%d,"text":"%s%d-"}`, i, secret, len(leaks))); err != nil {
			t.Fatal(err)
		}
	}
	proxy := e2e.StartFaults(t, s, faults.Options{Seed: 1})
	p := e2e.NewInstance(t, "Hosts "+proxy.URL(), "Index "+index)
	for _, fault := range []faults.Fault{
		faults.CutBefore, faults.CutAfter, faults.Throttle, faults.Unavailable, faults.ThrottleItems, faults.FailItems, faults.TornAnswer,
		faults.MissingItem, faults.Page, faults.BadGateway, faults.GatewayTimeout, faults.Unauthorized, faults.Forbidden, faults.Redirect,
	} {
		e2e.SetRules(t, proxy, faults.First(2, fault))
		p.MustDeliver(t, bytes.Clone(c.Bytes))
	}
	p.Close()
	wantNoSecret(t, p.Log.String())
}
