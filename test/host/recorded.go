package host

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"

	"github.com/tinylib/msgp/msgp"
)

// Recorded is a chunk that a real Fluent Bit handed to an output.
type Recorded struct {
	Tag   string
	Chunk Chunk
}

// ReadRecorded reads the format of WriteRecorded. Possible errors: no gzip, cut off, or anything
// else than tags and chunks; each names the chunk.
func ReadRecorded(r io.Reader) ([]Recorded, error) {
	unzipped, err := gzip.NewReader(r)
	if err != nil {
		return nil, fmt.Errorf("host: recorded chunks: %w", err)
	}
	var all []Recorded
	for reader := msgp.NewReader(unzipped); ; {
		size, err := reader.ReadArrayHeader()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		var one Recorded
		if err == nil && size != 2 {
			err = fmt.Errorf("%d values where a tag and a chunk are expected", size)
		}
		if err == nil {
			one.Tag, err = reader.ReadString()
		}
		if err == nil {
			one.Chunk.Bytes, err = reader.ReadBytes(nil)
		}
		if err == nil {
			one.Chunk.Events, err = countEvents(one.Chunk.Bytes)
		}
		if err != nil {
			return nil, fmt.Errorf("host: recorded chunk %d: %w", len(all)+1, err)
		}
		all = append(all, one)
	}
}

// WriteRecorded writes chunks as gzip of msgpack: an array of tag (str) and chunk (bin) for each.
// The same chunks give the same bytes.
func WriteRecorded(w io.Writer, chunks []Recorded) error {
	zipped, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return err
	}
	for _, one := range chunks {
		text := msgp.AppendString(msgp.AppendArrayHeader(nil, 2), one.Tag)
		if _, err := zipped.Write(msgp.AppendBytes(text, one.Chunk.Bytes)); err != nil {
			return err
		}
	}
	return zipped.Close()
}

// countEvents counts the values of a chunk.
func countEvents(chunk []byte) (n int, err error) {
	for ; len(chunk) > 0; n++ {
		if chunk, err = msgp.Skip(chunk); err != nil {
			return n, fmt.Errorf("event %d: %w", n+1, err)
		}
	}
	return n, nil
}
