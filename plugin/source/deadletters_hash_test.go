package source_test

import (
	"path/filepath"
	"testing"

	"out_es/plugin/deliver"
)

// The ids of dead-letter records name their chunk, which is hashed once for all of them.
func TestDeadLettersHashTheirChunkOnce(t *testing.T) {
	const records = 50
	src := withDeadLetters(t, filepath.Join(t.TempDir(), "dead.ndjson"))
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
