package deliver

import "sort"

// reasonBytes bounds the reasons of one answer. Documents beyond it have the
// reason of the first that was rejected alike.
const reasonBytes = 1 << 20

// reasons are the errors of each rejected item, by its place in the request.
type reasons struct {
	items []int32
	ends  []int32
	text  []byte
}

func (r *reasons) reset() { r.items, r.ends, r.text = r.items[:0], r.ends[:0], r.text[:0] }

// add keeps an item's reason. Items come in order.
func (r *reasons) add(item int, reason []byte) {
	if len(r.text)+len(reason) > reasonBytes {
		return
	}
	r.text = append(r.text, reason...)
	r.items, r.ends = append(r.items, int32(item)), append(r.ends, int32(len(r.text)))
}

// of returns an item's reason, or other where none is kept.
func (r *reasons) of(item int, other string) string {
	i := sort.Search(len(r.items), func(i int) bool { return int(r.items[i]) >= item })
	if i == len(r.items) || int(r.items[i]) != item {
		return other
	}
	start := int32(0)
	if i > 0 {
		start = r.ends[i-1]
	}
	return string(r.text[start:r.ends[i]])
}
