package document

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"math"
	"strconv"
	"unicode/utf8"

	"out_es/plugin/chunk"
	"out_es/plugin/jsontext"
)

// appendFloat writes a float as a value: chunk.AppendFloat's text, with a fraction if it is whole.
// Elasticsearch's dynamic mapping makes a long of a field that begins with 1, and truncates all
// later values; of 1.0 and 1e+21 it makes a float. NaN and the infinities, which JSON can't hold,
// become null.
func appendFloat(dst []byte, f float64, bits int) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return append(dst, "null"...)
	}
	dst = chunk.AppendFloat(dst, f, bits)
	if f == math.Trunc(f) && math.Abs(f) < chunk.ExponentFrom {
		dst = append(dst, ".0"...)
	}
	return dst
}

// appendBinary writes bytes as a string: unchanged if they are UTF-8, else in base64.
func appendBinary(dst, b []byte) []byte {
	if utf8.Valid(b) {
		return jsontext.AppendString(dst, b)
	}
	return appendBase64(dst, b)
}

func appendBase64(dst, b []byte) []byte {
	dst = append(dst, '"')
	dst = base64.StdEncoding.AppendEncode(dst, b)
	return append(dst, '"')
}

// extension writes an ext type: Fluent Bit's event time (type 0, 8 bytes) as a number of seconds,
// as Fluent Bit's own JSON formats do (json_date_format double), any other as the base64 of its
// bytes.
//
// Possible errors: chunk.ErrTruncated.
func extension(dst, b []byte) (out, rest []byte, err error) {
	rest, err = chunk.Skip(b)
	if err != nil {
		return dst, nil, err
	}
	kind, data := extensionData(b[:len(b)-len(rest)])
	if kind == 0 && len(data) == 8 {
		seconds, nanos := binary.BigEndian.Uint32(data), binary.BigEndian.Uint32(data[4:])
		return appendSeconds(dst, seconds, nanos), rest, nil
	}
	return appendBase64(dst, data), rest, nil
}

// extensionData splits a whole ext value. The type of a fixext (0xd4 to 0xd8) follows its lead
// byte, that of ext 8, 16 and 32 (0xc7 to 0xc9) its length.
func extensionData(b []byte) (kind int8, data []byte) {
	at := 1
	if b[0] <= 0xc9 {
		at += 1 << (b[0] - 0xc7)
	}
	return int8(b[at]), b[at+1:]
}

// appendSeconds writes a time as a number, exact to the last digit: a 64-bit float would lose the
// last hundreds of nanoseconds. Whole seconds get a fraction, like whole floats.
func appendSeconds(dst []byte, seconds, nanos uint32) []byte {
	dst = strconv.AppendUint(dst, uint64(seconds)+uint64(nanos/1e9), 10)
	if nanos %= 1e9; nanos == 0 {
		return append(dst, ".0"...)
	}
	dst = appendFraction(append(dst, '.'), nanos, 9)
	return bytes.TrimRight(dst, "0")
}

// appendFraction writes n, which has at most nine digits, with leading zeros.
func appendFraction(dst []byte, n uint32, digits int) []byte {
	dst = append(dst, "000000000"[:digits]...)
	for i := len(dst) - 1; n > 0; i-- {
		dst[i] = '0' + byte(n%10)
		n /= 10
	}
	return dst
}
