package config_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"out_es/plugin/config"
	"out_es/test/support"
)

var update = flag.Bool("update", false, "write testdata/*.golden and docs/configuration.md")

// section reads a file as Fluent Bit's classic format does: a key, white space, and the rest of the
// line as the value, quotes and comments included. Only a line that starts with # is a comment.
func section(text string) func(name string) string {
	values := map[string]string{}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if key, value, found := strings.Cut(line, " "); found && !strings.HasPrefix(line, "#") {
			values[strings.ToLower(key)] = strings.TrimSpace(value)
		}
	}
	return func(name string) string { return values[strings.ToLower(name)] }
}

// TestFaults has a section in each testdata/*.conf, and all of its faults in the golden file beside
// it. To write those: go test -update.
func TestFaults(t *testing.T) {
	files, err := filepath.Glob("testdata/*.conf")
	if err != nil || len(files) == 0 {
		t.Fatal("no test data", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".conf")
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, faults := config.Parse(section(string(text)))
			got := "no fault\n"
			if err := faults.Err(); err != nil {
				got = err.Error() + "\n"
			}
			support.CompareGolden(t, strings.TrimSuffix(file, ".conf")+".golden", got, *update)
		})
	}
}

func TestSectionWithoutFaultHasNoError(t *testing.T) {
	c, faults := config.Parse(section("hosts localhost"))
	if err := faults.Err(); err != nil || c == nil {
		t.Error(err)
	}
}

func TestFaultsOfOtherRoomsReadTheSame(t *testing.T) {
	c, _ := config.Parse(section(""))
	for _, row := range []struct{ option, value, want string }{
		{"Index", "$", `Index "$": is wrong`},
		{"HTTP_Passwd", "hunter2", `HTTP_Passwd "***": is wrong`},
		{"Hosts", "http://u:hunter2@es", `Hosts "***@es": is wrong`},
		{"Index", `"$"`, `Index "\"$\"": is wrong; Fluent Bit's classic format keeps quotes as part of the value: remove them`},
		{"Unheard_Of", "x", `Unheard_Of "x": is wrong`},
	} {
		if got := c.FaultOf(row.option, row.value, os.ErrInvalid).String(); strings.ReplaceAll(got, "invalid argument", "is wrong") != row.want {
			t.Errorf("%s, want %s", got, row.want)
		}
	}
}
