package chunk

import "github.com/tinylib/msgp/msgp"

// Paths is a set of record accessors whose values one walk over a record finds:
// the one that writes its document (plugin/document). The zero value is empty.
// It must not be added to once a walk goes by it; then it may be shared.
type Paths struct {
	root  Branch
	count int
}

// Values are what a walk found, by the paths' numbers: for each the msgpack
// value, running on to the chunk's end, or nil where the record has none.
type Values [][]byte

// Complete says whether every path has a value.
func (v Values) Complete() bool {
	for _, value := range v {
		if value == nil {
			return false
		}
	}
	return true
}

// Fill takes from other what v doesn't have.
func (v Values) Fill(other Values) {
	for number, value := range v {
		if value == nil {
			v[number] = other[number]
		}
	}
}

// Add adds path and returns its number. A path that is there already keeps the
// one that it has.
func (p *Paths) Add(path Path) (number int) {
	at := &p.root
	for _, s := range path {
		at = at.grow(s)
	}
	if at.number == 0 {
		p.count++
		at.number = p.count
	}
	return at.number - 1
}

// Len is how many paths there are: the length of Values for them.
func (p *Paths) Len() int {
	if p == nil {
		return 0
	}
	return p.count
}

// Root is where a walk starts, at the record; nil where nothing is looked for.
func (p *Paths) Root() *Branch {
	if p.Len() == 0 {
		return nil
	}
	return &p.root
}

// Branch is a place in a record that paths lead to or through. The nil Branch
// is any other place.
type Branch struct {
	step step
	// lead is the first byte of the key in its shortest form, where that is a
	// fixstr; else one that msgpack never uses.
	lead byte
	// number is 1 more than that of the path that ends here, 0 for none.
	number int
	under  []*Branch
}

// noLead is the byte that no msgpack value starts with.
const noLead = 0xc1

// grow returns the branch one step on, which it makes where it isn't there.
func (b *Branch) grow(s step) *Branch {
	for _, next := range b.under {
		if string(next.step.key) == string(s.key) && (next.step.key == nil) == (s.key == nil) && next.step.index == s.index {
			return next
		}
	}
	next := &Branch{step: s, lead: noLead}
	if s.key != nil && len(s.key) < 32 {
		next.lead = 0xa0 | byte(len(s.key))
	}
	b.under = append(b.under, next)
	return next
}

// Member returns the branch for the key at the start of key, in a map that b
// stands for.
func (b *Branch) Member(key []byte) *Branch {
	if b == nil {
		return nil
	}
	return b.member(key)
}

// member tells keys apart by their lead byte, which holds the length of a
// short one, before it looks at their text.
func (b *Branch) member(key []byte) *Branch {
	if len(key) == 0 {
		return nil
	}
	for _, next := range b.under {
		if next.lead == key[0] && len(next.step.key) < len(key) && string(key[1:1+len(next.step.key)]) == string(next.step.key) {
			return next
		}
	}
	if key[0] < 0xd9 || key[0] > 0xdb {
		return nil
	}
	return b.longMember(key)
}

// longMember finds keys that have more than one byte before their text: they
// are long, or their writer doesn't use the shortest form.
func (b *Branch) longMember(key []byte) *Branch {
	name, _, err := msgp.ReadStringZC(key)
	if err != nil {
		return nil
	}
	for _, next := range b.under {
		if next.step.key != nil && string(next.step.key) == string(name) {
			return next
		}
	}
	return nil
}

// Element returns the branch for the index-th value, in an array that b stands
// for.
func (b *Branch) Element(index uint32) *Branch {
	if b == nil {
		return nil
	}
	for _, next := range b.under {
		if next.step.key == nil && uint32(next.step.index) == index {
			return next
		}
	}
	return nil
}

// Enter notes the value at the start of value as the one that b stands for. Of
// a key that stands twice in a map the last counts, as in Fluent Bit
// (src/flb_ra_key.c) and in the document: what was found in an earlier one is
// forgotten.
func (b *Branch) Enter(values Values, value []byte) {
	b.Forget(values)
	if b.number > 0 {
		values[b.number-1] = value
	}
}

// Forget takes back what was found in b.
func (b *Branch) Forget(values Values) {
	if b.number > 0 {
		values[b.number-1] = nil
	}
	for _, next := range b.under {
		next.Forget(values)
	}
}

// Has says whether the path of that number ends in b or leads through it.
func (b *Branch) Has(number int) bool {
	if b.number == number+1 {
		return true
	}
	for _, next := range b.under {
		if next.Has(number) {
			return true
		}
	}
	return false
}

// GoesOn says whether paths lead through b.
func (b *Branch) GoesOn() bool { return len(b.under) > 0 }
