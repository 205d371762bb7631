package source_test

import (
	"io"
	"path/filepath"
	"testing"

	"out_es/plugin/deadletter"
	"out_es/plugin/deliver"
	"out_es/plugin/fluentbit"
	"out_es/plugin/report"
	"out_es/plugin/settings"
	"out_es/plugin/source"
)

// The ids of dead-letter records name their chunk, which is hashed once for all of them.
func TestDeadLettersHashTheirChunkOnce(t *testing.T) {
	const records = 50
	path := filepath.Join(t.TempDir(), "dead.ndjson")
	file, err := deadletter.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	s, faults := settings.Read(func(name string) string {
		return map[string]string{"Hosts": "localhost", "Dead_Letter_File": path}[name]
	})
	if err := faults.Err(); err != nil {
		t.Fatal(err)
	}
	shared := &source.Shared{Options: s.Source, Report: report.New(fluentbit.Standalone("es_go.0", io.Discard), s.Report), File: file}
	src := shared.New(shared.NewScratch())
	var data []byte
	for n := range records {
		data = append(data, "\x92\x00\x81\xa1a"+string([]byte{byte(n)})...)
	}
	hashed := 0
	src.Open("tag", data, func() deliver.Digest { hashed++; return deliver.DigestOf("tag", data) })
	for range 2 {
		src.Request().Reset()
		if err := src.Fill(src.Request(), deliver.Limits{}); err != nil {
			t.Fatal(err)
		}
		if src.Account().DeadLettered > 0 {
			break
		}
		for n := range records {
			src.Reject(n, deliver.Rejection{Error: "mapper_parsing_exception", Status: 400})
		}
	}
	if n := src.Account().DeadLettered; hashed != 1 || n != records {
		t.Errorf("the chunk was hashed %d times for %d of %d dead-letter records", hashed, n, records)
	}
}
