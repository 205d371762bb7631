package document_test

import (
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"out_es/plugin/chunk"
	"out_es/plugin/document"
)

// TestRecordsOfAnotherEncoder takes its records from a msgpack library that the plugin doesn't use,
// and their JSON from encoding/json.
func TestRecordsOfAnotherEncoder(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for i := range 500 {
		record := randomMap(random, 4)
		event, err := msgpack.Marshal([]any{[]any{uint32(1795425262), map[string]any{}}, record})
		if err != nil {
			t.Fatal(err)
		}
		r := chunk.NewReader(event)
		var e chunk.Event
		if err := r.Next(&e); err != nil {
			t.Fatal(err)
		}
		w := document.NewWriter(document.Options{})
		out, rest, err := w.Append(nil, &e)
		if err != nil || len(rest) != 0 {
			t.Fatalf("%d bytes left, %v", len(rest), err)
		}
		if got, want := decode(t, string(out)), viaJSON(t, record); !reflect.DeepEqual(got, want) {
			t.Fatalf("record %d:\n%s\nwant\n%v", i, out, want)
		}
	}
}

func randomMap(r *rand.Rand, depth int) map[string]any {
	m := map[string]any{}
	for range r.IntN(20) {
		m["k"+strings.ReplaceAll(randomText(r), ".", "")] = randomValue(r, depth-1) // no key that Elasticsearch rejects
	}
	return m
}

func randomValue(r *rand.Rand, depth int) any {
	kinds := 10
	if depth == 0 {
		kinds = 8
	}
	switch r.IntN(kinds) {
	case 0:
		return nil
	case 1:
		return r.IntN(2) == 0
	case 2:
		return int64(r.Uint64()) >> r.IntN(64)
	case 3:
		return r.Uint64() >> r.IntN(64)
	case 4:
		return r.NormFloat64()
	case 5:
		return float32(r.NormFloat64())
	case 6, 7:
		return randomText(r)
	case 8:
		return randomMap(r, depth)
	}
	list := make([]any, r.IntN(20))
	for i := range list {
		list[i] = randomValue(r, depth-1)
	}
	return list
}

// randomText has lengths on both sides of each string format's limit.
func randomText(r *rand.Rand) string {
	alphabet := []rune("abcdefgh \"\\/\n\t\x00äß€😀\u2028.$%")
	text := make([]rune, r.IntN(1<<r.IntN(10)))
	for i := range text {
		text[i] = alphabet[r.IntN(len(alphabet))]
	}
	return string(text)
}

// pairs is an ordered map with keys of any type.
type pairs []any

// EncodeMsgpack implements msgpack.CustomEncoder.
func (p pairs) EncodeMsgpack(e *msgpack.Encoder) error {
	if err := e.EncodeMapLen(len(p) / 2); err != nil {
		return err
	}
	return e.EncodeMulti(p...)
}

func TestKeysOfAnotherEncoder(t *testing.T) {
	for _, row := range []struct {
		record pairs
		want   any // encoding/json's form of such keys
	}{
		{pairs{-5, "a", 5, "b", int64(1) << 40, "c"}, map[int64]string{-5: "a", 5: "b", 1 << 40: "c"}},
		{pairs{uint8(0), 1, uint8(255), 2}, map[uint8]int{0: 1, 255: 2}},
		{pairs{"in", pairs{1, true}}, map[string]map[int64]bool{"in": {1: true}}},
		{pairs{true, 1.5, 2.5, nil}, map[string]any{"true": 1.5, "2.5": nil}},
		{pairs{nil, []any{"x"}}, map[string]any{"null": []any{"x"}}},
	} {
		b, err := msgpack.Marshal(row.record)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := decode(t, bare(t, b)), viaJSON(t, row.want); !reflect.DeepEqual(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
	}
}
