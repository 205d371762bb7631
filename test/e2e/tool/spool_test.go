package tool

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tinylib/msgp/msgp"

	"out_es/plugin/spool"
	"out_es/test/e2e"
	"out_es/test/fluentbit"
	"out_es/test/support"
)

// taker takes all documents, one request in so many milliseconds, and counts them.
type taker struct {
	*httptest.Server
	documents atomic.Int64
}

func take(t *testing.T, pause time.Duration) *taker {
	t.Helper()
	s := &taker{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, ok := support.ReadBody(w, r)
		if !ok {
			return
		}
		w.Header().Set("X-Elastic-Product", "Elasticsearch")
		w.Header().Set("Content-Type", "application/json")
		if !strings.HasPrefix(r.URL.Path, "/_bulk") {
			_, _ = io.WriteString(w, `{"version":{"number":"9.5.3"}}`)
			return
		}
		n := bytes.Count(text, []byte{'\n'}) / 2
		time.Sleep(pause)
		s.documents.Add(int64(n))
		fmt.Fprintf(w, `{"errors":false,"items":[%s]}`, strings.TrimSuffix(strings.Repeat(`{"create":{"status":201}},`, n), ","))
	}))
	t.Cleanup(s.Close)
	return s
}

// spooledEvents are n events of about 1,000 bytes.
func spooledEvents(first, n int) (b []byte) {
	pad := strings.Repeat("a line of a log as long as they are, ", 26)
	for i := first; i < first+n; i++ {
		b = append(b, 0x92, 0x92, 0xd7, 0)
		b = binary.BigEndian.AppendUint32(b, 1795845600)
		b = binary.BigEndian.AppendUint32(b, uint32(i%1_000_000_000))
		b = msgp.AppendMapHeader(append(b, 0x80), 2)
		b = msgp.AppendInt(msgp.AppendString(b, "n"), i)
		b = msgp.AppendString(msgp.AppendString(b, "log"), pad)
	}
	return b
}

// wantedTag is that of the records that cat prints; its chunks are the last, so that no request
// reaches them during the test.
const wantedTag = "kube.wanted"

// fillSpool makes a spool of so many bytes, a sixth of it in small chunks, and returns the number
// of chunks and of records of wantedTag.
func fillSpool(t *testing.T, dir string, size int64) (chunks, wanted int) {
	t.Helper()
	s, err := spool.Open(dir, spool.Options{Limit: 2 * size})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	large, small := spooledEvents(0, 1000), spooledEvents(0, 4)
	add := func(tag string, chunk []byte, records int) {
		if err := s.Append(spool.Frame{Tag: tag, Chunk: chunk, Records: records}, spool.WithinLimit); err != nil {
			t.Fatal(err)
		}
		chunks++
	}
	for written := int64(0); written < size; {
		add(fmt.Sprintf("kube.app-%d", chunks%100), large, 1000)
		written += int64(len(large))
		for range len(large) / len(small) / 6 {
			add(fmt.Sprintf("kube.app-%d", chunks%100), small, 4)
			written += int64(len(small))
		}
	}
	for range 5 {
		add(wantedTag, spooledEvents(wanted, 500), 500)
		wanted += 500
	}
	return chunks, wanted
}

// TestSpoolOfALiveAgentIsReadBesideIt has an agent write to and send from a spool of 5 GB (SOAK=1;
// else 100 MB), and reads it meanwhile.
func TestSpoolOfALiveAgentIsReadBesideIt(t *testing.T) {
	fluentbit.ForTest(t)
	program(t) // its build is not measured
	size := int64(100 << 20)
	if os.Getenv("SOAK") != "" {
		size = 5 << 30
	}
	dir, server := t.TempDir(), take(t, 300*time.Millisecond)
	chunks, wanted := fillSpool(t, filepath.Join(dir, "es"), size)
	agent := fluentbit.Start(t, e2e.Plugin(), fmt.Sprintf("[SERVICE]\n    Flush 0.2\n    Grace 1\n    Log_Level info\n[INPUT]\n    Name dummy\n    Tag kube.live\n    Rate 500\n"+
		"[OUTPUT]\n    Name es_go\n    Alias es\n    Match *\n    Hosts %s\n    Spool_Path %s\n    Spool_Limit 20G\n    Bulk_Size 1M\n    Retry_Limit no_limits\n", server.URL, dir))
	support.Eventually(t, time.Minute, "the agent sends", func() bool { return server.documents.Load() > 2000 })
	received := `fluentbit_output_es_go_received_records_total{name="es"}`
	rate := func(during func()) (in, out float64) {
		in, out = -agent.Metric(t, received), -float64(server.documents.Load())
		began := time.Now()
		during()
		seconds := time.Since(began).Seconds()
		return (in + agent.Metric(t, received)) / seconds, (out + float64(server.documents.Load())) / seconds
	}
	quietIn, quietOut := rate(func() { time.Sleep(5 * time.Second) })
	took := map[string]time.Duration{}
	var state string
	busyIn, busyOut := rate(func() {
		for end := time.Now().Add(5 * time.Second); time.Now().Before(end); {
			for _, verb := range []string{"ls", "stat"} {
				began := time.Now()
				code, out, problems := outES(t, "", "spool", dir, verb)
				if took[verb] = max(took[verb], time.Since(began)); code != 0 {
					t.Fatalf("%s ends with %d: %s", verb, code, problems)
				}
				if state = out; !strings.Contains(out, "kube.app-7") && verb == "ls" {
					t.Errorf("ls does not show a tag:\n%s", out)
				}
			}
		}
		began := time.Now()
		code, out, problems := outES(t, "", "spool", dir, "cat", "--tag", wantedTag)
		if took["cat"] = time.Since(began); code != 0 || strings.Count(out, "\n") != wanted {
			t.Errorf("cat ends with %d and %d records, want %d: %s", code, strings.Count(out, "\n"), wanted, problems)
		}
		for n := range wanted {
			if !strings.Contains(out, fmt.Sprintf(`"record":{"n":%d,"log":"a line`, n)) {
				t.Fatalf("cat lacks record %d", n)
			}
		}
	})
	t.Logf("%d MB in %d chunks: ls at most %v, stat %v, cat of one tag %v; the agent took in %.0f records a second before and %.0f meanwhile, and sent %.0f and %.0f; stat says\n%s",
		size>>20, chunks, took["ls"].Round(time.Millisecond), took["stat"].Round(time.Millisecond), took["cat"].Round(time.Millisecond), quietIn, busyIn, quietOut, busyOut, state)
	for _, verb := range []string{"ls", "stat"} {
		if took[verb] > 2*time.Second {
			t.Errorf("%s took %v", verb, took[verb])
		}
	}
	if busyIn < quietIn/2 || busyOut < quietOut/2 {
		t.Error("the agent was disturbed")
	}
	if log := agent.Log(); strings.Contains(log, "[error]") {
		t.Errorf("the agent has errors: %s", log)
	}
}
