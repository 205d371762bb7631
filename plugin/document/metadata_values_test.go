package document_test

import (
	"fmt"
	"testing"

	"out_es/plugin/chunk"
	"out_es/plugin/document"
	"out_es/test/support"
)

// Values that the record lacks come from the places that its document has them from: OTLP's fields
// of the event, then the fields of its group.
func TestValuesMissingInTheRecordAreFoundInMetadata(t *testing.T) {
	group := fields("resource", fields("attributes", fields("service.name", "checkout", "tier", 1)), "scope", fields("name", "lib"), "severity_text", "of the group")
	metadata := fields("more", 1, "otlp", otlp())
	for _, row := range []struct {
		accessor        string
		record          []byte
		metadata, group []byte
		want            string
	}{
		{"$resource['attributes']['service.name']", fields(), metadata, group, "checkout"},
		{"$resource['attributes']['service.name']", fields(), nil, group, "checkout"},
		{"$resource['attributes']['service.name']", fields("resource", fields("attributes", fields("service.name", "own"))), metadata, group, "own"},
		{"$resource['attributes']['service.name']", fields("resource", "text"), metadata, group, "checkout"},
		{"$resource['attributes']['tier']", fields(), metadata, group, "1"},
		{"$scope['name']", fields(), metadata, group, "lib"},
		{"$scope['name']", fields(), metadata, nil, ""},
		{"$severity_text", fields(), metadata, group, "INFO"},
		{"$severity_text", fields(), nil, group, "of the group"},
		{"$severity_text", fields("severity_text", "own"), metadata, group, "own"},
		{"$severity_number", fields(), metadata, nil, "9"},
		{"$attributes['http.status']", fields(), metadata, group, "200"},
		{"$trace_id", fields(), metadata, group, "5b5c5d5e5f606162636465666768696a"},
		{"$span_id", fields(), metadata, nil, "eeeff0f1f2f3f4f5"},
		{"$more", fields(), metadata, group, ""},
		{"$otlp['severity_text']", fields(), metadata, group, ""},
		{"$resource", fields(), metadata, group, ""}, // a map has no text
		{"$resource['attributes'][0]", fields(), metadata, group, ""},
		{"$a", fields(), fields("otlp", 1), fields(), ""},
	} {
		for _, key := range []string{"metadata", ""} {
			paths, n := pathsOf(t, row.accessor, "$missing")
			w := document.NewWriter(document.Options{Paths: paths, MetadataKey: key})
			e := chunk.Event{Record: row.record, Metadata: row.metadata, Group: row.group}
			for range 2 {
				if _, _, err := w.Append(nil, &e); err != nil {
					t.Fatal(err)
				}
				checkText(t, fmt.Sprint(row.accessor, " metadata key ", key), w.Values()[n[0]], row.want)
				checkText(t, "$missing", w.Values()[n[1]], "")
			}
		}
	}
}

// A chunk may have the memory of the chunk before it, as in a spool.
func TestAGroupIsNotTakenForAnotherInItsPlace(t *testing.T) {
	paths, n := pathsOf(t, "$resource['name']")
	w := document.NewWriter(document.Options{Paths: paths})
	memory := fields("resource", fields("name", "a", "more", "b"))
	e := chunk.Event{Record: fields(), Group: memory}
	for _, row := range []struct {
		header []byte // all of one length
		want   string
	}{
		{fields("resource", fields("name", "a", "more", "b")), "a"},
		{fields("resource", fields("more", "a", "name", "b")), "b"},
		{fields("resource", fields("more", "a", "none", "b")), ""},
	} {
		copy(memory, row.header)
		w.Begin("tag")
		for range 2 {
			if _, _, err := w.Append(nil, &e); err != nil {
				t.Fatal(err)
			}
			checkText(t, row.want, w.Values()[n[0]], row.want)
		}
	}
}

func TestCollectingMetadataValuesAllocatesNothing(t *testing.T) {
	paths, _ := pathsOf(t, "$resource['attributes']['service.name']", "$attributes['http.status']", "$trace_id", "$missing")
	w := document.NewWriter(document.Options{Paths: paths, MetadataKey: "metadata"})
	group := fields("resource", fields("attributes", fields("service.name", "checkout")))
	e := chunk.Event{Record: fields("log", "a"), Metadata: fields("otlp", otlp()), Group: group}
	var dst []byte
	write := func() { dst, _, _ = w.Append(dst[:0], &e) }
	write()
	if n := support.Allocations(100, write); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

func BenchmarkBeside(b *testing.B) {
	group := fields("resource", fields("attributes", fields("service.name", "checkout", "host.name", "h", "k8s.pod.name", "checkout-5d8f"), "schema_url", "u"), "scope", fields("name", "lib"))
	e := chunk.Event{Record: fields("log", "a line of a log"), Metadata: fields("otlp", otlp()), Group: group}
	for _, accessor := range []string{"", "$log", "$severity_text", "$resource['attributes']['service.name']", "$missing"} {
		b.Run("accessor "+accessor, func(b *testing.B) {
			var paths *chunk.Paths
			if accessor != "" {
				paths, _ = pathsOf(b, accessor)
			}
			w := document.NewWriter(document.Options{Paths: paths, MetadataKey: "metadata"})
			var dst []byte
			for b.Loop() {
				dst, _, _ = w.Append(dst[:0], &e)
			}
		})
	}
}
