package chunk

import (
	"math"
	"strconv"
)

// Floats of a magnitude below plainFrom, or from ExponentFrom on, are written with an exponent.
const (
	plainFrom    = 1e-6
	ExponentFrom = 1e21
)

// AppendFloat writes a float of 32 or 64 bits as encoding/json does (ECMAScript's number to
// string): the shortest digits that read back the same, 1700000000.5 and not 1.7000000005e+09.
// Values that are not finite become NaN, +Inf or -Inf.
func AppendFloat(dst []byte, f float64, bits int) []byte {
	if !hasExponent(math.Abs(f), bits) {
		return strconv.AppendFloat(dst, f, 'f', -1, bits)
	}
	dst = strconv.AppendFloat(dst, f, 'e', -1, bits)
	if n := len(dst); n >= 4 && string(dst[n-4:n-1]) == "e-0" {
		dst[n-2] = dst[n-1] // e-09 becomes e-9
		dst = dst[:n-1]
	}
	return dst
}

// hasExponent reports whether a magnitude is written with an exponent. The lower bound is another
// number in 32 bits.
func hasExponent(abs float64, bits int) bool {
	switch {
	case abs == 0:
		return false
	case bits == 32:
		return float32(abs) < plainFrom || float32(abs) >= ExponentFrom
	}
	return abs < plainFrom || abs >= ExponentFrom
}
