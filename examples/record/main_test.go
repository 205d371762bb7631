package main

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/tinylib/msgp/msgp"

	"out_es/test/host"
)

// events returns how often each event stands in the chunks, by tag and bytes: how the events of a
// tag are cut into chunks is a matter of time.
func events(t *testing.T, chunks []host.Recorded) map[string]int {
	t.Helper()
	all := map[string]int{}
	for _, one := range chunks {
		for rest := one.Chunk.Bytes; len(rest) > 0; {
			after, err := msgp.Skip(rest)
			if err != nil {
				t.Fatalf("tag %s: %v", one.Tag, err)
			}
			all[one.Tag+" "+string(rest[:len(rest)-len(after)])]++
			rest = after
		}
	}
	return all
}

func TestFluentBitStillMakesTheCommittedChunks(t *testing.T) {
	program := os.Getenv("FLUENT_BIT")
	if program == "" {
		program = "fluent-bit"
	}
	if _, err := exec.LookPath(program); err != nil {
		t.Skip("no Fluent Bit on PATH or in FLUENT_BIT")
	}
	committed, err := os.ReadFile(filepath.Join("..", "records", "chunks.msgpack.gz"))
	if err != nil {
		t.Fatal(err)
	}
	have, err := host.ReadRecorded(bytes.NewReader(committed))
	if err != nil {
		t.Fatal(err)
	}
	now, err := chunksOf(t.Context(), "..")
	if err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(events(t, have), events(t, now)) {
		t.Error("Fluent Bit makes other records of examples/logs than those in examples/records/chunks.msgpack.gz: `go run ./examples/record` writes them again")
	}
}
