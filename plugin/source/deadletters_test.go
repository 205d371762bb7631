package source_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"out_es/plugin/bulk"
	"out_es/plugin/deadletter"
	"out_es/plugin/deliver"
	"out_es/plugin/fluentbit"
	"out_es/plugin/report"
	"out_es/plugin/settings"
	"out_es/plugin/source"
)

// withDeadLetters returns a source that writes its dead-letter records into a file.
func withDeadLetters(t *testing.T, path string) *source.Source {
	t.Helper()
	file, err := deadletter.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	s, faults := settings.Read(func(name string) string {
		return map[string]string{"Hosts": "localhost", "Dead_Letter_File": path}[name]
	})
	if err := faults.Err(); err != nil {
		t.Fatal(err)
	}
	shared := &source.Shared{Options: s.Source, Report: report.New(fluentbit.Standalone("es_go.0", io.Discard), s.Report), File: file}
	return shared.New(shared.NewScratch())
}

// A source of the spool's outlives a file that can't be written for a while:
// then each record is there once, and counted once.
func TestADeadLetterThatCouldNotBeWrittenIsWrittenOnce(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip(err)
	}
	path := filepath.Join(t.TempDir(), "dead.ndjson")
	if err := os.Symlink("/dev/full", path); err != nil {
		t.Fatal(err)
	}
	src := withDeadLetters(t, path)
	data := []byte("\x92\x00\x81\xa1a\x01\x92\x00\x81\xa1a\x02")
	src.Open("tag", data, func() deliver.Digest { return deliver.DigestOf("tag", data) })
	fill := func() error {
		src.Request().Reset()
		return src.Fill(src.Request(), deliver.Limits{})
	}
	if err := fill(); err != nil {
		t.Fatal(err)
	}
	src.Settle(0, bulk.Accepted)
	if fate := src.Reject(1, deliver.Rejection{Error: "mapper_parsing_exception", Status: 400}); fate != deliver.DeadLettered {
		t.Fatalf("disposition %d", fate)
	}
	for range 3 {
		if err := fill(); !errors.Is(err, deliver.ErrLeft) {
			t.Fatalf("the device is full, and there is no error but %v", err)
		}
	}
	if err := os.Remove(path); err != nil { // the next write begins a file of its own
		t.Fatal(err)
	}
	if err := fill(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n, account := strings.Count(string(text), "\n"), src.Account(); n != 1 || account.DeadLettered != 1 || account.Received != account.Ended() {
		t.Errorf("%d records in the file, account %+v", n, account)
	}
}
