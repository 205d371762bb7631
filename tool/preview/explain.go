package preview

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/tinylib/msgp/msgp"

	"out_es/plugin/chunk"
	"out_es/plugin/document"
)

// node is a JSON value whose members have their order.
type node struct {
	kind    byte // { [ and 0 for all others
	members []member
	items   []node
}

type member struct {
	key   string
	value node
}

func parse(text []byte) (node, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	return parseValue(decoder)
}

func parseValue(decoder *json.Decoder) (n node, err error) {
	token, err := decoder.Token()
	if err != nil {
		return n, err
	}
	open, ok := token.(json.Delim)
	if !ok {
		return n, nil
	}
	n.kind = byte(open)
	for decoder.More() {
		if open == '[' {
			item, err := parseValue(decoder)
			if err != nil {
				return n, err
			}
			n.items = append(n.items, item)
			continue
		}
		key, err := decoder.Token()
		if err != nil {
			return n, err
		}
		value, err := parseValue(decoder)
		if err != nil {
			return n, err
		}
		n.members = append(n.members, member{key.(string), value})
	}
	_, err = decoder.Token()
	return n, err
}

// explainer compares a record with its document.
type explainer struct {
	dots document.Dots
	tell func(text string)
}

// field is one member of a record's map.
type field struct {
	raw   string // the key's bytes
	key   string // its text, where it is one
	text  bool
	value []byte
}

// fieldsOf reads the map at the start of b, and returns its rest.
func fieldsOf(b []byte) (all []field, rest []byte, ok bool) {
	n, b, err := msgp.ReadMapHeaderBytes(b)
	if err != nil {
		return nil, nil, false
	}
	for range n {
		behind, err := chunk.Skip(b)
		if err != nil {
			return nil, nil, false
		}
		f := field{raw: string(b[:len(b)-len(behind)])}
		switch msgp.NextType(b) {
		case msgp.StrType:
			text, _, _ := msgp.ReadStringZC(b)
			f.key, f.text = string(text), true
		case msgp.BinType:
			text, _, _ := msgp.ReadBytesZC(b)
			f.key, f.text = string(text), utf8.Valid(text)
		default:
			if value, _, err := msgp.ReadIntfBytes(b); err == nil {
				f.key = fmt.Sprint(value)
			}
		}
		next, err := chunk.Skip(behind)
		if err != nil {
			return nil, nil, false
		}
		f.value = behind[:len(behind)-len(next)]
		all, b = append(all, f), next
	}
	return all, b, true
}

// object compares a map with an object; added says that the object may have more members behind
// those of the map.
func (x *explainer) object(path string, b []byte, n node, added bool) {
	all, _, ok := fieldsOf(b)
	if !ok {
		return
	}
	kept := make([]field, 0, len(all))
	for i, f := range all {
		if f.repeated(all[i+1:]) {
			x.tell(fmt.Sprintf("%s is in the record more than once: the last value counts", at(path, f.name())))
			continue
		}
		kept = append(kept, f)
	}
	if len(kept) > len(n.members) || !added && len(kept) < len(n.members) {
		x.tell(fmt.Sprintf("keys of %s were changed, since several are the same in a document", at(path, "")))
		return
	}
	for i, f := range kept {
		m := n.members[i]
		if why := x.key(f, m.key); why != "" {
			x.tell(fmt.Sprintf("key %s became %q: %s", at(path, f.name()), m.key, why))
		}
		x.value(at(path, m.key), f.value, m.value)
	}
}

func (f field) repeated(behind []field) bool {
	for _, other := range behind {
		if other.raw == f.raw || f.text && other.text && other.key == f.key && other.raw[0]&0xf0 != 0xc0 == (f.raw[0]&0xf0 != 0xc0) {
			return true
		}
	}
	return false
}

func (f field) name() string {
	if f.key == "" {
		return `""`
	}
	return f.key
}

// key is the reason why a key has another text in the document, "" where it has not.
func (x *explainer) key(f field, now string) string {
	switch {
	case !f.text:
		return "JSON's keys are texts"
	case f.key == now:
		return ""
	case !utf8.ValidString(f.key) && strings.ToValidUTF8(f.key, "") == strings.ReplaceAll(now, "\uFFFD", ""):
		return "bytes that are no UTF-8 become U+FFFD"
	case x.dots == document.ReplaceDots && strings.ReplaceAll(f.key, ".", "_") == now:
		return "Replace_Dots"
	case f.key == "":
		return "Elasticsearch rejects an empty name"
	case document.Acceptable(f.key):
		return "another field of the document has this name"
	}
	return "Elasticsearch rejects this name: it is that of a metadata field, or has a dot without a name before it"
}

func (x *explainer) value(path string, b []byte, n node) {
	if len(b) == 0 {
		return
	}
	tell := func(text string) { x.tell(path + ": " + text) }
	switch msgp.NextType(b) {
	case msgp.MapType:
		if n.kind != '{' {
			tell("null: it lies deeper than a document may be")
			return
		}
		x.object(path, b, n, false)
	case msgp.ArrayType:
		count, b, err := msgp.ReadArrayHeaderBytes(b)
		if n.kind != '[' || err != nil {
			tell("null: it lies deeper than a document may be")
			return
		}
		for i := range count {
			rest, err := chunk.Skip(b)
			if err != nil || int(i) >= len(n.items) {
				return
			}
			x.value(fmt.Sprintf("%s[%d]", path, i), b[:len(b)-len(rest)], n.items[i])
			b = rest
		}
	case msgp.StrType:
		if text, _, err := msgp.ReadStringZC(b); err == nil && !utf8.Valid(text) {
			tell("bytes that are no UTF-8 became U+FFFD")
		}
	case msgp.BinType:
		if text, _, err := msgp.ReadBytesZC(b); err == nil && !utf8.Valid(text) {
			tell("binary, written in base64")
		} else {
			tell("binary that is UTF-8, written as text")
		}
	case msgp.Float32Type, msgp.Float64Type:
		if f, _, err := msgp.ReadFloat64Bytes(b); err == nil && (math.IsNaN(f) || math.IsInf(f, 0)) {
			tell("null: JSON has neither NaN nor infinities")
		}
	case msgp.ExtensionType, msgp.TimeType, msgp.Complex64Type, msgp.Complex128Type:
		tell("an extension type: an event time becomes seconds, the bytes of any other base64")
	default:
	}
}

// at is the path of a field.
func at(path, key string) string {
	switch {
	case path == "":
		return key
	case key == "":
		return path
	}
	return path + "." + key
}
