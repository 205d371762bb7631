package address

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

// Longest names, in bytes: an index may have 255 (MetadataCreateIndexService);
// of a data stream's backing index, `.ds-NAME-2026.11.23-000001`, 25 are not
// the name's own. Dataset and namespace may have 100 each (Elastic's data
// stream naming scheme).
const (
	longestIndex      = 255
	longestDataStream = 230
	longestPart       = 100
)

// illegal marks the bytes that an index name must not hold.
var illegal = func() (table [256]bool) {
	for c := range 0x21 {
		table[c] = true // control characters and the space
	}
	for _, c := range []byte("\\/*?\"<>|,#:\x7f") {
		table[c] = true
	}
	return table
}()

// legalize makes name an index name that Elasticsearch takes, in place where
// it can: lower case, an underscore for what is not allowed, nothing that
// leads with `-`, `_` or `+`, cut to longest bytes at a character. The result
// is empty where nothing legal is left. It needs no escaping in JSON.
func legalize(name []byte, longest int) []byte {
	ascii := true
	for i, c := range name {
		switch {
		case c >= utf8.RuneSelf:
			ascii = false
		case illegal[c]:
			name[i] = '_'
		case c >= 'A' && c <= 'Z':
			name[i] = c + 'a' - 'A'
		}
	}
	if !ascii {
		name = legalizeRunes(name)
	}
	name = bytes.TrimLeft(name, "-_+")
	name = cutAt(name, longest)
	if string(name) == "." || string(name) == ".." {
		return nil
	}
	return name
}

// cutAt cuts text to longest bytes at a character.
func cutAt(text []byte, longest int) []byte {
	if len(text) <= longest {
		return text
	}
	for longest > 0 && !utf8.RuneStart(text[longest]) {
		longest--
	}
	return text[:longest]
}

// legalizeRunes is the slow way, for names that are not ASCII. Of a character
// newer than Go's tables (Unicode 15; a JDK may know later ones) nobody here
// can say whether it is lower case, so it isn't let through.
func legalizeRunes(name []byte) []byte {
	name = bytes.ToLower(bytes.ToValidUTF8(name, []byte("_")))
	return bytes.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cn, r) {
			return '_'
		}
		return r
	}, name)
}
