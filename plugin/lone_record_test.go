package plugin_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"out_es/plugin"
)

// A record for which the server refuses any request, since it is too large, costs no other record
// of its chunk, wherever it lies in it: it ends as On_Rejection says.
func TestARecordThatIsTooLargeCostsNoOther(t *testing.T) {
	const n = 12
	for _, size := range []int{600 << 10, 2 << 20} { // below and above what a server may well refuse
		for _, place := range []int{0, 5, n - 1} {
			for mode, options := range map[string]section{
				"drop": {}, "retry": {"On_Rejection": "retry"},
				"dead letters": {"Dead_Letter_File": filepath.Join(t.TempDir(), "dead.ndjson")},
			} {
				e := newElasticsearch(t)
				e.limit = size - 1000
				p, host := instance(t, e, options)
				var data []byte
				for i := range n {
					text := "fine"
					if i == place {
						text = strings.Repeat("x", size)
					}
					data = append(data, event(object{"n", i, "t", text})...)
				}
				outcome := p.Flush("tag", data)
				p.Close()
				want, counted := plugin.OK, map[string]int{"accepted": n - 1, "dropped": 1}
				switch mode {
				case "retry":
					want, counted = plugin.Retry, map[string]int{"accepted": n - 1, "returned": 1}
				case "dead letters":
					counted = map[string]int{"accepted": n - 1, "dead_lettered": 1}
					if letters, err := os.ReadFile(options["Dead_Letter_File"]); err != nil || strings.Count(string(letters), "\n") != 1 {
						t.Errorf("%d bytes of dead letters, %v", len(letters), err)
					}
				}
				if outcome != want || len(e.requests) > 10 {
					t.Errorf("%s, %d bytes at %d: outcome %v, requests of %v documents", mode, size, place, outcome, e.requests)
				}
				counts(t, host, counted)
			}
		}
	}
}
