package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	good = "[SERVICE]\n    storage.path x\n[OUTPUT]\n    Name es_go\n    Match *\n    Hosts http://a\n    Workers 1\n    Retry_Limit off\n    Generate_ID on\n"
	bad  = good + "    Hots b\n"
	weak = good + "    storage.total_limit_size 1G\n"
)

func TestExitCodes(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	goodFile, badFile, weakFile := write("good.conf", good), write("bad.conf", bad), write("weak.conf", weak)
	old := write("old.conf", "[OUTPUT]\n    Name es\n    Match *\n")
	undecided := write("undecided.conf", "[OUTPUT]\n    Name es\n    Match *\n    tls.ciphers x\n")
	unreadable := write("unreadable.yaml", "pipeline:\n  outputs:\n    - name: es_go\n      index: %Y\n")
	other := write("other.conf", "[OUTPUT]\n    Name stdout\n    Match *\n")
	for _, row := range []struct {
		arguments string
		want      int
		out, err  string
	}{
		{goodFile, clean, "", ""},
		{"--strict " + goodFile, clean, "", ""},
		{badFile, findings, "did you mean Hosts?", ""},
		{goodFile + " " + badFile, findings, "bad.conf:10: error", ""},
		{weakFile, clean, "warning: storage.total_limit_size", ""},
		{"--strict " + weakFile, findings, "warning", ""},
		{"--format github " + badFile, findings, "::error file=", ""},
		{"--format json " + goodFile, clean, "[]", ""},
		{"--format xml " + goodFile, broken, "", "must be text, json or github"},
		{unreadable, findings, "this is no YAML", ""},
		{other, clean, "", "no section of es_go in it"},
		{folder + "/none.conf", broken, "", "no such file"},
		{"", broken, "", "usage:"},
		{"--nonsense", broken, "", "usage:"},
		{"--help", clean, "", "usage:"},
		{"--migrate " + old, clean, "Name es_go", ""},
		{"--migrate " + undecided, findings, "LOOK AT THIS", "tls.ciphers is left out"},
		{"--migrate " + other, clean, "Name stdout", "no section of es or opensearch in it"},
		{"--migrate " + folder + "/none.conf", broken, "", "no such file"},
		{"--migrate " + old + " " + old, broken, "", "usage:"},
	} {
		var out, errs strings.Builder
		if got := run(strings.Fields(row.arguments), &out, &errs); got != row.want || !strings.Contains(out.String(), row.out) || !strings.Contains(errs.String(), row.err) || row.err == "" && errs.Len() > 0 {
			t.Errorf("%q ends with %d, want %d; it says %q and %q", row.arguments, got, row.want, out.String(), errs.String())
		}
	}
}
