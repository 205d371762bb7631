package host_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"out_es/test/host"
	"out_es/test/support"
)

// tiny compiles testdata/tiny.c, a plugin whose behaviour is controlled by a flush's tag, and
// returns its path.
var tiny = sync.OnceValues(func() (string, error) {
	folder, err := os.MkdirTemp("", "tiny")
	if err != nil {
		return "", err
	}
	so := filepath.Join(folder, "tiny.so")
	out, err := exec.Command("cc", "-g", "-shared", "-fPIC", "-o", so, "testdata/tiny.c", "-lpthread").CombinedOutput()
	if err != nil {
		return "", errors.New(string(out))
	}
	return so, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if so, err := tiny(); err == nil {
		os.RemoveAll(filepath.Dir(so))
	}
	os.Exit(code)
}

func start(t *testing.T, o host.Options) *host.Host {
	t.Helper()
	so, err := tiny()
	if err != nil {
		t.Fatal(err)
	}
	o.Plugin = so
	h, err := host.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func initialize(t *testing.T, h *host.Host, i host.Instance) *host.Output {
	t.Helper()
	out, err := h.Init(i)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func flush(t *testing.T, o *host.Output, tag string) host.Code {
	t.Helper()
	code, err := o.Flush(t.Context(), tag, bytes.Repeat([]byte{0x90}, 200))
	if err != nil {
		t.Errorf("%s: %v", tag, err)
	}
	return code
}

// stop ends everything the regular way and returns the whole log.
func stop(t *testing.T, h *host.Host, l *support.Journal, outputs ...*host.Output) string {
	t.Helper()
	for _, o := range outputs {
		if err := o.Exit(); err != nil {
			t.Error(err)
		}
	}
	if err := errors.Join(h.Unregister(), h.Close()); err != nil {
		t.Error(err)
	}
	return l.String()
}

func wantIn(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("no %q in:\n%s", part, text)
		}
	}
}

func TestPropertiesAreLookedUpAsInFluentBit(t *testing.T) {
	var l support.Journal
	h := start(t, host.Options{Log: &l, Env: []string{"TZ=UTC"}})
	out := initialize(t, h, host.Instance{Workers: 1, Properties: [][2]string{
		{"Hosts", "first"}, {"hosts", "second"}, {"Empty", ""}, {"empty", "too late"}, {"Host", "kept"}, {"PORT", "kept"},
		{"tls.verify", "off"}, {"tls.made_up", "seen"}, {"net.keepalive", "on"}, {"oauth2.enable", "x"}, {"Retry_Limit", "3"},
		{"Alias", "named"}, {"Match", "*"}, {"Show", "HOSTS,empty,host,port,tls.verify,tls.made_up,net.keepalive," +
			"oauth2.enable,retry_limit,alias,match,workers,missing"},
	}})
	text := stop(t, h, &l, out)
	wantIn(t, text, "HOSTS is first\n", "empty is absent", "tls.made_up is seen", "[ info] exit\n", "[ info] unregistered\n")
	for _, key := range strings.Split("host,port,tls.verify,net.keepalive,oauth2.enable,retry_limit,alias,match,workers,missing", ",") {
		wantIn(t, text, "\x20"+key+" is absent\n")
	}
	if strings.Contains(text, host.ForeignMark) || strings.Contains(text, "debug is on") {
		t.Errorf("unexpected in:\n%s", text)
	}
}

func TestFluentBitsRejectionIsAConfigError(t *testing.T) {
	h := start(t, host.Options{})
	for _, kv := range [][2]string{{"tls", "On"}, {"log_level", "loud"}} {
		_, err := h.Init(host.Instance{Properties: [][2]string{kv}})
		if refused := (*host.ConfigError)(nil); !errors.As(err, &refused) || !strings.Contains(err.Error(), kv[0]) {
			t.Errorf("%v: %v", kv, err)
		}
	}
	stop(t, h, new(support.Journal))
}

func TestAFailedInitIsAnInitErrorAndLeavesTheOthers(t *testing.T) {
	var l support.Journal
	h := start(t, host.Options{Log: &l})
	good := initialize(t, h, host.Instance{})
	_, err := h.Init(host.Instance{Properties: [][2]string{{"Init", "0"}}})
	if failed := (*host.InitError)(nil); !errors.As(err, &failed) || failed.Code != 0 || failed.Plugin != "tiny" {
		t.Errorf("got %v", err)
	}
	if two := initialize(t, h, host.Instance{Properties: [][2]string{{"Init", "2"}}}); two.Exit() != nil {
		t.Error("an Init that returns 2 has succeeded")
	}
	if err := h.Unregister(); err == nil {
		t.Error("unregistered with an instance alive")
	}
	never, err := h.New(host.Instance{})
	if err != nil {
		t.Fatal(err)
	}
	wantIn(t, stop(t, h, &l, good, never), "plugin 'tiny' failed to initialize", "exit without init")
}

func TestCodesAndBrokenPromises(t *testing.T) {
	h := start(t, host.Options{})
	out := initialize(t, h, host.Instance{Properties: [][2]string{{"Codes", "2201"}}})
	for i, want := range []host.Code{host.RETRY, host.RETRY, host.ERROR, host.OK, host.OK} {
		if got := flush(t, out, "codes"); got != want {
			t.Errorf("flush %d: %v, want %v", i, got, want)
		}
	}
	if code, err := out.Flush(t.Context(), "size", []byte("abc")); code != host.OK || err != nil {
		t.Errorf("the chunk did not arrive: %v %v", code, err)
	}
	if code, err := out.Flush(t.Context(), "size", nil); code != host.ERROR || err != nil {
		t.Errorf("an empty chunk: %v %v", code, err)
	}
	for tag, want := range map[string]string{"return 7": "returned 7", "return -1": "returned -1", "write": "wrote into"} {
		if _, err := out.Flush(t.Context(), tag, []byte("abc")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", tag, err)
		}
	}
	stop(t, h, new(support.Journal), out)
	if _, err := out.Flush(t.Context(), "late", nil); !errors.Is(err, host.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestAKeptPointerIsDetected(t *testing.T) {
	h := start(t, host.Options{})
	out := initialize(t, h, host.Instance{})
	flush(t, out, "keep")
	if flush(t, out, "peek") != host.OK {
		t.Error("the chunk was not overwritten after its flush")
	}
	stop(t, h, new(support.Journal), out)
}

func TestWorkersFlushAtOnceAndTheEngineOneByOne(t *testing.T) {
	h := start(t, host.Options{})
	out := initialize(t, h, host.Instance{Workers: 4})
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() { flush(t, out, "meet 4") })
	}
	all.Wait()

	engine := initialize(t, h, host.Instance{})
	begin := time.Now()
	for range 3 {
		all.Go(func() { flush(t, engine, "sleep 30") })
	}
	all.Wait()
	if took := time.Since(begin); took < 90*time.Millisecond {
		t.Errorf("three flushes of 30 ms on one thread took %v", took)
	}
	stop(t, h, new(support.Journal), out, engine)
}

func TestLogLines(t *testing.T) {
	var l support.Journal
	file := filepath.Join(t.TempDir(), "fluent-bit.log")
	h := start(t, host.Options{Log: &l, LogFile: file, LogLevel: "debug"})
	out := initialize(t, h, host.Instance{Workers: 1})
	quiet := initialize(t, h, host.Instance{Properties: [][2]string{{"Log_Level", "info"}}})
	flush(t, out, "thread")
	flush(t, out, "print")
	wantIn(t, stop(t, h, &l, out, quiet), "from a thread of the plugin "+host.ForeignMark+"\n", "hello")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "from a thread") || strings.Count(string(text), "[debug] debug is on\n") != 1 {
		t.Errorf("log file:\n%s", text)
	}
}

func TestMetricsAreScraped(t *testing.T) {
	h := start(t, host.Options{})
	one := initialize(t, h, host.Instance{})
	two := initialize(t, h, host.Instance{Properties: [][2]string{{"alias", `a"b`}}, Workers: 1})
	flush(t, one, "x")
	flush(t, two, "x")
	flush(t, two, "x")
	got, err := h.Scrape()
	if err != nil {
		t.Fatal(err)
	}
	want := `# HELP fluentbit_output_tiny_flushes_total Flushes.
# TYPE fluentbit_output_tiny_flushes_total counter
fluentbit_output_tiny_flushes_total{name="tiny.0"} 1
fluentbit_output_tiny_flushes_total{name="a\"b"} 2
# HELP fluentbit_output_tiny_level A level.
# TYPE fluentbit_output_tiny_level gauge
fluentbit_output_tiny_level 1.5
fluentbit_output_tiny_level 1.5
# HELP fluentbit_output_tiny_seconds Seconds.
# TYPE fluentbit_output_tiny_seconds histogram
`
	for _, name := range []string{"tiny.0", `a\"b`} {
		for i, le := range []string{"0.5", "2.0", "+Inf"} {
			want += `fluentbit_output_tiny_seconds_bucket{le="` + le + `",name="` + name + `"} ` + []string{"1", "3", "3"}[i] + "\n"
		}
		want += `fluentbit_output_tiny_seconds_sum{name="` + name + "\"} 3\n"
		want += `fluentbit_output_tiny_seconds_count{name="` + name + "\"} 3\n"
	}
	if got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
	stop(t, h, new(support.Journal), one, two)
}

func TestABareHostExportsNothing(t *testing.T) {
	var l support.Journal
	h := start(t, host.Options{Bare: true, Log: &l})
	out := initialize(t, h, host.Instance{Properties: [][2]string{{"Show", "Show"}}})
	if text, err := h.Scrape(); text != "" || err != nil {
		t.Errorf("scraped %q, %v", text, err)
	}
	wantIn(t, stop(t, h, &l, out), "tiny: Show is Show\n", "tiny: exit\n")
}

func TestHotReload(t *testing.T) {
	var l support.Journal
	h := start(t, host.Options{Log: &l})
	old := initialize(t, h, host.Instance{})
	if err := h.Reload(); err != nil {
		t.Fatal(err)
	}
	flush(t, old, "still there")
	if err := errors.Join(old.Exit(), h.Unregister()); err != nil {
		t.Fatal(err)
	}
	fresh := initialize(t, h, host.Instance{})
	flush(t, fresh, "x")
	stop(t, h, &l, fresh)
}

func BenchmarkFlush(b *testing.B) {
	so, err := tiny()
	if err != nil {
		b.Fatal(err)
	}
	h, err := host.Start(b.Context(), host.Options{Plugin: so})
	if err != nil {
		b.Fatal(err)
	}
	defer h.Close()
	out, err := h.Init(host.Instance{Workers: 2})
	if err != nil {
		b.Fatal(err)
	}
	for _, size := range []int{1_000, host.ChunkBytes} {
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			chunk := make([]byte, size)
			b.SetBytes(int64(size))
			for b.Loop() {
				if _, err := out.Flush(b.Context(), "x", chunk); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
