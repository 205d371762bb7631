package main

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// stub puts a program of that name, a shell script, into a folder.
func stub(t *testing.T, folder, name, script string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(folder, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
}

func TestTheAgentIsTheFirstThatIsThere(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("a Docker engine counts on Linux only")
	}
	const engine = `case "$1" in version) echo 28;; image) exit 1;; pull) echo pulled;; esac`
	examples, err := filepath.Abs(filepath.Join("..", "..", "examples"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name     string
		programs map[string]string
		want     []string // in the command
		says     string
	}{
		{"Fluent Bit", map[string]string{"fluent-bit": "", "docker": engine}, []string{"/fluent-bit", "-e /plugins/out_es.so"}, ""},
		{"image", map[string]string{"docker": engine}, []string{
			"docker run --rm", "--network host", "/plugins/out_es.so:/out_es.so:ro", ":/state", fluentBitImage + " -e /out_es.so -c /conf/fluent-bit.conf",
		}, "pulled"},
		{"image that can't be had", map[string]string{"docker": `test "$1" = version`, "go": ""}, []string{"-exit-when-done", "-chunks"}, "The image can't be had"},
		{"engine that is down", map[string]string{"docker": "exit 1", "go": ""}, []string{"-exit-when-done", "-chunks"}, "no Docker engine answers"},
		{"nothing", map[string]string{"go": ""}, []string{"-exit-when-done", "-chunks"}, "made of the same logs"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := t.TempDir()
			for name, script := range c.programs {
				stub(t, path, name, script)
			}
			t.Setenv("PATH", path)
			t.Setenv("FLUENT_BIT", "")
			var out bytes.Buffer
			a := &agent{}
			s := settings{plugin: "/plugins/out_es.so", conf: filepath.Join(examples, "fluent-bit.conf"), examples: examples, out: &out}
			if err := a.choose(t.Context(), s, t.TempDir()); err != nil {
				t.Fatal(err)
			}
			command := strings.Join(a.cmd.Args, " ")
			for _, part := range c.want {
				if !strings.Contains(command, part) {
					t.Errorf("%q is not in the command %s", part, command)
				}
			}
			if !strings.Contains(out.String(), c.says) {
				t.Errorf("it doesn't say %q: %s", c.says, out.String())
			}
			if recorded := strings.Contains(command, "-chunks"); recorded != (a.records == 4999) {
				t.Errorf("%d records are recorded, command %s", a.records, command)
			}
		})
	}
}

func TestAWrongFluentBitIsNamed(t *testing.T) {
	t.Setenv("FLUENT_BIT", "/nowhere/fluent-bit")
	err := (&agent{}).choose(t.Context(), settings{out: &bytes.Buffer{}}, t.TempDir())
	if err == nil || !strings.Contains(err.Error(), "FLUENT_BIT=/nowhere/fluent-bit") {
		t.Errorf("%v", err)
	}
}
