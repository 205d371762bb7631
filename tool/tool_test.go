package tool

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"out_es/test/support"
)

var update = flag.Bool("update", false, "write golden files, docs/out-es.md and man pages")

// result is the output of a command and its exit code.
type result struct {
	code     int
	out, err string
}

// out runs out-es with words, and in on standard input.
func out(in string, words ...string) result {
	var stdout, stderr strings.Builder
	code := run(context.Background(), append([]string{"out-es"}, words...), streams{strings.NewReader(in), &stdout, &stderr})
	return result{code, stdout.String(), stderr.String()}
}

// golden holds a run of out-es to a file of testdata/golden. Names of temporary files are replaced
// by words.
func golden(t *testing.T, name string, r result, replace ...string) {
	t.Helper()
	text := fmt.Sprintf("exit code %d\n--- standard output\n%s--- standard error\n%s", r.code, r.out, r.err)
	support.CompareGolden(t, filepath.Join("testdata", "golden", name), strings.NewReplacer(replace...).Replace(text), *update)
}

func TestHelp(t *testing.T) {
	golden(t, "help", out("", "--help"))
	for _, command := range newRoot(streams{}).Commands() {
		golden(t, "help-"+command.Name(), out("", command.Name(), "--help"))
	}
}

func TestUsageErrors(t *testing.T) {
	for _, row := range []struct{ words, says string }{
		{"nonsense", `unknown command "nonsense"`},
		{"check", "requires at least 1 arg"},
		{"check --nonsense x", "unknown flag: --nonsense"},
		{"check --format xml testdata/check/good.conf", `format "xml": must be text, json or github`},
		{"check --color pink testdata/check/good.conf", `--color "pink": must be auto, always or never`},
		{"migrate a b", "accepts 1 arg"},
	} {
		r := out("", strings.Fields(row.words)...)
		if r.code != exitBroken || r.out != "" || !strings.Contains(r.err, row.says) || !strings.Contains(r.err, "--help") {
			t.Errorf("%q ends with %d: %q", row.words, r.code, r.err)
		}
	}
}

func TestCompletionsOfEveryShell(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if r := out("", "completion", shell); r.code != exitOK || !strings.Contains(r.out, "out-es") {
			t.Errorf("%s: %d, %s", shell, r.code, r.err)
		}
	}
	if r := out("", "__complete", "check", "--format", ""); !strings.Contains(r.out, "github") {
		t.Errorf("values of --format are not completed: %s", r.out)
	}
}

func TestCheck(t *testing.T) {
	for name, words := range map[string]string{
		"check": "check testdata/check/good.conf testdata/check/bad.conf", "check-github": "check --format github testdata/check/bad.conf",
		"check-json": "check --format json testdata/check/bad.conf", "check-color": "check --color always testdata/check/bad.conf testdata/check/weak.conf",
		"check-strict": "check --strict testdata/check/weak.conf", "check-other": "check testdata/check/other.conf",
	} {
		golden(t, name, out("", strings.Fields(words)...))
	}
}

func TestMigrate(t *testing.T) {
	golden(t, "migrate", out("", "migrate", "testdata/check/undecided.conf"))
}

const (
	good = "testdata/check/good.conf"
	bad  = "testdata/check/bad.conf"
	weak = "testdata/check/weak.conf"
)

// TestTheLintersNameWorksAsItDid runs the command lines that the linter had, by its name.
func TestTheLintersNameWorksAsItDid(t *testing.T) {
	folder := t.TempDir()
	old := filepath.Join(folder, "old.conf")
	if err := os.WriteFile(old, []byte("[OUTPUT]\n    Name es\n    Match *\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		words string
		want  int
		out   string
		err   string
	}{
		{good, exitOK, "", ""},
		{"-strict " + good, exitOK, "", ""},
		{bad, exitFound, "did you mean Hosts?", ""},
		{good + " " + bad, exitFound, "bad.conf:10: error", ""},
		{weak, exitOK, "warning: storage.total_limit_size", ""},
		{"--strict " + weak, exitFound, "warning", ""},
		{"-format github " + bad, exitFound, "::error file=", ""},
		{"--format json " + good, exitOK, "[]", ""},
		{folder + "/none.conf", exitBroken, "", "no such file"},
		{"", exitBroken, "", "requires at least 1 arg"},
		{"--help", exitOK, "out-es check", ""},
		{"-migrate " + old, exitOK, "Name es_go", ""},
		{"--migrate testdata/check/undecided.conf", exitFound, "CHECK THIS", "tls.ciphers is left out"},
		{"--migrate testdata/check/other.conf", exitOK, "Name stdout", "no section of es or opensearch in it"},
	} {
		var stdout, stderr strings.Builder
		code := run(t.Context(), append([]string{"/usr/bin/out_es-lint"}, strings.Fields(row.words)...), streams{strings.NewReader(""), &stdout, &stderr})
		if code != row.want || !strings.Contains(stdout.String(), row.out) || !strings.Contains(stderr.String(), row.err) || row.err == "" && stderr.Len() > 0 {
			t.Errorf("%q ends with %d, want %d; it says %q and %q", row.words, code, row.want, stdout.String(), stderr.String())
		}
	}
}

// TestColorsAreForTerminals: NO_COLOR and a pipe have none.
func TestColorsAreForTerminals(t *testing.T) {
	if r := out("", "check", bad); strings.Contains(r.out, "\x1b[") {
		t.Error("colours in a pipe")
	}
	if r := out("", "check", "--color", "always", bad); !strings.Contains(r.out, "\x1b[") {
		t.Error("no colours with --color always")
	}
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip(err)
	}
	defer terminal.Close()
	t.Setenv("TERM", "xterm")
	for no, want := range map[string]bool{"": true, "1": false} {
		t.Setenv("NO_COLOR", no)
		command := newRoot(streams{})
		if err := command.ParseFlags(nil); err != nil {
			t.Fatal(err)
		}
		if colors, err := paletteOf(command, terminal); err != nil || colors.on != want {
			t.Errorf("NO_COLOR=%q on a terminal: colours %v, %v", no, colors.on, err)
		}
	}
}
