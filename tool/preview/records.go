package preview

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/tinylib/msgp/msgp"
)

// Chunk is records of one tag in Fluent Bit's layout, as an output gets them.
type Chunk struct {
	Tag  string
	Data []byte
	// Where tells for each value of Data, by its position, where it comes from; positions behind
	// its end count on from Name.
	Where []string
	Name  string
}

// where is the origin of the event at position.
func (c *Chunk) where(position int) string {
	if position < len(c.Where) {
		return c.Where[position]
	}
	return fmt.Sprintf("%s: event %d", c.Name, position+1)
}

// chunkBytes is how large a chunk of Fluent Bit's becomes.
const chunkBytes = 2 << 20

// Defaults are for records that do not say it themselves.
type Defaults struct {
	Tag  string
	Time time.Time
	Maps Maps
}

// Maps is the form in which an input writes the maps of a record and its metadata, which generated
// ids depend on. Maps within are short in both.
type Maps uint8

const (
	// LongMaps have a head of five bytes, as those of tail.
	LongMaps Maps = iota
	// ShortMaps have the shortest head, as those of dummy and of many filters.
	ShortMaps
)

// Read reads records and passes them on in chunks: a file of Fluent Bit's storage, or JSON lines.
// name is that of the input. Lines that are no records go to problem.
//
// Possible errors: those of in and of each.
func Read(in io.Reader, name string, d Defaults, problem func(where string, err error), each func(*Chunk) error) error {
	buffered := bufio.NewReaderSize(in, 1<<20)
	head, err := buffered.Peek(2)
	if len(head) == 2 && head[0] == 0xc1 && head[1] == 0 {
		return readStorage(buffered, name, each)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return readLines(buffered, name, d, problem, each)
}

// A file of Fluent Bit's storage, big endian (chunkio's cio_file_st.h, and flb_input_chunk.c for
// the metadata):
//
//	 0  2  0xc1 0x00
//	10  4  bytes of the content, 0 in files of older versions
//	22  2  bytes of the metadata
//	24     metadata: 0xf1 0x77, type, flags, tag, and in newer versions a zero and routes
//	       content
const (
	lengthAt    = 10
	metadataAt  = 22
	storageHead = 24
	tagAt       = 4
	logs        = 0
)

func readStorage(in io.Reader, name string, each func(*Chunk) error) error {
	b, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	if len(b) < storageHead {
		return fmt.Errorf("%s: it ends within the head of a chunk", name)
	}
	length := int(binary.BigEndian.Uint32(b[lengthAt:]))
	metadata := int(binary.BigEndian.Uint16(b[metadataAt:]))
	rest := b[storageHead:]
	if len(rest) < metadata {
		return fmt.Errorf("%s: it ends within the metadata of a chunk", name)
	}
	about, content := rest[:metadata], rest[metadata:]
	c := &Chunk{Name: name}
	switch {
	case metadata >= tagAt && about[0] == 0xf1 && about[1] == 0x77:
		if about[2] != logs {
			return fmt.Errorf("%s: the chunk holds metrics or traces, not logs", name)
		}
		tag, _, _ := bytes.Cut(about[tagAt:], []byte{0})
		c.Tag = string(tag)
	default: // before Fluent Bit 1.8
		c.Tag = string(bytes.TrimRight(about, "\x00"))
	}
	if length == 0 {
		content = bytes.TrimRight(content, "\x00")
	} else {
		content = content[:min(length, len(content))]
	}
	c.Data = content
	return each(c)
}

func readLines(in *bufio.Reader, name string, d Defaults, problem func(string, error), each func(*Chunk) error) error {
	c := &Chunk{Name: name}
	flush := func() error {
		if len(c.Data) == 0 {
			return nil
		}
		err := each(c)
		c = &Chunk{Name: name}
		return err
	}
	for number := 1; ; number++ {
		line, err := in.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		ended := err != nil
		where := fmt.Sprintf("%s:%d", name, number)
		if line = bytes.TrimSpace(line); len(line) > 0 {
			event, tag, values, err := encode(line, d)
			if err != nil {
				problem(where, err)
			} else {
				if tag != c.Tag || len(c.Data)+len(event) > chunkBytes {
					if err := flush(); err != nil {
						return err
					}
					c.Tag = tag
				}
				c.Data = append(c.Data, event...)
				for range values {
					c.Where = append(c.Where, where)
				}
			}
		}
		if ended {
			return flush()
		}
	}
}

// envelope are the fields of a line that holds a record with its surroundings.
var envelope = map[string]bool{"time": true, "tag": true, "metadata": true, "group": true, "record": true}

// encode turns a line into an event, with the markers of its group around it: values are as many.
//
// Possible errors: the line is no JSON object, or its time is none.
func encode(line []byte, d Defaults) (event []byte, tag string, values int, err error) {
	fields, order, err := members(line)
	if err != nil {
		return nil, "", 0, err
	}
	tag = d.Tag
	at := d.Time
	record, metadata, group := line, []byte(nil), []byte(nil)
	if inner, ok := fields["record"]; ok && isObject(inner) && known(order) {
		record, metadata, group = inner, fields["metadata"], fields["group"]
		if text, ok := fields["tag"]; ok {
			if err := json.Unmarshal(text, &tag); err != nil {
				return nil, "", 0, errors.New("its tag is not a text")
			}
		}
		if text, ok := fields["time"]; ok {
			if at, err = timeOf(text); err != nil {
				return nil, "", 0, err
			}
		}
	}
	for name, text := range map[string][]byte{"metadata": metadata, "group": group} {
		if len(text) > 0 && !isObject(text) {
			return nil, "", 0, fmt.Errorf("its %s is not an object", name)
		}
	}
	values = 1
	if len(group) > 0 {
		if event, err = appendEvent(event, d.Maps, 0xFFFFFFFF, 0, nil, group); err != nil {
			return nil, "", 0, err
		}
		values = 3
	}
	if event, err = appendEvent(event, d.Maps, uint32(at.Unix()), uint32(at.Nanosecond()), metadata, record); err != nil {
		return nil, "", 0, err
	}
	if len(group) > 0 {
		event, err = appendEvent(event, d.Maps, 0xFFFFFFFE, 0, nil, []byte("{}"))
	}
	return event, tag, values, err
}

func known(names []string) bool {
	for _, name := range names {
		if !envelope[name] {
			return false
		}
	}
	return true
}

func isObject(text []byte) bool { return len(text) > 0 && text[0] == '{' }

// members are the fields of an object, and their names in order.
func members(line []byte) (fields map[string][]byte, order []string, err error) {
	if !json.Valid(line) {
		var target any
		return nil, nil, fmt.Errorf("it is no JSON: %w", json.Unmarshal(line, &target))
	}
	if !isObject(line) {
		return nil, nil, errors.New("it is no record: a JSON object is wanted on each line")
	}
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(line, &raw); err != nil {
		return nil, nil, err
	}
	fields = map[string][]byte{}
	for name, text := range raw {
		fields[name], order = text, append(order, name)
	}
	return fields, order, nil
}

// timeOf reads a time: RFC 3339, or seconds since 1970 with up to nine decimals.
func timeOf(text []byte) (time.Time, error) {
	var word string
	if json.Unmarshal(text, &word) == nil {
		if t, err := time.Parse(time.RFC3339Nano, word); err == nil {
			return t, nil
		}
	} else {
		word = string(text)
	}
	whole, fraction, _ := strings.Cut(word, ".")
	seconds, err := strconv.ParseInt(whole, 10, 64)
	nanos, err2 := strconv.ParseInt((fraction + "000000000")[:9], 10, 64)
	if err != nil || err2 != nil || seconds < 0 || seconds > math.MaxUint32-2 {
		return time.Time{}, fmt.Errorf("its time %s must be RFC 3339, such as 2026-11-28T06:00:00.5Z, or seconds since 1970", text)
	}
	return time.Unix(seconds, nanos), nil
}

// appendEvent appends [[time, metadata], record] as Fluent Bit writes it.
func appendEvent(dst []byte, maps Maps, seconds, nanos uint32, metadata, record []byte) ([]byte, error) {
	dst = append(dst, 0x92, 0x92, 0xd7, 0)
	dst = binary.BigEndian.AppendUint32(dst, seconds)
	dst = binary.BigEndian.AppendUint32(dst, nanos)
	var err error
	if len(metadata) == 0 {
		metadata = []byte("{}")
	}
	if dst, err = appendMap(dst, maps, metadata); err != nil {
		return nil, err
	}
	return appendMap(dst, maps, record)
}

// appendMap appends a JSON object in one of the forms.
func appendMap(dst []byte, maps Maps, text []byte) ([]byte, error) {
	short, err := appendJSON(nil, text)
	if err != nil || maps == ShortMaps {
		return append(dst, short...), err
	}
	n, rest, err := msgp.ReadMapHeaderBytes(short)
	if err != nil {
		return dst, err
	}
	return append(binary.BigEndian.AppendUint32(append(dst, 0xdf), n), rest...), nil
}

// appendJSON appends a JSON value as msgpack, in the shortest forms and with the keys in their
// order, as Fluent Bit's JSON parser does.
func appendJSON(dst, text []byte) ([]byte, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	return appendValue(dst, decoder)
}

func appendValue(dst []byte, decoder *json.Decoder) ([]byte, error) {
	token, err := decoder.Token()
	if err != nil {
		return dst, err
	}
	switch value := token.(type) {
	case json.Delim:
		n, inner := uint32(0), []byte(nil)
		for decoder.More() {
			if value == '{' {
				key, err := decoder.Token()
				if err != nil {
					return dst, err
				}
				inner = msgp.AppendString(inner, key.(string))
			}
			if inner, err = appendValue(inner, decoder); err != nil {
				return dst, err
			}
			n++
		}
		if _, err := decoder.Token(); err != nil { // the bracket
			return dst, err
		}
		if value == '{' {
			return append(msgp.AppendMapHeader(dst, n), inner...), nil
		}
		return append(msgp.AppendArrayHeader(dst, n), inner...), nil
	case json.Number:
		return appendNumber(dst, string(value)), nil
	case string:
		return msgp.AppendString(dst, value), nil
	case bool:
		return msgp.AppendBool(dst, value), nil
	}
	return msgp.AppendNil(dst), nil
}

func appendNumber(dst []byte, text string) []byte {
	if !strings.ContainsAny(text, ".eE") {
		if n, err := strconv.ParseUint(text, 10, 64); err == nil {
			return msgp.AppendUint64(dst, n)
		}
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return msgp.AppendInt64(dst, n)
		}
	}
	f, _ := strconv.ParseFloat(text, 64) // an infinity where it is too large
	return msgp.AppendFloat64(dst, f)
}
