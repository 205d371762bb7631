package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tinylib/msgp/msgp"

	"out_es/test/host"
	"out_es/test/support"
)

// asCommand makes the test's own executable run main, so that signals can be tried without another
// build.
const asCommand = "OUT_ES_HOST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
		return
	}
	code := m.Run()
	if so, err := tiny(); err == nil {
		os.RemoveAll(filepath.Dir(so))
	}
	os.Exit(code)
}

// tiny compiles ../testdata/tiny.c and returns its path.
var tiny = sync.OnceValues(func() (string, error) {
	folder, err := os.MkdirTemp("", "tiny")
	if err != nil {
		return "", err
	}
	so := filepath.Join(folder, "tiny.so")
	out, err := exec.Command("cc", "-shared", "-fPIC", "-o", so, "../testdata/tiny.c", "-lpthread").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return so, nil
})

// setUp writes the files into a new folder and replaces DIR in the configuration by the folder's
// name.
func setUp(t *testing.T, configuration string, files map[string]string) (o options, folder string) {
	t.Helper()
	folder = t.TempDir()
	so, err := tiny()
	if err != nil {
		t.Fatal(err)
	}
	o = options{plugin: so, config: filepath.Join(folder, "f.conf"), exitWhenDone: true,
		longestWait: time.Millisecond, stdout: &support.Journal{}, stderr: &support.Journal{}}
	configuration = strings.ReplaceAll(configuration, "DIR", folder)
	if err := os.WriteFile(o.config, []byte(configuration), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return o, folder
}

func wantIn(t *testing.T, text fmt.Stringer, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text.String(), part) {
			t.Errorf("no %q in:\n%s", part, text)
		}
	}
}

// records decodes a dump into one JSON text an event.
func records(t *testing.T, dump string) (events []string) {
	t.Helper()
	packed, err := os.ReadFile(dump)
	for err == nil && len(packed) > 0 {
		var record bytes.Buffer
		var rest []byte
		if _, packed, err = msgp.ReadArrayHeaderBytes(packed); err != nil {
			break
		}
		if packed, err = msgp.Skip(packed); err != nil {
			break
		}
		if rest, err = msgp.Skip(packed); err != nil {
			break
		}
		_, err = msgp.UnmarshalAsJSON(&record, packed[:len(packed)-len(rest)])
		events, packed = append(events, record.String()), rest
	}
	if err != nil {
		t.Fatal(err)
	}
	return events
}

const tailToTiny = `[SERVICE]
    Flush 0.05
    Grace 0.3
[INPUT]
    Name tail
    Path DIR/*.log
    Tag  app.*
    Parser JSON
    Read_from_Head On
    Mem_Buf_Limit 5M
[FILTER]
    Name grep
[OUTPUT]
    Name   tiny
    Match  app.*
    Dump   DIR/dump
    `

func TestFilesAreReadToTheEndAndFlushed(t *testing.T) {
	o, folder := setUp(t, tailToTiny+"Workers 2\n[OUTPUT]\n    Name stdout\n    Match *\n", map[string]string{
		"a.log": "{\"b\":1,\"a\":[1.5,null]}\r\nplain\r\n\nno end",
	})
	if err := run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	want := []string{`{"b":1,"a":[1.5,null]}`, `{"log":"plain\r"}`, `{"log":""}`}
	if got := records(t, filepath.Join(folder, "dump")); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %q", got)
	}
	tag := "app" + strings.ReplaceAll(folder, "/", ".") + ".a.log"
	wantIn(t, o.stdout.(*support.Journal), "           3            3            0            0            0  "+tag+"\n", "  (all)\n")
	wantIn(t, o.stderr.(*support.Journal), "mem_buf_limit is ignored", "[FILTER] sections are ignored", "[OUTPUT] stdout is ignored",
		"6 bytes at the end of", "[ info] exit\n", "unregistered")
}

func TestRetries(t *testing.T) {
	for name, c := range map[string]struct{ settings, report, log string }{
		"until it is OK":     {"Codes 2221\n    Retry_Limit no_limits", "1 1 3 0 0", ""},
		"up to the limit":    {"Codes 222\n    Retry_Limit 2", "1 0 2 0 1", "Retry_Limit 2 is reached"},
		"once by default":    {"Codes 22", "1 0 1 0 1", "Retry_Limit 1 is reached"},
		"never":              {"Codes 2\n    Retry_Limit no_retries", "1 0 0 0 1", "Retry_Limit 0 is reached"},
		"not after an ERROR": {"Codes 20", "1 0 1 1 0", "the plugin answered ERROR"},
	} {
		t.Run(name, func(t *testing.T) {
			o, _ := setUp(t, tailToTiny+c.settings+"\n", map[string]string{"a.log": "{}\n"})
			if err := run(t.Context(), o); err != nil {
				t.Fatal(err)
			}
			report := strings.Fields(o.stdout.(*support.Journal).String())
			if got := strings.Join(report[len(report)-6:len(report)-1], " "); got != c.report {
				t.Errorf("read, ok, retried, errors, dropped: %s, want %s", got, c.report)
			}
			wantIn(t, o.stderr.(*support.Journal), c.log)
		})
	}
}

func TestLargeFilesBecomeChunksOf2MB(t *testing.T) {
	line := strings.Repeat("x", 1023) + "\n"
	o, folder := setUp(t, tailToTiny, map[string]string{"a.log": strings.Repeat(line, 5000), "b.log": strings.Repeat(line, 100)})
	if err := run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if got := len(records(t, filepath.Join(folder, "dump"))); got != 5100 {
		t.Errorf("%d records", got)
	}
}

func TestTailingGoesOnUntilTheEndAndFlushesWhatIsThere(t *testing.T) {
	o, folder := setUp(t, strings.Replace(tailToTiny, "Flush 0.05", "Flush 3600", 1), map[string]string{"a.log": "1\n"})
	o.exitWhenDone = false
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- run(ctx, o) }()
	appendTo(t, filepath.Join(folder, "a.log"), "2\n")
	appendTo(t, filepath.Join(folder, "new.log"), "3\n")
	time.Sleep(10 * pollInterval) // lines are not visible before they are flushed
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if got := records(t, filepath.Join(folder, "dump")); len(got) != 3 {
		t.Errorf("got %q", got)
	}
}

func TestTheGraceEndsRetries(t *testing.T) {
	o, _ := setUp(t, tailToTiny+"Codes "+strings.Repeat("2", 100_000)+"\n    Retry_Limit false\n", map[string]string{"a.log": "{}\n"})
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	begin := time.Now()
	if err := run(ctx, o); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begin); took < 500*time.Millisecond {
		t.Errorf("took %v, less than 0.2 s and the grace of 0.3 s", took)
	}
	wantIn(t, o.stderr.(*support.Journal), "the grace is over", "[ info] exit\n")
}

func TestAFailedInitExitsTheOthers(t *testing.T) {
	more := "[OUTPUT]\n    Name tiny\n    Match *\n    Init 0\n    Alias second\n[OUTPUT]\n    Name tiny\n    Match *\n"
	o, _ := setUp(t, tailToTiny+"\n"+more, nil)
	err := run(t.Context(), o)
	if failed := (*host.InitError)(nil); !errors.As(err, &failed) || !strings.Contains(err.Error(), "second") {
		t.Errorf("got %v", err)
	}
	wantIn(t, o.stderr.(*support.Journal), "] exit\n", "exit without init\n", "unregistered")
}

func TestACrashEndsTheRun(t *testing.T) {
	o, _ := setUp(t, strings.Replace(strings.Replace(tailToTiny, "app.*", "crash", 1), "app.*", "*", 1), map[string]string{"a.log": "{}\n"})
	err := run(t.Context(), o)
	if crash := (*host.CrashError)(nil); !errors.As(err, &crash) || strings.Count(err.Error(), "segmentation fault") != 1 {
		t.Errorf("got %v", err)
	}
	wantIn(t, o.stdout.(*support.Journal), "           1            0            0            0            1  crash\n")
}

func TestFaultsOfTheConfigurationNameTheRemedy(t *testing.T) {
	for configuration, want := range map[string]string{
		"[INPUT]\n    Name dummy\n":                                    "only tail",
		"[INPUT]\n    Name tail\n":                                     "name the files",
		"[INPUT]\n    Name tail\n    Path x\n    Parser cri\n":         "only json",
		"[SERVICE]\n    Flush 0\n":                                     "number of seconds above 0",
		"[SERVICE]\n    Coro_Stack_Size 1\n":                           "from 4096",
		"[OUTPUT]\n    Name es_go\n    Match *\n":                      "no [OUTPUT] has the Name tiny",
		"[OUTPUT]\n    Name tiny\n    Match *\n    tls on\n":           "use the plugin's own",
		"[INPUT]\n    Name tail\n    Path x\n    Tag ${UNSET_TAG_1}\n": "no [OUTPUT]",
	} {
		o, _ := setUp(t, configuration, nil)
		if err := run(t.Context(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", configuration, err, want)
		}
	}
}

func TestSIGTERMEndsTheCommandGracefully(t *testing.T) {
	o, folder := setUp(t, tailToTiny, map[string]string{"a.log": "{}\n"})
	var stdout, stderr support.Journal
	command := exec.CommandContext(t.Context(), os.Args[0], "-e", o.plugin, "-c", o.config)
	command.Env = append(os.Environ(), asCommand+"=1")
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(folder, "dump")); err == nil {
			break
		}
		if t.Context().Err() != nil {
			t.Fatal("nothing was flushed")
		}
		time.Sleep(pollInterval)
	}
	if err := command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := command.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	wantIn(t, &stdout, "           1            1            0            0            0  (all)\n")
	wantIn(t, &stderr, "[ info] exit\n")
}

func appendTo(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

func TestRecordedChunksTakeTheInputsPlace(t *testing.T) {
	o, folder := setUp(t, "[INPUT]\n    name dummy\n[OUTPUT]\n    name tiny\n    match *\n", nil)
	chunks, err := host.Chunks(host.Nested, time.Unix(1, 0), `{"a":1}`, `{"a":2}`)
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if err := host.WriteRecorded(&file, []host.Recorded{{Tag: "one", Chunk: chunks[0]}, {Tag: "two", Chunk: chunks[0]}, {Tag: "one", Chunk: chunks[0]}}); err != nil {
		t.Fatal(err)
	}
	o.chunks = filepath.Join(folder, "chunks.msgpack.gz")
	if err := os.WriteFile(o.chunks, file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	var report bytes.Buffer
	o.stdout = &report
	if err := run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(report.String()), "\n")
	if fields := strings.Fields(lines[len(lines)-1]); len(fields) < 2 || fields[0] != "6" || fields[1] != "6" {
		t.Errorf("6 records read and 6 delivered expected:\n%s", report.String())
	}
}
