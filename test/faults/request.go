package faults

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// item is one action of a bulk request with its document, which delete lacks. Both are without
// their line ends.
type item struct {
	action, document []byte
}

// request is a bulk request that was read to its end.
type request struct {
	raw   []byte // as it came
	plain []byte // uncompressed
	items []item
}

// readRequest reads a request's body. Possible errors: the body ends early; it claims to be gzip
// and is not; it is not NDJSON.
func readRequest(r *http.Request) (*request, error) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, fmt.Errorf("faults: reading the request: %w", err)
	}
	plain := raw
	if strings.EqualFold(r.Header.Get("Content-Encoding"), "gzip") {
		if plain, err = unzip(raw); err != nil {
			return nil, fmt.Errorf("faults: reading the request: %w", err)
		}
	}
	items, err := split(plain)
	return &request{raw: raw, plain: plain, items: items}, err
}

func unzip(packed []byte) ([]byte, error) {
	reader, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(reader)
}

var errLines = errors.New("faults: the request is no NDJSON of actions and documents")

// split parses NDJSON into actions and documents.
func split(plain []byte) ([]item, error) {
	if len(plain) == 0 || plain[len(plain)-1] != '\n' {
		return nil, errLines
	}
	lines := bytes.Split(plain[:len(plain)-1], []byte("\n"))
	var items []item
	for len(lines) > 0 {
		operation, _, err := actionOf(lines[0])
		switch {
		case err != nil:
			return nil, fmt.Errorf("%w: %w", errLines, err)
		case operation == "delete":
			items = append(items, item{action: lines[0]})
			lines = lines[1:]
		case len(lines) == 1:
			return nil, errLines
		default:
			items = append(items, item{lines[0], lines[1]})
			lines = lines[2:]
		}
	}
	return items, nil
}

// join writes items as NDJSON.
func join(items []item) []byte {
	var out bytes.Buffer
	for _, i := range items {
		out.Write(i.action)
		out.WriteByte('\n')
		if i.document != nil {
			out.Write(i.document)
			out.WriteByte('\n')
		}
	}
	return out.Bytes()
}
