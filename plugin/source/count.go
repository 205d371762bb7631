package source

import (
	"errors"
	"io"

	"out_es/plugin/chunk"
)

// Count returns how many records a chunk holds, and how many values that are no
// events or can't be read.
func Count(data []byte) (records, malformed int) {
	reader := chunk.NewReader(data)
	var e chunk.Event
	for {
		err := reader.Next(&e)
		if err == nil {
			err = reader.Bound(&e)
		}
		switch {
		case errors.Is(err, io.EOF):
			return records, malformed
		case errors.Is(err, chunk.ErrTruncated):
			return records, malformed + 1
		case err != nil:
			malformed++
		case e.Kind == chunk.Log:
			records++
		}
	}
}
