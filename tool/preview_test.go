package tool

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tinylib/msgp/msgp"
)

func TestPreview(t *testing.T) {
	records := strings.Join([]string{
		`{"message":"hello","_id":1,"":2,"a.b":1,"a":{"x":1,"x":2},"f":1.0,"big":9007199254740993}`,
		`no json`,
		`["no","record"]`,
		`{"time":"2026-11-28T06:00:00.123456789Z","tag":"Kube.X","metadata":{"m":1},"record":{"Name":"A B","@timestamp":"x"}}`,
		`{"time":1795849200.5,"record":{"Name":"b"}}`,
		`{"time":"yesterday","record":{"Name":"b"}}`,
		`{"time":1,"tag":"otlp","group":{"resource":{"attributes":{"service.name":"shop"}}},"record":{"Name":"in a group"}}`,
		``,
		`{"tag":"not an envelope","message":"has no record"}`,
	}, "\n")
	golden(t, "preview", out(records, "preview", "--time", "2026-11-28T05:00:00Z", "-s", "Index=Logs $Name-%Y", "-s", "Generate_ID=on"))
	golden(t, "preview-quiet", out(records, "preview", "-q", "--time", "2026-11-28T05:00:00Z", "-s", "Index=app", "-s", "Replace_Dots=on", "-s", "Include_Tag_Key=on", "-"))
	golden(t, "preview-id", out(`{"id":"x"}`+"\n"+`{"other":1}`, "preview", "--time", "2026-11-28T05:00:00Z", "-s", "Id_Key=id", "-s", "Write_Operation=upsert", "-s", "Routing=$id"))
}

// TestPreviewOfValuesThatJSONLacks has a chunk of Fluent Bit's storage with them.
func TestPreviewOfValuesThatJSONLacks(t *testing.T) {
	b := []byte{0x92, 0x92, 0xd7, 0, 0x6a, 0xee, 0x4b, 0x80, 0, 0, 0, 1, 0x80}
	b = msgp.AppendMapHeader(b, 7)
	b = msgp.AppendBytes(msgp.AppendString(b, "binary"), []byte{0, 0xff})
	b = msgp.AppendBytes(msgp.AppendString(b, "text"), []byte("old client"))
	b = append(msgp.AppendString(b, "nan"), 0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0)
	b = append(msgp.AppendString(b, "broken"), 0xa3, 'a', 0xff, 'b')
	b = append(msgp.AppendString(b, "ext"), 0xd4, 5, 0xff)
	b = append(append(b, 5), 0xc0) // a number as a key
	b = append(msgp.AppendString(b, "list"), 0x92, 0xca, 0x7f, 0x80, 0, 0, 0xa1, 'x')
	b = append(b, 0x05) // no event
	path := filepath.Join(t.TempDir(), "chunk.flb")
	if err := os.WriteFile(path, storageFile("app.log", b), 0o600); err != nil {
		t.Fatal(err)
	}
	golden(t, "preview-chunk", out("", "preview", "-s", "Index=$TAG", path), filepath.Dir(path), "DIR")
}

// storageFile is a file of Fluent Bit's storage.
func storageFile(tag string, content []byte) []byte {
	b := make([]byte, 24)
	copy(b, []byte{0xc1, 0})
	binary.BigEndian.PutUint32(b[10:], uint32(len(content)))
	binary.BigEndian.PutUint16(b[22:], uint16(4+len(tag)))
	b = append(append(b, 0xf1, 0x77, 0, 0), tag...)
	return append(append(b, content...), make([]byte, 4096)...)
}

// TestPreviewReadsWhatSpoolPrints: the two commands fit together, groups and metadata included.
func TestPreviewReadsWhatSpoolPrints(t *testing.T) {
	dir, _ := exampleSpool(t)
	options := []string{"-s", "Index=logs-$TAG", "-s", "Generate_ID=on"}
	printed := out("", "spool", dir, "cat")
	previewed := out(printed.out, append([]string{"preview", "--maps", "short"}, options...)...)
	exported := out("", append([]string{"spool", dir, "export"}, options...)...)
	for _, l := range letters(t, exported.out) {
		if want := `"_index":"` + l.Index + `","_id":"` + l.ID + `"`; !strings.Contains(previewed.out, want) || !strings.Contains(previewed.out, "\n"+l.Document+"\n") {
			t.Errorf("preview has no %s with %s:\n%s", want, l.Document, previewed.out)
		}
	}
}

func TestPreviewErrors(t *testing.T) {
	several := filepath.Join(t.TempDir(), "several.conf")
	section := "[OUTPUT]\n    Name es_go\n    Match *\n    Hosts http://a\n    Index app\n"
	if err := os.WriteFile(several, []byte(section+section+"    Alias other\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ words, says string }{
		{"preview -c " + several, "several sections of es_go: name one of es_go.0, other with --output"},
		{"preview -c " + several + " -o none", `no section of es_go named "none"`},
		{"preview -c testdata/check/other.conf", "no section of es_go"},
		{"preview -c none.conf", "no such file"},
		{"preview -s Nonsense=1", "Nonsense is no option of es_go"},
		{"preview -s Index", "must be NAME=VALUE"},
		{"preview -s Time_Key=_id", "Time_Key"},
		{"preview --time soon", "must be RFC 3339"},
		{"preview none.ndjson", "no such file"},
	} {
		if r := out("{}", strings.Fields(row.words)...); r.code != exitBroken || !strings.Contains(r.err, row.says) {
			t.Errorf("%q: %+v", row.words, r)
		}
	}
	if r := out("{}", "preview", "-c", several, "-o", "other"); r.code != exitOK || !strings.Contains(r.out, `{"_index":"app"}`) {
		t.Errorf("the section by its alias: %+v", r)
	}
	if r := out(string(bytes.Repeat([]byte{0xc1, 0}, 4)), "preview"); r.code != exitBroken || !strings.Contains(r.err, "head of a chunk") {
		t.Errorf("a short chunk: %+v", r)
	}
}
