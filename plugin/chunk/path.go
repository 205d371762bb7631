package chunk

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/tinylib/msgp/msgp"
)

// Path leads from a record to a value in it: Fluent Bit's record accessor,
// `$kubernetes['labels']['app']` or `$list[0]`.
type Path []step

// step is a key, or where the key is nil an index into an array.
type step struct {
	key   []byte
	index int
}

// ParsePath reads an accessor from the start of text, `$` included, and
// returns what follows it.
func ParsePath(text string) (path Path, rest string, err error) {
	word, rest := CutWord(strings.TrimPrefix(text, "$"))
	if word != "" {
		path = append(path, step{key: []byte(word)})
	}
	for strings.HasPrefix(rest, "[") {
		inner, after, found := strings.Cut(rest[1:], "]")
		if found && strings.HasPrefix(inner, "'") {
			inner, after, found = strings.Cut(rest[2:], "']")
			path = append(path, step{key: []byte(inner)})
		} else {
			index, e := strconv.ParseUint(inner, 10, 31)
			found = found && e == nil
			path = append(path, step{index: int(index)})
		}
		if !found {
			return nil, text, fmt.Errorf("chunk: %q is no record accessor: write $key['inner'] or $list[0]", text)
		}
		rest = after
	}
	if len(path) == 0 || path[0].key == nil {
		return nil, text, fmt.Errorf("chunk: %q is no record accessor: a key must follow the $", text)
	}
	return path, rest, nil
}

// CutWord returns the letters, digits and underscores that text starts with,
// and what follows them.
func CutWord(text string) (word, rest string) {
	n := 0
	for n < len(text) && isWord(text[n]) {
		n++
	}
	return text[:n], text[n:]
}

func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// Lookup returns the msgpack value that p leads to from value, running on to
// the chunk's end, or nil where there is none.
func (p Path) Lookup(value []byte) []byte {
	for _, s := range p {
		if s.key == nil {
			value = element(value, s.index)
		} else {
			value = member(value, s.key)
		}
		if value == nil {
			return nil
		}
	}
	return value
}

// member returns the value of key in the map at the start of b. Of a key that
// stands twice the first counts.
func member(b, key []byte) []byte {
	if !isMap(b) {
		return nil
	}
	n, b, err := msgp.ReadMapHeaderBytes(b)
	for ; err == nil && n > 0; n-- {
		var name []byte
		if msgp.NextType(b) != msgp.StrType {
			b, err = Skip(b)
		} else {
			name, b, err = msgp.ReadStringZC(b)
		}
		if err == nil && name != nil && string(name) == string(key) && len(b) > 0 {
			return b
		}
		if err == nil {
			b, err = Skip(b)
		}
	}
	return nil
}

func element(b []byte, index int) []byte {
	if msgp.NextType(b) != msgp.ArrayType {
		return nil
	}
	n, b, err := msgp.ReadArrayHeaderBytes(b)
	if err != nil || uint64(index) >= uint64(n) {
		return nil
	}
	for ; err == nil && index > 0; index-- {
		b, err = Skip(b)
	}
	if err != nil || len(b) == 0 {
		return nil
	}
	return b
}

// AppendText appends the text of a string, a number or a switch at the start
// of b. Other types have none.
func AppendText(dst, b []byte) (out []byte, ok bool) {
	switch msgp.NextType(b) {
	case msgp.StrType:
		s, _, err := msgp.ReadStringZC(b)
		return append(dst, s...), err == nil
	case msgp.BoolType:
		v, _, err := msgp.ReadBoolBytes(b)
		return strconv.AppendBool(dst, v), err == nil
	case msgp.IntType:
		i, _, err := msgp.ReadInt64Bytes(b)
		return strconv.AppendInt(dst, i, 10), err == nil
	case msgp.UintType:
		u, _, err := msgp.ReadUint64Bytes(b)
		return strconv.AppendUint(dst, u, 10), err == nil
	case msgp.Float64Type:
		f, _, err := msgp.ReadFloat64Bytes(b)
		return appendFloat(dst, f, 64), err == nil
	case msgp.Float32Type:
		f, _, err := msgp.ReadFloat32Bytes(b)
		return appendFloat(dst, float64(f), 32), err == nil
	}
	return dst, false
}

// appendFloat writes a float as people do, and as it stands in the document:
// 1700000000.5 and not 1.7000000005e+09. Far from 1 the exponent is shorter.
func appendFloat(dst []byte, f float64, bits int) []byte {
	format := byte('f')
	if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'g'
	}
	return strconv.AppendFloat(dst, f, format, -1, bits)
}
