package records

import (
	"bytes"
	"encoding/json"
	"hash/crc32"
	"os"
	"path/filepath"
	"testing"
	"time"

	"out_es/test/support"
)

// TestRecordsAreTheSameEverywhere compares the bytes with those of earlier measurements.
func TestRecordsAreTheSameEverywhere(t *testing.T) {
	for name, row := range map[string]struct {
		make Maker
		want uint32
	}{
		"kubernetes": {Kubernetes, kubernetesSum},
		"flat":       {Flat(20), flatSum},
	} {
		var all []byte
		for i := range 1000 {
			all = row.make(all, i%3, i)
		}
		if got := crc32.ChecksumIEEE(all); got != row.want {
			t.Errorf("%s: checksum %#x, want %#x: figures can't be compared with earlier ones any more", name, got, row.want)
		}
		for line := range bytes.Lines(all) {
			if !json.Valid(line) {
				t.Fatalf("%s: not JSON: %s", name, line)
			}
		}
		if each := len(all) / 1000; name == "kubernetes" && (each < 750 || each > 850) {
			t.Errorf("a record has %d bytes, which is not about 800", each)
		}
	}
}

func TestFlatHasThatManyFields(t *testing.T) {
	for _, want := range []int{5, 500} {
		var record map[string]any
		if err := json.Unmarshal(Flat(want)(nil, 0, 7), &record); err != nil || len(record) != want {
			t.Errorf("%d fields, want %d: %v", len(record), want, err)
		}
	}
}

func TestLargeIsLarge(t *testing.T) {
	line := Large(1<<20)(nil, 0, 0)
	if !json.Valid(line) || len(line) < 1<<20 || len(line) > 1<<20+100 {
		t.Errorf("%d bytes, valid %v", len(line), json.Valid(line))
	}
}

func TestWriteSpreadsRecordsOverFiles(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "logs")
	size, err := Write(folder, 10, 3, Kubernetes)
	if err != nil {
		t.Fatal(err)
	}
	if lines, bytes := count(t, folder); lines != 10 || bytes != size {
		t.Errorf("%d lines of %d bytes, want 10 of %d", lines, bytes, size)
	}
}

func TestSteadyWritingStopsWhenAsked(t *testing.T) {
	support.LongForm(t)
	folder := t.TempDir()
	w, err := WriteSteadily(t.Context(), folder, 1000, 2)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(500 * time.Millisecond) // a rate needs time to pass
	wrote := w.Stop()
	if lines, _ := count(t, folder); lines != wrote || wrote < 100 || wrote > 700 {
		t.Errorf("%d lines, %d written, at 1,000 a second for half a second", lines, wrote)
	}
}

func count(t *testing.T, folder string) (lines int, size int64) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(folder, "*.log"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		lines += bytes.Count(text, []byte("\n"))
		size += int64(len(text))
	}
	return lines, size
}

const (
	kubernetesSum = 0xd30cd474
	flatSum       = 0x581d4e20
)
