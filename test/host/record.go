package host

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	jsoniter "github.com/json-iterator/go"
	"github.com/tinylib/msgp/msgp"
)

// AppendJSON appends one JSON object as msgpack, as Fluent Bit's JSON parser does. Keys keep their
// order and their repetitions; whole numbers are integers if 64 bits hold them, other numbers are
// 64-bit floats; strings are the same bytes.
//
// Errors: object is not exactly one JSON object, or a number in it is larger than a float can be;
// dst comes back as it was.
func AppendJSON(dst, object []byte) ([]byte, error) {
	if !json.Valid(object) { // jsoniter lets a missing bracket, leading zeros and more pass
		return dst, errors.New("host: a record is one JSON object; this is not JSON")
	}
	it := jsoniter.ConfigDefault.BorrowIterator(object)
	defer jsoniter.ConfigDefault.ReturnIterator(it)
	if it.WhatIsNext() != jsoniter.ObjectValue {
		return dst, errors.New("host: a record is a JSON object: {…}")
	}
	out := appendValue(dst, it)
	if it.Error != nil && it.Error != io.EOF {
		return dst, fmt.Errorf("host: not a record: %w", it.Error)
	}
	return out, nil
}

// appendValue appends the iterator's next value; faults are left in it.Error.
func appendValue(dst []byte, it *jsoniter.Iterator) []byte {
	switch it.WhatIsNext() {
	case jsoniter.StringValue:
		return msgp.AppendString(dst, it.ReadString())
	case jsoniter.NumberValue:
		return appendNumber(dst, it)
	case jsoniter.BoolValue:
		return msgp.AppendBool(dst, it.ReadBool())
	case jsoniter.NilValue:
		it.ReadNil()
		return msgp.AppendNil(dst)
	case jsoniter.ArrayValue:
		at, count := len(dst), uint32(0)
		dst = append(dst, 0)
		it.ReadArrayCB(func(it *jsoniter.Iterator) bool {
			dst = appendValue(dst, it)
			count++
			return it.Error == nil || it.Error == io.EOF
		})
		return setHeader(dst, at, msgp.AppendArrayHeader(nil, count))
	case jsoniter.ObjectValue:
		at, count := len(dst), uint32(0)
		dst = append(dst, 0)
		it.ReadMapCB(func(it *jsoniter.Iterator, key string) bool {
			dst = appendValue(msgp.AppendString(dst, key), it)
			count++
			return it.Error == nil || it.Error == io.EOF
		})
		return setHeader(dst, at, msgp.AppendMapHeader(nil, count))
	default:
		it.ReportError("record", "a value was expected") // can't be: it was checked
		return dst
	}
}

// setHeader puts a header where one byte was left for it: how many elements follow is known only
// after them.
func setHeader(dst []byte, at int, header []byte) []byte {
	dst[at] = header[0]
	return slices.Insert(dst, at+1, header[1:]...)
}

func appendNumber(dst []byte, it *jsoniter.Iterator) []byte {
	text := string(it.ReadNumber())
	if !strings.ContainsAny(text, ".eE") {
		if i, err := strconv.ParseInt(text, 10, 64); err == nil && i < 0 {
			return msgp.AppendInt64(dst, i)
		}
		if u, err := strconv.ParseUint(strings.TrimPrefix(text, "-"), 10, 64); err == nil && (u == 0 || text[0] != '-') {
			return msgp.AppendUint64(dst, u)
		}
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		it.ReportError("record", err.Error())
	}
	return msgp.AppendFloat64(dst, f)
}
