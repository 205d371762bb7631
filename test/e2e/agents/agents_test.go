package agents

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"out_es/test/e2e"
	"out_es/test/elasticsearch"
	"out_es/test/fluentbit"
	"out_es/test/support"
)

// compare checks that the documents are the records, each once, with the
// event's time to the millisecond and every field as encoding/json reads it.
func compare(t *testing.T, got map[int]map[string]any, want []map[string]any) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%d documents for %d records", len(got), len(want))
	}
	faults := 0
	for n, record := range want {
		expected := map[string]any{"@timestamp": e2e.TimeOf(n).Format(e2e.TimeLayout)}
		for key, value := range record {
			expected[key] = value
		}
		if !reflect.DeepEqual(e2e.Normal(got[n]), e2e.Normal(expected)) {
			if faults++; faults <= 3 {
				t.Errorf("record %d: got %v, want %v", n, got[n], expected)
			}
		}
	}
	if faults > 3 {
		t.Errorf("%d records differ", faults)
	}
}

// onDisk is e2e.Config with storage for chunks and for tail's position in files, so that a restart
// loses nothing.
func onDisk(t *testing.T, service, path, outputs string) string {
	t.Helper()
	state := t.TempDir()
	conf := e2e.Config(t, service+"    storage.path "+state+"/storage\n", path, outputs)
	return strings.Replace(conf, "    Tag logs.app", "    Tag logs.app\n    storage.type filesystem\n    DB "+state+"/tail.db", 1)
}

func TestFluentBitDeliversEveryRecordOnce(t *testing.T) {
	s := e2e.Cluster(t)
	const records = 50_000
	index := e2e.FreshIndex(t, s)
	path, want := e2e.WriteLog(t, records, nil)
	agent := fluentbit.Start(t, e2e.Plugin(), e2e.Config(t, "", path, e2e.Section(s.URL(), index, "Workers 1")))
	e2e.EventuallyCount(t, s, index, records)
	compare(t, e2e.Documents(t, s, index), want)
	accepted := `fluentbit_output_es_go_records_total{name="es_go.0",outcome="accepted"}`
	support.Eventually(t, time.Minute, "the metric counts all documents", func() bool { return agent.Metric(t, accepted) == records })
	agent.Stop(t)
}

func TestFluentBitRejectedDocumentsCostNoOthers(t *testing.T) {
	s := e2e.Cluster(t)
	const records, every = 50_000, 1000
	index := e2e.FreshIndex(t, s)
	if err := s.PutIndex(t.Context(), index, `{"mappings":{"properties":{"n":{"type":"long"}}}}`); err != nil {
		t.Fatal(err)
	}
	path, _ := e2e.WriteLog(t, records, func(n int, r map[string]any) {
		if n%every == every-1 {
			r["n"] = "secret-" + fmt.Sprint(n)
		}
	})
	agent := fluentbit.Start(t, e2e.Plugin(), e2e.Config(t, "", path, e2e.Section(s.URL(), index, "Workers 1")))
	e2e.EventuallyCount(t, s, index, records-records/every)
	refused := `fluentbit_output_es_go_rejected_records_total{name="es_go.0",type="` + e2e.ParsingError(t, s) + `"}`
	support.Eventually(t, 30*time.Second, "all refusals are counted", func() bool { return agent.Metric(t, refused) == records/every })
	agent.Stop(t)
	lines := 0
	for line := range strings.Lines(agent.Log()) {
		if strings.Contains(line, e2e.ParsingError(t, s)) {
			lines++
			if !strings.Contains(line, "field [n] of type [long]") || !strings.Contains(line, index) {
				t.Errorf("the line does not tell the field, its type and the index: %s", line)
			}
		}
	}
	// One line at once, one for the first seconds, and one for the rest.
	if lines < 1 || lines > 3 {
		t.Errorf("%d log lines tell of %d refused documents, want one to three", lines, records/every)
	}
	if strings.Contains(agent.Log(), "secret-") {
		t.Error("a record's value is in the log")
	}
}

func TestFluentBitInstancesAndWorkers(t *testing.T) {
	s := e2e.Cluster(t)
	const records = 5_000
	for _, workers := range []int{0, 1, 4} {
		t.Run(fmt.Sprintf("workers %d", workers), func(t *testing.T) {
			index := e2e.FreshIndex(t, s)
			path, want := e2e.WriteLog(t, records, nil)
			set := fmt.Sprintf("Workers %d", workers)
			outputs := e2e.Section(s.URL(), index+"-first", set) + e2e.Section(s.URL(), index+"-second", set, "Compress off", "Generate_ID on", "Alias second")
			agent := fluentbit.Start(t, e2e.Plugin(), e2e.Config(t, "", path, outputs))
			e2e.EventuallyCount(t, s, index+"-first", records)
			e2e.EventuallyCount(t, s, index+"-second", records)
			compare(t, e2e.Documents(t, s, index+"-first"), want)
			compare(t, e2e.Documents(t, s, index+"-second"), want)
			for _, name := range []string{"es_go.0", "second"} {
				series := `fluentbit_output_es_go_received_records_total{name="` + name + `"}`
				support.Eventually(t, time.Minute, name+" counts all records", func() bool { return agent.Metric(t, series) == records })
			}
			warned := strings.Count(agent.Log(), "Workers is not set")
			if want := map[bool]int{true: 2, false: 0}[workers == 0]; warned != want {
				t.Errorf("%d warnings that Workers is not set, want %d", warned, want)
			}
			agent.Stop(t)
		})
	}
}

func TestFluentBitTermWhileBusyLosesNothing(t *testing.T) {
	support.LongForm(t)
	e2e.SkipTornLines(t)
	s := e2e.Cluster(t)
	const records = 40_000
	index := e2e.FreshIndex(t, s)
	path, want := e2e.WriteLog(t, records, nil)
	conf := onDisk(t, "", path, e2e.Section(s.URL(), index, "Workers 1", "Generate_ID on"))
	first := fluentbit.Start(t, e2e.Plugin(), conf)
	support.Eventually(t, time.Minute, "the first documents arrive", func() bool {
		n, err := s.Count(t.Context(), index)
		_ = s.Refresh(t.Context(), index+"*")
		return err == nil && n > 0
	})
	first.Stop(t)
	second := fluentbit.Start(t, e2e.Plugin(), conf)
	e2e.EventuallyCount(t, s, index, records)
	compare(t, e2e.Documents(t, s, index), want)
	second.Stop(t)
}

func TestFluentBitHotReload(t *testing.T) {
	fluentbit.Since(t, "3.2.3", e2e.ReloadHangs)
	e2e.SkipTornLines(t)
	s := e2e.Cluster(t)
	const records = 20_000
	index := e2e.FreshIndex(t, s)
	path, want := e2e.WriteLog(t, records, nil)
	conf := onDisk(t, "    Hot_Reload on\n", path, e2e.Section(s.URL(), index, "Generate_ID on"))
	agent := fluentbit.Start(t, e2e.Plugin(), conf)
	support.Eventually(t, time.Minute, "the plugin starts", func() bool { return strings.Contains(agent.Log(), "writes to index") })
	for reload := 1; reload <= 2; reload++ {
		e2e.Reload(t, agent, "writes to index", reload+1)
	}
	e2e.EventuallyCount(t, s, index, records)
	compare(t, e2e.Documents(t, s, index), want)
	agent.Stop(t)
}

func TestFluentBitElasticsearchComesLate(t *testing.T) {
	late := e2e.OwnServer(t, elasticsearch.Options{Port: e2e.FreePort(t)})
	const records = 2_000
	path, want := e2e.WriteLog(t, records, nil)
	agent := fluentbit.Start(t, e2e.Plugin(), e2e.Config(t, "", path, e2e.Section(late.URL, "late", "Workers 1")))
	support.Eventually(t, 30*time.Second, "the outage is logged", func() bool { return strings.Contains(agent.Log(), "connection refused") })
	s := late.Start(t)
	e2e.EventuallyCount(t, s, "late", records)
	compare(t, e2e.Documents(t, s, "late"), want)
	if !strings.Contains(agent.Log(), "Elasticsearch answers again") {
		t.Error("the log does not tell that the outage is over")
	}
	agent.Stop(t)
}

func TestFluentBitElasticsearchAwayForTwentySeconds(t *testing.T) {
	support.LongForm(t)
	own := e2e.OwnServer(t, elasticsearch.Options{Port: e2e.FreePort(t), DataDir: t.TempDir()})
	s := own.Start(t)
	const records = 60_000
	path, want := e2e.WriteLog(t, records, nil)
	agent := fluentbit.Start(t, e2e.Plugin(), e2e.Config(t, "", path, e2e.Section(s.URL(), "outage", "Workers 2", "Generate_ID on", "Bulk_Size 512K", "Retry_Max 3s")))
	support.Eventually(t, time.Minute, "the first documents arrive", func() bool {
		return agent.Metric(t, `fluentbit_output_es_go_records_total{name="es_go.0",outcome="accepted"}`) > 0
	})
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(20 * time.Second) // the length of the outage is the case
	s = own.Start(t)
	e2e.EventuallyCount(t, s, "outage", records)
	compare(t, e2e.Documents(t, s, "outage"), want)
	agent.Stop(t)
}

func TestFluentBitLargeChunk(t *testing.T) {
	s := e2e.Cluster(t)
	const records = 2_000
	index := e2e.FreshIndex(t, s)
	long := strings.Repeat("x", 1<<10)
	path, want := e2e.WriteLog(t, records, func(_ int, r map[string]any) { r["long"] = long })
	conf := e2e.Config(t, "", path, e2e.Section(s.URL(), index, "Workers 1", "Compress off"))
	conf = strings.Replace(conf, "Flush 0.5", "Flush 5", 1) // on a busy machine half of the file is a chunk by then
	agent := fluentbit.Start(t, e2e.Plugin(), conf)
	e2e.EventuallyCount(t, s, index, records)
	for _, record := range want {
		record["long"] = long
	}
	compare(t, e2e.Documents(t, s, index), want)
	support.Eventually(t, time.Minute, "a chunk of 2 MB is few requests", func() bool {
		bytes := agent.Metric(t, `fluentbit_output_es_go_sent_bytes_total{name="es_go.0"}`)
		requests := agent.Metric(t, `fluentbit_output_es_go_requests_total{name="es_go.0",result="delivered"}`)
		return bytes > 0 && bytes/requests > 256<<10 // it is sent as two at a time, and may be two chunks
	})
	agent.Stop(t)
}

func TestFluentBitLogFile(t *testing.T) {
	s := e2e.Cluster(t)
	index := e2e.FreshIndex(t, s)
	file := filepath.Join(t.TempDir(), "fluent-bit.log")
	path, _ := e2e.WriteLog(t, 10, nil)
	agent := fluentbit.Start(t, e2e.Plugin(), e2e.Config(t, "    Log_File "+file+"\n", path, e2e.Section(s.URL(), index, "Workers 1", "Alias logs")))
	e2e.EventuallyCount(t, s, index, 10)
	agent.Stop(t)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "[ info] [output:es_go:logs] version ") {
		t.Errorf("the start-up line is not in Fluent Bit's own log:\n%s", text)
	}
}

func TestFluentBitRejectsWrongSettingsAllAtOnce(t *testing.T) {
	path, _ := e2e.WriteLog(t, 1, nil)
	agent := fluentbit.Start(t, e2e.Plugin(), e2e.Config(t, "", path,
		"[OUTPUT]\n    Name es_go\n    Match *\n    Bulk_Size 5X\n    Write_Operation upsrt\n    Data_Stream on\n    Logstash_Format on\n"))
	if err := agent.Wait(t, 30*time.Second); err == nil {
		t.Error("Fluent Bit ended well")
	}
	for _, part := range []string{"Hosts is required", `Bulk_Size "5X"`, `Write_Operation "upsrt"`, "Data_Stream contradicts Logstash_Format"} {
		if !strings.Contains(agent.Log(), part) {
			t.Errorf("the log does not have %q", part)
		}
	}
}

// TestFluentBitImageConfiguration runs the configuration of the image, and a
// second Fluent Bit that sends to it.
func TestFluentBitImageConfiguration(t *testing.T) {
	s := e2e.Cluster(t)
	index := e2e.FreshIndex(t, s)
	port := support.FreePort(t)
	receiver := fluentbit.StartFile(t, e2e.Plugin(), "../../../deploy/image/fluent-bit.conf",
		"ES_HOSTS="+s.URL(), "ES_PREFIX="+index, "FORWARD_PORT="+port, "STORAGE_PATH="+t.TempDir())
	support.Eventually(t, 30*time.Second, "the receiver listens", func() bool { return strings.Contains(receiver.Log(), "listening on") })
	sender := fluentbit.Start(t, e2e.Plugin(), fmt.Sprintf(`[SERVICE]
    Flush 0.5
[INPUT]
    Name dummy
    Tag sent.here
    Dummy {"n":7}
    Samples 3
    Interval_Sec 0
    Interval_NSec 100000000
[OUTPUT]
    Name forward
    Match *
    Port %s
`, port))
	e2e.EventuallyCount(t, s, index, 3)
	sender.Stop(t)
	receiver.Stop(t)
}
