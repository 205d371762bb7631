package chunk

import "github.com/tinylib/msgp/msgp"

// Paths is a set of record accessors. One walk over a record, the one that writes its document
// (plugin/document), finds the values of all of them. The zero value is empty. After the first walk
// it must not be added to; then it may be shared.
type Paths struct {
	root  Branch
	count int
}

// Values are the results of a walk, indexed by the paths' numbers: each a msgpack value that
// extends to the chunk's end, or nil if the record lacks it.
type Values [][]byte

// Complete reports whether every path has a value.
func (v Values) Complete() bool {
	for _, value := range v {
		if value == nil {
			return false
		}
	}
	return true
}

// FillMissing copies the values that v lacks from other.
func (v Values) FillMissing(other Values) {
	for number, value := range v {
		if value == nil {
			v[number] = other[number]
		}
	}
}

// Add adds path and returns its number. A path that is added again keeps its number.
func (p *Paths) Add(path Path) (number int) {
	at := &p.root
	for _, s := range path {
		at = at.child(s)
	}
	if at.number == 0 {
		p.count++
		at.number = p.count
	}
	return at.number - 1
}

// Len is the number of paths, and the length of Values for them.
func (p *Paths) Len() int {
	if p == nil {
		return 0
	}
	return p.count
}

// Root is the branch of the record itself; nil if there are no paths.
func (p *Paths) Root() *Branch {
	if p.Len() == 0 {
		return nil
	}
	return &p.root
}

// Branch is a place in a record that paths lead to or through. The nil Branch is any other place.
type Branch struct {
	step step
	// lead is the first byte of the key in its shortest form if that is a fixstr, else a byte that
	// msgpack never uses.
	lead byte
	// number is 1 more than that of the path that ends here, 0 for none.
	number   int
	children []*Branch
}

// unusedLead is a byte that no msgpack value starts with.
const unusedLead = 0xc1

// child returns the branch one step on, and adds it if it is missing.
func (b *Branch) child(s step) *Branch {
	for _, next := range b.children {
		if string(next.step.key) == string(s.key) && (next.step.key == nil) == (s.key == nil) && next.step.index == s.index {
			return next
		}
	}
	next := &Branch{step: s, lead: unusedLead}
	if s.key != nil && len(s.key) < 32 {
		next.lead = 0xa0 | byte(len(s.key))
	}
	b.children = append(b.children, next)
	return next
}

// Member returns the branch for the key at the start of key, in the map at b.
func (b *Branch) Member(key []byte) *Branch {
	if b == nil {
		return nil
	}
	return b.member(key)
}

// member compares the lead bytes of keys, which encode the length of a short one, before their
// text.
func (b *Branch) member(key []byte) *Branch {
	if len(key) == 0 {
		return nil
	}
	for _, next := range b.children {
		if next.lead == key[0] && len(next.step.key) < len(key) && string(key[1:1+len(next.step.key)]) == string(next.step.key) {
			return next
		}
	}
	if key[0] < 0xd9 || key[0] > 0xdb {
		return nil
	}
	return b.longMember(key)
}

// longMember finds keys with more than one byte before their text: long keys, and keys that are not
// in the shortest form.
func (b *Branch) longMember(key []byte) *Branch {
	name, _, err := msgp.ReadStringZC(key)
	if err != nil {
		return nil
	}
	for _, next := range b.children {
		if next.step.key != nil && string(next.step.key) == string(name) {
			return next
		}
	}
	return nil
}

// Element returns the branch for the index-th value, in the array at b.
func (b *Branch) Element(index uint32) *Branch {
	if b == nil {
		return nil
	}
	for _, next := range b.children {
		if next.step.key == nil && uint32(next.step.index) == index {
			return next
		}
	}
	return nil
}

// Set notes the value at the start of value as the one at b. Of equal keys in a map the last
// counts, as in Fluent Bit (src/flb_ra_key.c) and in the document, so the values of an earlier one
// are forgotten.
func (b *Branch) Set(values Values, value []byte) {
	b.Clear(values)
	if b.number > 0 {
		values[b.number-1] = value
	}
}

// Clear removes the values that were found in b.
func (b *Branch) Clear(values Values) {
	if b.number > 0 {
		values[b.number-1] = nil
	}
	for _, next := range b.children {
		next.Clear(values)
	}
}

// Contains reports whether the path of that number ends in b or leads through it.
func (b *Branch) Contains(number int) bool {
	if b.number == number+1 {
		return true
	}
	for _, next := range b.children {
		if next.Contains(number) {
			return true
		}
	}
	return false
}

// HasChildren reports whether paths lead through b.
func (b *Branch) HasChildren() bool { return len(b.children) > 0 }
