package classic

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// write puts files into a folder and returns the path of main.conf.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	folder := t.TempDir()
	for name, text := range files {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(folder, "main.conf")
}

func TestLoad(t *testing.T) {
	t.Setenv("INDEX", "from-env")
	t.Setenv("EMPTY", "")
	c, err := Load(write(t, map[string]string{
		"main.conf": "# a comment\n" +
			"@SET PORT=9201\n" +
			"@SET INDEX=from-set\n" +
			"[SERVICE]\r\n" +
			"    Flush  0.5\r\n" +
			"    # an indented comment\n" +
			"    \n" +
			"[FILTER]\n    Name grep\n" +
			"@INCLUDE parts/*.conf\n" +
			"[service]\n    Grace 2\n    Flush 3\n",
		"parts/1-input.conf":  "[INPUT]\n\tName tail\n\tTag   kube.*\n",
		"parts/2-output.conf": "[OUTPUT]\n  Name es_go\n  Hosts \"http://a:${PORT}\" # not a comment\n  Index ${INDEX}-%Y\n  Pipeline ${NOT_SET_1}\n  Routing x${EMPTY}y${NOT_SET_1}\n  Logstash_Prefix ${NOT_SET_2:-fall-back}\n  hosts twice\n[FILTER]\n  Name nest\n",
	}))
	if err != nil {
		t.Fatal(err)
	}
	want := &Config{
		Service: Section{"SERVICE", [][2]string{{"flush", "0.5"}, {"grace", "2"}, {"flush", "3"}}},
		Inputs:  []Section{{"INPUT", [][2]string{{"name", "tail"}, {"tag", "kube.*"}}}},
		Outputs: []Section{{"OUTPUT", [][2]string{{"name", "es_go"}, {"hosts", `"http://a:9201" # not a comment`}, {"index", "from-set-%Y"},
			{"pipeline", ""}, {"routing", "xy"}, {"logstash_prefix", "fall-back"}, {"hosts", "twice"}}}},
		Ignored: []string{"FILTER"},
		Unset:   []string{"NOT_SET_1", "EMPTY"},
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got  %+v\nwant %+v", c, want)
	}
	if got := c.Service.Get("flush"); got != "3" {
		t.Errorf("the last value counts, got %q", got)
	}
	if got := c.Service.Get("absent"); got != "" {
		t.Errorf("absent is %q", got)
	}
}

func TestConfigurationsThatFluentBitRejects(t *testing.T) {
	for text, want := range map[string]string{
		"[INPUT]\n    Name tail\n  Tag x\n":       "main.conf:3: indentation level is too low",
		"[INPUT]\n    Name tail\n\tTag x\n":       "main.conf:3: indentation level is too low",
		"[INPUT]\n  Name tail\n     Tag x\n":      "main.conf:3: extra indentation",
		"[INPUT]\nName tail\n":                    "main.conf:2: indentation",
		"[INPUT]\n  Name\ttail\n":                 "a tab won't do",
		"[INPUT]\n  Name \n":                      "undefined value",
		"[INPUT\n  Name tail\n":                   "bad header",
		"  Name tail\n":                           "before any [SECTION]",
		"@SET nothing\n":                          "@SET name=value",
		"@INCLUDE missing.conf\n":                 "missing.conf",
		"@INCLUDE missing*.conf\n":                "no file matches",
		"@INCLUDE main.conf\n":                    "included twice",
		"[OUTPUT]\n  Name x\n  [PROCESSORS]\n":    "groups",
		"[INPUT]\n    Name tail\n  \n    Tag x\n": "main.conf:3: indentation",
	} {
		if _, err := Load(write(t, map[string]string{"main.conf": text})); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	if _, err := Load(filepath.Join(t.TempDir(), "none.conf")); err == nil {
		t.Error("a file that isn't there")
	}
}

func TestTagOf(t *testing.T) {
	for _, c := range [][3]string{
		{"kube.*", "/var/log/containers/app_ns_c-1.log", "kube.var.log.containers.app_ns_c-1.log"},
		{"*", "/var/log/a.log", "var.log.a.log"},
		{"plain", "/var/log/a.log", "plain"},
		{"x.*.y", "a", "x.a.y"},
		{"x*", "/a", "x.a"},
		{"x.*.", "a//b", "x.a.b"},
		{"x.*.*", "C:\\b*", "x.C.b"},
		{"*", "..a", ".a"},
	} {
		if got := TagOf(c[0], c[1]); got != c[2] {
			t.Errorf("%s with %s: %q, want %q", c[0], c[1], got, c[2])
		}
	}
}
