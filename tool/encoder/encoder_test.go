package encoder_test

import (
	"reflect"
	"testing"

	"out_es/plugin/bulk"
	"out_es/tool/encoder"
)

func TestActionReadsWhatAppendActionWrites(t *testing.T) {
	full := bulk.Action{Index: []byte(`"logs-é\""`), ID: []byte(`"a\nb"`), Routing: []byte(`"r"`), Pipeline: []byte(bulk.NoPipeline)}
	for _, operation := range []bulk.Operation{bulk.Create, bulk.Index, bulk.Update, bulk.Delete} {
		for name, want := range map[string]bulk.Action{"all fields": full, "index only": {Index: full.Index}} {
			want.Operation = operation
			got, err := encoder.Action(append(bulk.AppendAction(nil, want), `{"document":1}`+"\n"...))
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s, %s: got %+v, %v, want %+v", operation, name, got, err, want)
			}
		}
	}
}

func TestActionNamesALineThatIsNone(t *testing.T) {
	for _, line := range []string{"", "{", `{"destroy":{"_index":"a"}}`} {
		if a, err := encoder.Action([]byte(line)); err == nil {
			t.Errorf("%q: got %+v", line, a)
		}
	}
}
