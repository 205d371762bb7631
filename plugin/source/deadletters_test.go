package source

import (
	"strings"
	"testing"

	"out_es/plugin/address"
	"out_es/plugin/bulk"
	"out_es/plugin/chunk"
	"out_es/plugin/deliver"
	"out_es/plugin/document"
	"out_es/plugin/fluentbit/fluentbittest"
	"out_es/plugin/report"
)

// A chunk is read once for the ids of its dead-letter records, however many there
// are: a thousand times 2 MB would take a second.
func TestDeadLetterRecordsOfAChunkHashItOnce(t *testing.T) {
	var paths chunk.Paths
	index, err := address.ParseTemplate("app", &paths)
	if err != nil {
		t.Fatal(err)
	}
	date, err := address.ParseDate("%Y-%m-%dT%H:%M:%S")
	if err != nil {
		t.Fatal(err)
	}
	shared := &Shared{Report: report.New(fluentbittest.NewRecorder("es_go.0").Instance(), report.Options{}), Options: Options{
		Address: address.IndexOptions(index, index), DeadLetterIndex: address.IndexOptions(index, index), DeadLetters: DeadLettersToIndex,
		Document: document.Options{TimeKey: "@timestamp", TimeFormat: date, Paths: &paths},
	}}
	const events = 100
	tag, data := "tag", []byte(strings.Repeat("\x92\x00\x81\xaa@timestamp\x01", events))
	scratch, digests := shared.NewScratch(), 0
	src := shared.New(scratch)
	src.Open(tag, data, func() deliver.Digest {
		digests++
		return deliver.DigestOf(tag, data)
	})
	for round := range 2 {
		scratch.Request.Reset()
		if err := src.Fill(scratch.Request, deliver.Limits{}); err != nil {
			t.Fatal(err)
		}
		positions := scratch.Request.Positions()
		if len(positions) != events {
			t.Fatalf("round %d: %d items", round, len(positions))
		}
		if round > 0 {
			break // they are dead-letter records
		}
		for _, position := range positions {
			if fate := src.Refuse(int(position), deliver.Refusal{Type: bulk.IllegalAction, Error: "no"}); fate != deliver.Redirected {
				t.Fatalf("fate %v", fate)
			}
		}
	}
	if digests != 1 {
		t.Errorf("the chunk was read %d times for %d records", digests, events)
	}
	text, err := scratch.Request.Seal()
	if err != nil || strings.Count(string(text), `"reason"`) != events {
		t.Errorf("%d records, %v", strings.Count(string(text), `"reason"`), err)
	}
}
