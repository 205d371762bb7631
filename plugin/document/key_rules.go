package document

import (
	"bytes"
	"unicode/utf8"
)

// repairKey appends key in a form that Elasticsearch accepts, and returns the reason for the
// change. Elasticsearch splits keys at dots and wants each part to be non-blank, except for empty
// parts at the end (DocumentParser, DotExpandingXContentParser). Found by trying:
// TestHostKeysAreThoseThatElasticsearchTakes.
func repairKey(dst, key []byte, top bool) (out []byte, why Change) {
	mark := len(dst)
	dst, why = fillBlanks(dst, key)
	if !top {
		return dst, why
	}
	name, _, _ := bytes.Cut(dst[mark:], []byte("."))
	if !isReserved(string(name)) {
		return dst, why
	}
	end := mark + len(name)
	dst = append(dst, 0)
	copy(dst[end+1:], dst[end:])
	dst[end] = '_'
	if why == unchanged {
		why = ReservedKey
	}
	return dst, why
}

// Acceptable reports whether Elasticsearch accepts key at the top of a document.
func Acceptable(key string) bool {
	_, why := repairKey(nil, []byte(key), true)
	return why == unchanged
}

// fillBlanks puts an underscore for each part that is blank, and for the dot behind a part that is
// empty: `.a` becomes `_a`, `a. .b` becomes `a._.b`.
func fillBlanks(dst, key []byte) (out []byte, why Change) {
	core := bytes.TrimRight(key, ".") // Elasticsearch ignores dots at the end
	if len(core) == 0 {
		if len(key) == 0 {
			return append(dst, '_'), EmptyKey
		}
		return append(dst, bytes.Repeat([]byte{'_'}, len(key))...), DotsKey
	}
	why = unchanged
	for rest, more := core, true; more; {
		var part []byte
		part, rest, more = bytes.Cut(rest, []byte("."))
		blank := isBlank(part)
		switch {
		case blank && len(part) == len(core):
			why = EmptyKey
		case blank:
			why = DotsKey
		}
		if blank {
			dst = append(dst, '_')
		} else {
			dst = append(dst, part...)
		}
		if more && len(part) > 0 {
			dst = append(dst, '.')
		}
	}
	return append(dst, key[len(core):]...), why
}

// isBlank reports whether text is empty or white space, like Java's String.isBlank.
func isBlank(text []byte) bool {
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		if !isWhitespace(r) {
			return false
		}
		text = text[size:]
	}
	return true
}

// isWhitespace reports whether r is white space by Java's Character.isWhitespace, which excludes
// no-break spaces.
func isWhitespace(r rune) bool {
	switch {
	case r <= ' ':
		return r >= '\t' && r <= '\r' || r >= 0x1c
	case r >= 0x2000 && r <= 0x200a:
		return r != 0x2007
	}
	return r == 0x1680 || r == 0x2028 || r == 0x2029 || r == 0x205f || r == 0x3000
}

// isReserved reports whether a name is a metadata field that a document must not have, in any
// supported server: the subclasses of MetadataFieldMapper in Elasticsearch 7.17 and 9.5, its
// modules, and OpenSearch 3. _doc_count is not among them: a document may have it.
func isReserved(name string) bool {
	switch name {
	case "_id", "_index", "_source", "_routing", "_version", "_type", "_field_names", "_seq_no", "_primary_term",
		"_ignored", "_ignored_source", "_nested_path", "_data_stream_timestamp", "_index_mode",
		"_tsid", "_ts_routing_hash", "_tier", "_size", "_feature", "_inference_fields":
		return true
	}
	return false
}

// mayBeRejected reports whether a key needs the full check: a quick test, false for nearly all.
func mayBeRejected(key []byte, top bool) bool {
	if len(key) == 0 || key[0] <= ' ' || key[0] >= 0xe1 || top && key[0] == '_' {
		return true // the white space beyond ASCII starts with 0xe1 to 0xe3
	}
	return bytes.IndexByte(key, '.') >= 0
}
