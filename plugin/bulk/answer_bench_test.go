package bulk_test

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	jsoniter "github.com/json-iterator/go"

	"out_es/plugin/bulk"
)

// answers are those of a request of Bulk_Size 5M with Kubernetes records of
// about 800 bytes, 6,000 items: nothing wrong, all sent a second time, one in
// ten rejected.
func answers(b *testing.B) map[string][]byte {
	const items = 6000
	rejected := `{"create":{"status":400,"error":{"type":"document_parsing_exception","reason":"[1:10] failed to parse field [status] of type [long] in document with id 'a'. Preview of field's value: 'OK'"}}}`
	mixed := rejected
	for range 9 {
		mixed += "," + healthy
	}
	made := map[string][]byte{}
	for name, answer := range map[string]io.Reader{
		"accepted": answerOf(healthy, items), "deduplicated": answerOf(conflict, items), "tenth_refused": answerOf(mixed, items/10),
	} {
		text, err := io.ReadAll(answer)
		if err != nil {
			b.Fatal(err)
		}
		made[name] = text
	}
	return made
}

// BenchmarkAnswer compares this package's reader with json-iterator, which
// reads the same answer as a stream through a buffer of the same size, and
// reuses all that it lets one reuse. docs/adr/0003 has the figures.
func BenchmarkAnswer(b *testing.B) {
	for name, text := range answers(b) {
		ours := benchmark(b, "reader=ours/"+name, text, new(bulk.AnswerReader).Read)
		theirs := benchmark(b, "reader=jsoniter/"+name, text, newIteratorReader().read)
		if ours > 0 && theirs > 0 {
			fmt.Printf("# %s: json-iterator takes %.1f times as long\n", name, theirs/ours)
		}
	}
}

// benchmark returns the seconds that one answer took.
func benchmark(b *testing.B, name string, text []byte, read func(io.Reader, func(bulk.Item)) (int, error)) (took float64) {
	b.Run(name, func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		body := bytes.NewReader(nil)
		wrong := 0
		for b.Loop() {
			body.Reset(text)
			items, err := read(body, func(i bulk.Item) {
				if i.Status != 201 {
					wrong++
				}
			})
			if err != nil || items != 6000 {
				b.Fatal(items, err)
			}
		}
		took = b.Elapsed().Seconds() / float64(b.N)
	})
	return took
}

// iteratorReader reads answers with json-iterator, for comparison with our own (docs/adr/0003).
type iteratorReader struct {
	iterator *jsoniter.Iterator
	item     bulk.Item
	items    int
	each     func(bulk.Item)
}

func newIteratorReader() *iteratorReader {
	return &iteratorReader{iterator: jsoniter.Parse(jsoniter.ConfigFastest, nil, 16<<10)}
}

func (r *iteratorReader) read(body io.Reader, each func(bulk.Item)) (int, error) {
	r.iterator.Reset(body)
	r.iterator.Error = nil
	r.items, r.each = 0, each
	r.iterator.ReadObjectCB(r.answer)
	return r.items, r.iterator.Error
}

func (r *iteratorReader) answer(i *jsoniter.Iterator, key string) bool {
	if key != "items" {
		i.Skip()
		return true
	}
	return i.ReadArrayCB(func(i *jsoniter.Iterator) bool {
		r.item = bulk.Item{Type: r.item.Type[:0], Reason: r.item.Reason[:0], FailureStore: r.item.FailureStore[:0]}
		i.ReadObjectCB(func(i *jsoniter.Iterator, _ string) bool { return i.ReadObjectCB(r.field) })
		r.items++
		r.each(r.item)
		return i.Error == nil
	})
}

func (r *iteratorReader) field(i *jsoniter.Iterator, key string) bool {
	switch key {
	case "status":
		r.item.Status = i.ReadInt()
	case "failure_store":
		r.item.FailureStore = append(r.item.FailureStore[:0], i.ReadString()...)
	case "error":
		return i.ReadObjectCB(r.errorField)
	default:
		i.Skip()
	}
	return true
}

func (r *iteratorReader) errorField(i *jsoniter.Iterator, key string) bool {
	switch key {
	case "type":
		r.item.Type = append(r.item.Type[:0], i.ReadString()...)
	case "reason":
		r.item.Reason = append(r.item.Reason[:0], i.ReadString()...)
	default:
		i.Skip()
	}
	return true
}
