package deploy

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"out_es/test/elasticsearch"
	"out_es/test/fluentbit"
	"out_es/test/support"
)

// floodedLog is the log of one container as the kubelet keeps it: a file that is renamed when it is
// full, and a link that is the agent's way to it.
type floodedLog struct {
	folder, current string
	number          int // of the next line
	renamed         []string
}

const floodPadding = 8000 // bytes of a line: 250 of them fill a chunk

func newFloodedLog(t *testing.T, host string) *floodedLog {
	t.Helper()
	f := &floodedLog{folder: filepath.Join(host, "pods", "shop_web-0_uid", "web")}
	f.current = filepath.Join(f.folder, "0.log")
	if err := os.MkdirAll(f.folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(f.current, filepath.Join(host, "containers", "web-0_shop_web-"+strings.Repeat("a", 64)+".log")); err != nil {
		t.Fatal(err)
	}
	return f
}

// write appends lines, each with its number.
func (f *floodedLog) write(t *testing.T, lines int) {
	t.Helper()
	file, err := os.OpenFile(f.current, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	out := bufio.NewWriter(file)
	padding := strings.Repeat("x", floodPadding)
	for range lines {
		fmt.Fprintf(out, "%s stdout F line %d %s\n", time.Now().UTC().Format(time.RFC3339Nano), f.number, padding)
		f.number++
	}
	if err := out.Flush(); err != nil {
		t.Fatal(err)
	}
	file.Close()
}

// delivered waits until an index pattern has at least so many documents, and returns how many each
// line has.
func (f *floodedLog) delivered(t *testing.T, s *elasticsearch.Server, pattern string, least int) (times []int) {
	t.Helper()
	support.Eventually(t, 2*time.Minute, fmt.Sprintf("%d lines arrive", least), func() bool {
		_ = s.Refresh(t.Context(), pattern)
		n, err := s.Count(t.Context(), pattern)
		return err == nil && n >= least
	})
	times = make([]int, f.number)
	err := s.Documents(t.Context(), pattern, func(d elasticsearch.Document) error {
		var source struct{ Log string }
		if err := json.Unmarshal(d.Source, &source); err != nil {
			return err
		}
		n, err := strconv.Atoi(strings.Fields(source.Log)[1])
		if err != nil {
			return err
		}
		times[n]++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return times
}

// rotate renames the file, as the kubelet does.
func (f *floodedLog) rotate(t *testing.T) {
	t.Helper()
	name := f.current + ".2026112" + strconv.Itoa(len(f.renamed)) + "-110000"
	if err := os.Rename(f.current, name); err != nil {
		t.Fatal(err)
	}
	f.renamed = append(f.renamed, name)
}

// diskUse is the size of all files in a folder, in bytes.
func diskUse(t *testing.T, dir string) (sum int64) {
	t.Helper()
	_ = filepath.Walk(dir, func(_ string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() {
			sum += info.Size()
		}
		return nil
	})
	return sum
}

// TestFullSpoolPausesReading: without Elasticsearch the agent uses Spool_Limit and
// storage.max_chunks_up × 2 MB of the node's disk, and no more. Then the kubelet's files are the
// buffer: lines that are still there when Elasticsearch is back arrive, each once; deleted ones are
// lost.
func TestFullSpoolPausesReading(t *testing.T) {
	so := plugin(t)
	_, objects := Render(t, "kubernetes/overlays/development")
	given := nodeless(t, objects)
	port, err := strconv.Atoi(support.FreePort(t))
	if err != nil {
		t.Fatal(err)
	}
	given["ES_HOSTS"], given["SPOOL_LIMIT"] = fmt.Sprint("http://127.0.0.1:", port), "16M"
	log := newFloodedLog(t, given["HOST_LOG"])
	log.write(t, 1000)
	dir := objects.WriteConfigMap(t, "out-es-agent")
	// Fewer chunks than the 128 of the stack, so that the test need not write a gigabyte.
	const chunksUp = 16
	fewer(t, filepath.Join(dir, "fluent-bit.yaml"), "storage.max_chunks_up: 128", fmt.Sprint("storage.max_chunks_up: ", chunksUp))
	environment := objects.Environment(t, objects.Find(t, "DaemonSet", "out-es-agent"), given)
	agent := fluentbit.StartFile(t, so, filepath.Join(dir, "fluent-bit.yaml"), environment...)

	// Far more than both hold together, 16 MB and 32 MB.
	log.write(t, 9000)
	const paused = `fluentbit_input_ingestion_paused{name="containers"}`
	support.Eventually(t, time.Minute, "reading pauses", func() bool { return agent.Metric(t, paused) == 1 })
	read := agent.Metric(t, `fluentbit_input_records_total{name="containers"}`)
	// A restart reads the stored chunks as backlog, and as many more.
	const bound = 16<<20 + 2*chunksUp*(2<<20) + 8<<20
	if read < 2000 || int(read) >= log.number {
		t.Fatalf("it has read %v of %d lines when it pauses", read, log.number)
	}
	before := diskUse(t, given["STATE_DIR"])
	agent.Signal(t, syscall.SIGKILL)
	_ = agent.Wait(t, 10*time.Second)
	agent = fluentbit.StartFile(t, so, filepath.Join(dir, "fluent-bit.yaml"), environment...)
	log.write(t, 6000)
	support.Eventually(t, time.Minute, "reading pauses after a restart", func() bool { return agent.Metric(t, paused) == 1 })
	t.Logf("%d MB of the disk when reading paused, %d MB when it did so after a kill", before>>20, diskUse(t, given["STATE_DIR"])>>20)
	read = agent.Metric(t, `fluentbit_input_records_total{name="containers"}`)
	// Rotation goes on. The agent looks for new files every 5 s, also while it pauses.
	deleted := log.number
	for range 3 {
		log.rotate(t)
		log.write(t, 500)
		opened := float64(len(log.renamed) + 1)
		support.Eventually(t, 30*time.Second, "the next file is found", func() bool { return agent.Metric(t, `fluentbit_input_files_opened_total{name="containers"}`) >= opened })
	}
	// The kubelet deletes the oldest of its five; here the second, of which nothing was read yet.
	const lost = 500
	if err := os.Remove(log.renamed[1]); err != nil {
		t.Fatal(err)
	}
	support.Eventually(t, 30*time.Second, "the deleted file is let go", func() bool { return agent.Metric(t, `fluentbit_input_files_closed_total{name="containers"}`) >= 1 })
	for range 10 {
		if used := diskUse(t, given["STATE_DIR"]); used > bound {
			t.Fatalf("the agent takes %d bytes of the disk, more than %d", used, bound)
		}
		time.Sleep(200 * time.Millisecond)
	}
	if after := agent.Metric(t, `fluentbit_input_records_total{name="containers"}`); after > read+2000 {
		t.Errorf("it reads on: %v records when it paused, %v later", read, after)
	}

	s := elasticsearch.ForTest(t, elasticsearch.Options{Port: port})
	const stream = "logs-kubernetes.container_logs-default"
	seen := log.delivered(t, s, stream, log.number-lost)
	gone := 0
	for n, times := range seen {
		inDeleted := n >= deleted && n < deleted+lost
		if times > 1 || times == 0 && !inDeleted {
			t.Fatalf("line %d is there %d times", n, times)
		}
		if times == 0 {
			gone++
		}
	}
	t.Logf("of %d lines %d were lost, those of the file that the kubelet deleted", log.number, gone)
	if agent.Metric(t, `fluentbit_output_dropped_records_total{name="containers"}`) > 0 {
		t.Error("Fluent Bit dropped records")
	}
}

// fewer replaces a setting of a file.
func fewer(t *testing.T, file, from, to string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(text), from) {
		t.Fatalf("%s has no %s: %v", file, from, err)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), from, to, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
}
