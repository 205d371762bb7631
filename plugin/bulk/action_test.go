package bulk_test

import (
	"encoding/json"
	"strings"
	"testing"

	"out_es/plugin/bulk"
)

func TestAppendAction(t *testing.T) {
	for name, c := range map[string]struct {
		action bulk.Action
		want   string
	}{
		"create without an id":   {bulk.Action{Operation: bulk.Create, Index: []byte(`"logs"`)}, `{"create":{"_index":"logs"}}`},
		"create with an id":      {bulk.Action{Operation: bulk.Create, Index: []byte(`"logs"`), ID: []byte(`"a"`)}, `{"create":{"_index":"logs","_id":"a"}}`},
		"index with an id":       {bulk.Action{Operation: bulk.Index, Index: []byte(`"logs"`), ID: []byte(`"a"`)}, `{"index":{"_index":"logs","_id":"a"}}`},
		"update":                 {bulk.Action{Operation: bulk.Update, Index: []byte(`"logs"`), ID: []byte(`"a"`)}, `{"update":{"_index":"logs","_id":"a","retry_on_conflict":3}}`},
		"upsert":                 {bulk.Action{Operation: bulk.Upsert, Index: []byte(`"logs"`), ID: []byte(`"a"`)}, `{"update":{"_index":"logs","_id":"a","retry_on_conflict":3}}`},
		"delete":                 {bulk.Action{Operation: bulk.Delete, Index: []byte(`"logs"`), ID: []byte(`"a"`)}, `{"delete":{"_index":"logs","_id":"a"}}`},
		"all":                    {bulk.Action{Index: []byte(`"l"`), ID: []byte(`"a"`), Pipeline: []byte(`"p"`), Routing: []byte(`"r"`)}, `{"create":{"_index":"l","_id":"a","routing":"r","pipeline":"p"}}`},
		"no pipe":                {bulk.Action{Index: []byte(`"l"`), Pipeline: []byte(bulk.NoPipeline)}, `{"create":{"_index":"l","pipeline":"_none"}}`},
		"an id that was escaped": {bulk.Action{Operation: bulk.Create, Index: []byte(`"l"`), ID: []byte(`"a\"\n"`)}, `{"create":{"_index":"l","_id":"a\"\n"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			got := string(bulk.AppendAction([]byte("before\n"), c.action))
			if want := "before\n" + c.want + "\n"; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			if !json.Valid([]byte(c.want)) {
				t.Errorf("%s is no JSON", c.want)
			}
		})
	}
}

func TestParseOperationKnowsWhatItPrints(t *testing.T) {
	for _, o := range []bulk.Operation{bulk.Create, bulk.Index, bulk.Update, bulk.Upsert, bulk.Delete} {
		if got, err := bulk.ParseOperation(o.String()); err != nil || got != o {
			t.Errorf("%v: got %v, %v", o, got, err)
		}
	}
	for _, name := range []string{"", "CREATE", "replace"} {
		if o, err := bulk.ParseOperation(name); err == nil {
			t.Errorf("%q was taken for %v", name, o)
		}
	}
}

// The lines before a document stay as they are whatever room was left for its
// action, and so does the document.
func TestActionsFitIntoAnyRoom(t *testing.T) {
	for _, action := range []string{"", "a\n", "a longer action\n", strings.Repeat("long ", 100) + "\n"} {
		for _, room := range []int{0, 1, len(action), len(action) + 1, 2 * len(action), 1000} {
			for _, document := range []string{"", "{}", strings.Repeat(`{"k":"v"}`, 50)} {
				for _, spare := range []int{0, 1, 5000} {
					before := append(make([]byte, 0, 10+spare), "before\n"...)
					lines := append(bulk.AppendRoom(before, room), document...)
					got := string(bulk.PutAction(lines, len(before), room, []byte(action)))
					if want := "before\n" + action + document; got != want {
						t.Fatalf("an action of %d in room for %d: got %q, want %q", len(action), room, got, want)
					}
				}
			}
		}
	}
}
