package plugin_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"out_es/plugin"
)

// However requests are cut, each action keeps its own document, or none.
func TestWriteOperationsInRequestsThatAreHalved(t *testing.T) {
	for operation, row := range map[string]struct{ action, before, behind string }{
		"index":  {"index", "", ""},
		"update": {"update", `{"doc":`, "}\n"},
		"upsert": {"update", `{"doc":`, `,"doc_as_upsert":true}` + "\n"},
		"delete": {"delete", "", ""},
	} {
		t.Run(operation, func(t *testing.T) {
			e := newElasticsearch(t)
			e.limit = 700
			p, host := instance(t, e, section{"Index": "logs", "Id_Key": "$id", "Write_Operation": operation, "Compress": "off"})
			var data []byte
			for i := range 40 {
				data = append(data, event(object{"n", i, "id", strings.Repeat("x", i%7) + fmt.Sprint(i)})...)
			}
			if outcome := p.Flush("tag", data); outcome != plugin.OK {
				t.Errorf("outcome %v", outcome)
			}
			p.Close()
			counts(t, host, map[string]int{"accepted": 40})
			var ids []string
			for _, d := range e.documents {
				ids = append(ids, strings.TrimLeft(d.ID, "x"))
				if d.Operation != row.action || !strings.HasPrefix(d.Text, row.before) || !strings.HasSuffix(d.Text, row.behind) {
					t.Errorf("%s %s", d.Operation, d.Text)
				}
				if n := fmt.Sprintf(`"n":%s,`, strings.TrimLeft(d.ID, "x")); operation != "delete" && !strings.Contains(d.Text, n) {
					t.Errorf("the action of %s has the document %s", d.ID, d.Text)
				}
			}
			for i := range 40 {
				if !slices.Contains(ids, fmt.Sprint(i)) {
					t.Errorf("%d is missing", i)
				}
			}
			if len(ids) != 40 || len(e.requests) < 3 {
				t.Errorf("%d actions in %d requests", len(ids), len(e.requests))
			}
		})
	}
}
