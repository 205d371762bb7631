package host

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestRecordedChunksComeBack(t *testing.T) {
	first, err := Chunks(Nested, time.Unix(7, 0), `{"a":1}`, `{"b":"ü"}`)
	if err != nil {
		t.Fatal(err)
	}
	written := []Recorded{{"kube.a.b", first[0]}, {"empty", Chunk{}}}
	var file, again bytes.Buffer
	for _, to := range []*bytes.Buffer{&file, &again} {
		if err := WriteRecorded(to, written); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(file.Bytes(), again.Bytes()) {
		t.Error("the same chunks gave other bytes")
	}
	whole := file.Bytes()
	read, err := ReadRecorded(bytes.NewReader(whole))
	if err != nil {
		t.Fatal(err)
	}
	if len(read) != 2 || read[0].Tag != "kube.a.b" || !bytes.Equal(read[0].Chunk.Bytes, first[0].Bytes) || read[0].Chunk.Events != 2 || read[1].Chunk.Events != 0 {
		t.Errorf("read back: %+v", read)
	}
	for _, length := range []int{0, 5, len(whole) / 2, len(whole) - 9} {
		if _, err := ReadRecorded(bytes.NewReader(whole[:length])); err == nil {
			t.Errorf("a file cut off after %d of %d bytes is read without an error", length, len(whole))
		}
	}
}

func TestARecordedChunkThatIsNoneIsNamed(t *testing.T) {
	var file bytes.Buffer
	if err := WriteRecorded(&file, []Recorded{{Tag: "a"}, {Tag: "b", Chunk: Chunk{Bytes: []byte{0x92, 0x01}}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadRecorded(&file); err == nil || !strings.Contains(err.Error(), "recorded chunk 2: event 1") {
		t.Errorf("an array that is cut off: %v", err)
	}
}

func TestTheCommittedChunksAreThoseOfTheSample(t *testing.T) {
	file, err := os.Open(filepath.Join("..", "..", "examples", "records", "chunks.msgpack.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	chunks, err := ReadRecorded(file)
	if err != nil {
		t.Fatal(err)
	}
	events, tags := 0, map[string]bool{}
	for _, one := range chunks {
		events += one.Chunk.Events
		tags[one.Tag] = true
	}
	if events != 4999 || len(tags) != 10 || !tags["web.access"] {
		t.Errorf("%d records of %d tags: 4,999 of 8 pods and 2 web logs expected; go run ./examples/record writes them again", events, len(tags))
	}
}
