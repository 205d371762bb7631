package documents

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/tinylib/msgp/msgp"

	"out_es/test/e2e"
	"out_es/test/host"
)

// In a field without a mapping the first value decides about its type, and a long has no fractions.
// A whole float of either size, a large one with an exponent, and a time of whole seconds must not
// make it a long.
func TestHostWholeFloatsAreMappedAsFloats(t *testing.T) {
	s := e2e.Cluster(t)
	index := e2e.FreshIndex(t, s)
	h, _ := e2e.StartHost(t, host.Options{})
	o := e2e.Output(t, h, 1, "Hosts "+s.URL(), "Index "+index)
	second := []byte{0xd7, 0, 0, 0, 0, 1, 0, 0, 0, 0}
	for n, values := range [][][]byte{
		{msgp.AppendFloat64(nil, 1), msgp.AppendFloat32(nil, 1), msgp.AppendFloat64(nil, 1e21), second, msgp.AppendInt(nil, 1)},
		{msgp.AppendFloat64(nil, 1.5), msgp.AppendFloat32(nil, 1.5), msgp.AppendFloat64(nil, 1.5), append(second[:6:6], 0x1d, 0xcd, 0x65, 0), msgp.AppendInt(nil, 2)},
	} {
		value := msgp.AppendMapHeader(nil, uint32(len(values)))
		for i, v := range values {
			value = append(msgp.AppendString(value, fmt.Sprint("f", i)), v...)
		}
		e2e.Flush(t, o, "floats", appendEvent(nil, n, "o", value), host.OK) // the first is mapped before the second comes
	}
	e2e.EventuallyCount(t, s, index, 2)
	answer, err := s.Do(t.Context(), "GET", "/"+index+"/_mapping", nil)
	if err != nil {
		t.Fatal(err)
	}
	var mappings map[string]struct {
		Mappings struct {
			Properties struct {
				O struct {
					Properties map[string]struct{ Type string }
				}
			}
		}
	}
	if err := json.Unmarshal(answer, &mappings); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"float", "float", "float", "float", "long"} {
		field := fmt.Sprint("f", i)
		if got := mappings[index].Mappings.Properties.O.Properties[field].Type; got != want {
			t.Errorf("%s is mapped as %q, want %q: %s", field, got, want, answer)
		}
	}
	for i := range 4 {
		for _, r := range []struct {
			bounds string
			hits   int
		}{{`"gt":1.25,"lt":1.75`, 1}, {`"gte":1`, 2}} {
			body := fmt.Appendf(nil, `{"query":{"range":{"o.f%d":{%s}}}}`, i, r.bounds)
			answer, err := s.Do(t.Context(), "POST", "/"+index+"/_count", body)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Contains(answer, fmt.Appendf(nil, `"count":%d,`, r.hits)) {
				t.Errorf("%s: %s, want %d", body, answer, r.hits)
			}
		}
	}
}
