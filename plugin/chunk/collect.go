package chunk

import "github.com/tinylib/msgp/msgp"

// Collect enters the values of b's paths, in the value at the start of source, into values, and
// returns the rest behind the value. It descends only where paths lead, and writes nothing, unlike
// the walk that writes a document. A nil b finds nothing.
//
// Possible errors: ErrTruncated.
func (b *Branch) Collect(source []byte, values Values) (rest []byte, err error) {
	if rest, err = Skip(source); b == nil || err != nil {
		return rest, err
	}
	b.Set(values, source)
	if !b.HasChildren() {
		return rest, nil
	}
	if n, inner, e := msgp.ReadMapHeaderBytes(source); e == nil {
		for ; n > 0 && err == nil; n-- {
			next := b.Member(inner)
			if inner, err = Skip(inner); err == nil {
				inner, err = next.Collect(inner, values)
			}
		}
	} else if n, inner, e := msgp.ReadArrayHeaderBytes(source); e == nil {
		for i := uint32(0); i < n && err == nil; i++ {
			inner, err = b.Element(i).Collect(inner, values)
		}
	}
	return rest, err
}
