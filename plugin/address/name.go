package address

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

// Maximum lengths of names, in bytes: an index may have 255 (MetadataCreateIndexService); 25 of
// those of a data stream's backing index, `.ds-NAME-2026.11.23-000001`, are not the name's own.
// Dataset and namespace may have 100 each (Elastic's data stream naming scheme).
const (
	maxIndexBytes      = 255
	maxDataStreamBytes = 230
	maxPartBytes       = 100
)

// forbidden marks the bytes that an index name must not contain.
var forbidden = func() (table [256]bool) {
	for c := range 0x21 {
		table[c] = true // control characters and the space
	}
	for _, c := range []byte("\\/*?\"<>|,#:\x7f") {
		table[c] = true
	}
	return table
}()

// sanitize makes name a legal index name, in place if possible: lower case, an underscore for each
// forbidden character, no leading `-`, `_` or `+`, at most longest bytes, cut at a character. The
// result is empty if no legal character remains. It needs no escaping in JSON.
func sanitize(name []byte, longest int) []byte {
	ascii := true
	for i, c := range name {
		switch {
		case c >= utf8.RuneSelf:
			ascii = false
		case forbidden[c]:
			name[i] = '_'
		case c >= 'A' && c <= 'Z':
			name[i] = c + 'a' - 'A'
		}
	}
	if !ascii {
		name = sanitizeRunes(name)
	}
	name = bytes.TrimLeft(name, "-_+")
	name = truncate(name, longest)
	if string(name) == "." || string(name) == ".." {
		return nil
	}
	return name
}

// truncate cuts text to at most longest bytes, at a character.
func truncate(text []byte, longest int) []byte {
	if len(text) <= longest {
		return text
	}
	for longest > 0 && !utf8.RuneStart(text[longest]) {
		longest--
	}
	return text[:longest]
}

// sanitizeRunes is the slow path, for names that are not ASCII. It replaces characters that are
// newer than Go's tables (Unicode 15): a JDK may know them as upper case.
func sanitizeRunes(name []byte) []byte {
	name = bytes.ToLower(bytes.ToValidUTF8(name, []byte("_")))
	return bytes.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cn, r) {
			return '_'
		}
		return r
	}, name)
}
