package bulk_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"out_es/plugin/bulk"
)

// fields are an object's, in order, those that come twice included, which a Go
// map would hide.
type fields []field

type field struct {
	key   string
	value json.RawMessage
}

func (f *fields) UnmarshalJSON(text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	if token, err := d.Token(); err != nil || token != json.Delim('{') {
		return errors.Join(err, errors.New("not an object"))
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return err
		}
		*f = append(*f, field{key.(string), value})
	}
	return nil
}

// reference is encoding/json's reading of an answer. It defines the rules that are not obvious:
// duplicate items are no answer; each item has one action; of duplicate statuses the last counts; a
// status that is not a whole number of at most nine digits is none.
func reference(text []byte) (statuses []int, ok bool) {
	var answer fields
	if err := json.NewDecoder(bytes.NewReader(text)).Decode(&answer); err != nil {
		return nil, false
	}
	var items []fields
	found := 0
	for _, f := range answer {
		if f.key == "items" {
			found++
			if err := json.Unmarshal(f.value, &items); err != nil || items == nil {
				return nil, false
			}
		}
	}
	for _, item := range items {
		var action fields
		if len(item) != 1 || json.Unmarshal(item[0].value, &action) != nil || item[0].value[0] != '{' {
			return nil, false
		}
		status := 0
		for _, f := range action {
			if f.key != "status" {
				continue
			}
			if status = 0; json.Unmarshal(f.value, &status) != nil || status < 0 || status > 999_999_999 {
				status = 0
			}
		}
		statuses = append(statuses, status)
	}
	return statuses, found == 1
}

// longNumber matches numbers of more than 64 bytes: legal JSON that no answer contains, and that
// the reader rejects, as it does values more than 64 deep.
var longNumber = regexp.MustCompile(`[-+.0-9eE]{60,}`)

func beyondLimits(text []byte) bool {
	depth, deepest := 0, 0
	for _, c := range text {
		switch c {
		case '{', '[':
			depth++
			deepest = max(deepest, depth)
		case '}', ']':
			depth--
		}
	}
	return deepest > 60 || longNumber.Match(text)
}

func FuzzAnswer(f *testing.F) {
	// Short seeds: Go minimizes each finding for up to a minute, and does nothing else with the
	// real answers of 1 KB for as long.
	f.Add([]byte(`{"items":[` + healthy + `,{"index":{"status":200,"status":201}}]}`))
	f.Add([]byte("{\"errors\" : true,\n \"items\" : [ {\"create\" : {\"status\" : 409, \"error\" : {\"type\" : \"t\"} } } ] }\n"))
	f.Add([]byte(`{"items":[],"items":[` + healthy + `]}`))
	f.Add([]byte(`{"items":[{"create":{"error":"é\ud83d","status":-1.5e3}}]} x`))
	f.Add([]byte(`{"x":[[{"a":null}]],"items":[{"a":{"error":{"reason":1,"caused_by":{"x":[true]}}}}]}`))
	f.Add([]byte("<html>"))
	reader := new(bulk.AnswerReader)
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := read(reader, bytes.NewReader(text))
		want, ok := reference(text)
		switch {
		case ok && err == nil && !slices.Equal(statuses(got), want):
			t.Errorf("statuses %v, encoding/json has %v", statuses(got), want)
		case ok && err != nil && !beyondLimits(text):
			t.Errorf("encoding/json reads it, this reader says %v", err)
		case !ok && err == nil:
			t.Errorf("encoding/json doesn't read it, this reader made %v of it", statuses(got))
		}
		if ok && err != nil && !slices.Equal(statuses(got), want[:len(got)]) {
			t.Errorf("before the error %v, which is no beginning of %v", statuses(got), want)
		}
		again, _ := read(reader, iotest.OneByteReader(bytes.NewReader(text)))
		if !slices.Equal(again, got) {
			t.Errorf("byte by byte %v, at once %v", again, got)
		}
		cut, err := read(reader, io.LimitReader(bytes.NewReader(text), int64(len(text)/2)))
		if len(cut) > len(got) || !slices.Equal(cut, got[:len(cut)]) {
			t.Errorf("of one half %v (%v), of all %v", cut, err, got)
		}
		for _, item := range got {
			if len(item.Reason) > 1<<10 || strings.ToValidUTF8(item.Reason, "") != item.Reason {
				t.Errorf("reason %q", item.Reason)
			}
		}
	})
}
