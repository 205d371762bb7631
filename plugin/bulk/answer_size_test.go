package bulk_test

import (
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"

	"out_es/plugin/bulk"
	"out_es/test/support"
)

// generated is a reader of a long answer that never stands in memory as a whole. It gives head, n
// copies of item separated by joint, then tail; with a negative n it gives items without end.
type generated struct {
	head, item, joint, tail string
	n                       int
	pending                 string
	step                    int
}

func (g *generated) Read(p []byte) (int, error) {
	for g.pending == "" {
		if g.step > 2*g.n && g.n >= 0 {
			return 0, io.EOF
		}
		g.pending = g.next()
		g.step++
	}
	n := copy(p, g.pending)
	g.pending = g.pending[n:]
	return n, nil
}

// next is the text of this step: the head, then items and joints in turn, and the tail in place of
// the last joint.
func (g *generated) next() string {
	switch {
	case g.step == 0:
		return g.head
	case g.step%2 == 1:
		return g.item
	case g.step == 2*g.n:
		return g.tail
	}
	return g.joint
}

func answerOf(item string, n int) *generated {
	return &generated{head: `{"errors":true,"items":[`, item: item, joint: ",", tail: "]}", n: n}
}

const (
	healthy  = `{"create":{"status":201}}`
	conflict = `{"create":{"status":409,"error":{"type":"version_conflict_engine_exception","reason":"[abc]: version conflict, document already exists (current version [1])"}}}`
)

// allocated returns the number of bytes that do allocates.
func allocated(do func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestALargeAnswerTakesNoMoreMemoryThanASmallOne(t *testing.T) {
	const bytes = 50 << 20
	long := `{"create":{"status":400,"error":{"type":"mapper_parsing_exception","reason":"` + strings.Repeat("x", 64<<10) + `"}}}`
	for name, item := range map[string]string{"of accepted items": healthy, "of long errors": long} {
		t.Run(name, func(t *testing.T) {
			reader, items, want := new(bulk.AnswerReader), 0, bytes/len(item)
			body := answerOf(item, want)
			var err error
			used := allocated(func() { _, err = reader.Read(body, func(bulk.Item) { items++ }) })
			if err != nil || items != want {
				t.Fatalf("%d of %d items, %v", items, want, err)
			}
			if used > 16<<10 {
				t.Errorf("%d bytes were allocated for an answer of %d", used, bytes)
			}
		})
	}
}

func TestAnEndlessAnswerEnds(t *testing.T) {
	for name, answer := range map[string]*generated{
		"of items":      answerOf(healthy, -1),
		"of one reason": {head: `{"items":[{"create":{"error":"`, item: strings.Repeat("r", 4096), n: -1},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := new(bulk.AnswerReader).Read(answer, func(bulk.Item) {})
			if !errors.Is(err, bulk.ErrAnswerSize) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestALongReasonIsCut(t *testing.T) {
	const kept = 1 << 10
	for name, c := range map[string]struct{ letter, want string }{
		"of ASCII":           {"x", "x"},
		"of two bytes each":  {"é", "é"},
		"of four bytes each": {"😀", "😀"},
		"of escapes":         {`é`, "é"},
	} {
		t.Run(name, func(t *testing.T) {
			// One letter in front, so that the cut falls within a character.
			reason := "a" + strings.Repeat(c.letter, 10<<20/len(c.letter))
			text := `{"items":[{"create":{"status":400,"error":{"reason":"` + reason + `","type":"t"}}},` + healthy + `]}`
			got, err := read(new(bulk.AnswerReader), strings.NewReader(text))
			if err != nil || len(got) != 2 || got[0].Status != 400 || got[0].Type != "t" {
				t.Fatalf("got %d items, %v", len(got), err)
			}
			want := "a" + strings.Repeat(c.want, kept)
			if r := got[0].Reason; len(r) > kept || len(r) < kept-3 || !strings.HasPrefix(want, r) {
				t.Errorf("%d bytes are left: %.20q…", len(r), r)
			}
		})
	}
}

func TestItemsCostNoAllocation(t *testing.T) {
	for name, item := range map[string]string{
		"created":          healthy,
		"indexed":          `{"index":{"status":201}}`,
		"updated":          `{"index":{"status":200}}`,
		"deduplicated":     conflict,
		"with a cause":     `{"create":{"status":400,"error":{"type":"x","reason":"y","caused_by":{"type":"a","b":[1,{"c":15}]}}}}`,
		"in failure store": `{"create":{"failure_store":"used","status":201}}`,
	} {
		t.Run(name, func(t *testing.T) {
			reader := new(bulk.AnswerReader)
			cost := func(n int) float64 {
				text, err := io.ReadAll(answerOf(item, n))
				if err != nil {
					t.Fatal(err)
				}
				body := strings.NewReader("")
				return support.Allocations(10, func() {
					body.Reset(string(text))
					if items, err := reader.Read(body, func(bulk.Item) {}); err != nil || items != n {
						t.Fatal(items, err)
					}
				})
			}
			if few, many := cost(10), cost(1000); many > few {
				t.Errorf("%v allocations for 10 items, %v for 1000", few, many)
			}
		})
	}
}
