package chunk

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tinylib/msgp/msgp"
)

// Path leads from a record to a value in it: Fluent Bit's record accessor,
// `$kubernetes['labels']['app']` or `$list[0]`.
type Path []step

// step is a key, or an index into an array if the key is nil.
type step struct {
	key   []byte
	index int
}

// ParsePath reads an accessor from the start of text, `$` included, and returns the rest.
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

// CutWord returns the letters, digits and underscores at the start of text, and the rest.
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

// AppendText appends the text of a string, a number or a boolean at the start of b, and of a binary
// that is UTF-8, since old clients send text so. Other types have no text.
func AppendText(dst, b []byte) (out []byte, ok bool) {
	switch msgp.NextType(b) {
	case msgp.StrType:
		s, _, err := msgp.ReadStringZC(b)
		return append(dst, s...), err == nil
	case msgp.BinType:
		s, _, err := msgp.ReadBytesZC(b)
		if err != nil || !utf8.Valid(s) {
			return dst, false
		}
		return append(dst, s...), true
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
		return AppendFloat(dst, f, 64), err == nil
	case msgp.Float32Type:
		f, _, err := msgp.ReadFloat32Bytes(b)
		return AppendFloat(dst, float64(f), 32), err == nil
	}
	return dst, false
}
