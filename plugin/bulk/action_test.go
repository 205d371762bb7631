package bulk_test

import (
	"encoding/json"
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
	for _, o := range []bulk.Operation{bulk.Create, bulk.Index} {
		if got, err := bulk.ParseOperation(o.String()); err != nil || got != o {
			t.Errorf("%v: got %v, %v", o, got, err)
		}
	}
	for _, name := range []string{"", "CREATE", "delete", "upsert"} {
		if o, err := bulk.ParseOperation(name); err == nil {
			t.Errorf("%q was taken for %v", name, o)
		}
	}
}
