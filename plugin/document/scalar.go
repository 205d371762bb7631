package document

import (
	"encoding/base64"
	"math"
	"strconv"
	"unicode/utf8"

	"out_es/plugin/jsontext"
)

// appendFloat writes a float as encoding/json does (ECMAScript's number to
// string): the shortest digits that read back the same, an exponent only for
// the very small and the very large. NaN and the infinities, which JSON can't
// hold, become null.
func appendFloat(dst []byte, f float64, bits int) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return append(dst, "null"...)
	}
	format := byte('f')
	if abs := math.Abs(f); abs != 0 && outsidePlain(abs, bits) {
		format = 'e'
	}
	dst = strconv.AppendFloat(dst, f, format, -1, bits)
	if n := len(dst); format == 'e' && n >= 4 && dst[n-4] == 'e' && dst[n-3] == '-' && dst[n-2] == '0' {
		dst[n-2] = dst[n-1] // e-09 is e-9
		dst = dst[:n-1]
	}
	return dst
}

// outsidePlain says whether a magnitude is written with an exponent.
func outsidePlain(abs float64, bits int) bool {
	if bits == 32 {
		return float32(abs) < 1e-6 || float32(abs) >= 1e21
	}
	return abs < 1e-6 || abs >= 1e21
}

// appendBinary writes bytes as a string: as they are where they are UTF-8, in
// base64 where they are not.
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
