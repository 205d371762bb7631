package template

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestInvalidTemplatesAreRejectedWithTheirLine(t *testing.T) {
	for name, c := range map[string]struct{ text, says string }{
		"empty":               {"", "line 1, column 1: is no JSON: unexpected end"},
		"no JSON":             {"PUT _index_template/x\n{}", "line 1, column 1: is no JSON: invalid character 'P'"},
		"a comma too many":    {"{\n  \"index_patterns\": [\"logs-*\"],\n}\n", "line 3, column 1: is no JSON: invalid character '}'"},
		"cut off":             {"{\n  \"template\": {\n", "line 2, column 16: is no JSON: unexpected end"},
		"two values":          {"{\"template\":{}}\n{}", "line 2, column 1: is no JSON: invalid character '{'"},
		"a list":              {"[1]", "line 1, column 1: must be a JSON object"},
		"neither kind":        {"{\"version\":1}", "must have \"index_patterns\""},
		"what GET answers":    {`{"index_templates":[]}`, "must have \"index_patterns\""},
		"a legacy template":   {"{\n\"index_patterns\":[\"a\"],\n\"mappings\":{}}", "line 3, column 1: has \"mappings\" outermost"},
		"a name twice":        {"{\n\"template\":{},\n\"template\":{}}", "line 3, column 1: has \"template\" twice"},
		"_meta is a string":   {"{\"template\":{},\n \"_meta\":\"x\"}", "line 2, column 2: must have an object as \"_meta\""},
		"_meta holds no JSON": {"{\"template\":{},\"_meta\":{]}", "line 1, column 25: is no JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parse([]byte(c.text), "x")
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want %s", err, c.says)
			}
		})
	}
}

func TestTheMarkIsAllThatIsAdded(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		kind Kind
	}{
		"index template":     {"\xef\xbb\xbf{\n \"index_patterns\" : [\"logs-*\"], \"template\":{\"mappings\":{\"_meta\":{\"a\":1}}}}\n", Index},
		"component template": {`{"template":{"settings":{"index.number_of_replicas":0}},"version":7}`, Component},
		"with _meta":         {`{"template":{},"_meta":{"by":"us","nested":{"a":[1,{}]}}}`, Component},
		"with empty _meta":   {`{"_meta":{ },"template":{}}`, Component},
	} {
		t.Run(name, func(t *testing.T) {
			read, err := parse([]byte(c.text), "x")
			if err != nil {
				t.Fatal(err)
			}
			if read.Kind != c.kind {
				t.Errorf("it is taken for an %v", read.Kind)
			}
			var got, want map[string]any
			if err := json.Unmarshal(read.Body, &got); err != nil {
				t.Fatalf("%v: %s", err, read.Body)
			}
			if err := json.Unmarshal([]byte(strings.TrimPrefix(c.text, "\xef\xbb\xbf")), &want); err != nil {
				t.Fatal(err)
			}
			meta, ok := want["_meta"].(map[string]any)
			if !ok {
				meta = map[string]any{}
				want["_meta"] = meta
			}
			meta[MarkKey] = read.Mark
			if a, b := canonical(t, got), canonical(t, want); a != b {
				t.Errorf("got  %s\nwant %s", a, b)
			}
		})
	}
}

func canonical(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestAnotherFileHasAnotherMark(t *testing.T) {
	one, errOne := parse([]byte(`{"template":{}}`), "x")
	two, errTwo := parse([]byte(`{"template":{ }}`), "x")
	if errOne != nil || errTwo != nil || one.Mark == two.Mark || one.Mark == "" {
		t.Errorf("%v %v %+v %+v", errOne, errTwo, one, two)
	}
}

func TestReadSaysWhyAFileCantBeRead(t *testing.T) {
	dir := t.TempDir()
	large := filepath.Join(dir, "large.json")
	if err := os.WriteFile(large, make([]byte, fileBytes+1), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, says := range map[string]string{
		filepath.Join(dir, "none.json"): "can't be read: no such file",
		dir:                             "can't be read: is a directory",
		large:                           "must not be larger than 1048576 bytes",
	} {
		if _, err := Read(path, "x"); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %s", path, err, says)
		}
	}
}

func TestCheckName(t *testing.T) {
	for name, good := range map[string]bool{
		"logs-es_go": true, "logs@custom": true, "a.b-2": true, "": true, // an empty one is checked by the option table
		"_x": false, ".x": false, "Logs": false, "a b": false, "a*": false, "a,b": false, "a#b": false, "a/b": false, "ü": false,
		strings.Repeat("a", 255): true, strings.Repeat("a", 256): false,
	} {
		if err := CheckName(name); (err == nil) != good {
			t.Errorf("%q: %v", name, err)
		}
	}
}
