package tool

import (
	"bufio"
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"out_es/plugin/deadletter"
	"out_es/test/e2e"
	"out_es/test/elasticsearch"
	"out_es/test/faults"
	"out_es/test/support"
)

// storm is a size of TestReplayKilledAgainAndAgain. SOAK=1 makes the long form.
type storm struct {
	records, padding, kills int
	fileBytes               int64
	bulk                    string
}

func stormOf() storm {
	if os.Getenv("SOAK") != "" {
		return storm{1_000_000, 3000, 10, 64 << 20, "5M"}
	}
	return storm{20_000, 300, 4, 2 << 20, "64K"}
}

// repaired is the mapping of the index after the repair: documents with text in a are taken, those
// with text in b are not.
const repaired = `{"settings":{"number_of_replicas":0},"mappings":{"dynamic":false,"properties":{"n":{"type":"long"},"a":{"type":"keyword"},"b":{"type":"long"}}}}`

// document is that of record n: one of ten is rejected again. Its number is above 2^53.
func document(n, padding int) []byte {
	field := "a"
	if n%10 == 0 {
		field = "b"
	}
	text := strings.Repeat(strconv.Itoa(n)+" some line of a log; ", padding/20+1)
	return fmt.Appendf(nil, `{"n":%d,"big":%d,"%s":"text","pad":"%s"}`, n, 1<<60+n, field, text[:padding])
}

// writeDeadLetters writes dead-letter files as an output rotates them, and returns their names.
func writeDeadLetters(t *testing.T, dir, index string, s storm) (files []string, total int64) {
	t.Helper()
	var sizes []int64
	var file *os.File
	var w *bufio.Writer
	path := func(i int) string { return filepath.Join(dir, fmt.Sprintf("part-%d", i)) }
	next := func() {
		if w != nil {
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
			_ = file.Close()
		}
		var err error
		if file, err = os.Create(path(len(sizes))); err != nil {
			t.Fatal(err)
		}
		w, sizes = bufio.NewWriterSize(file, 1<<20), append(sizes, 0)
	}
	next()
	var line []byte
	for n := range s.records {
		letter := deadletter.Record{Index: index, Tag: "app", EventTime: e2e.FirstTime, Status: 400, Type: "document_parsing_exception", Reason: "failed to parse field [a]", RejectedAt: e2e.FirstTime.Add(time.Duration(n) * time.Millisecond), Document: document(n, s.padding)}
		if n%2 == 0 {
			letter.ID = fmt.Appendf(nil, "%q", fmt.Sprintf("id-%d", n))
		}
		line = append(deadletter.AppendRecord(line[:0], letter), '\n')
		if sizes[len(sizes)-1]+int64(len(line)) > s.fileBytes {
			next()
		}
		_, _ = w.Write(line)
		sizes[len(sizes)-1] += int64(len(line))
		total += int64(len(line))
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	_ = file.Close()
	for i := range sizes { // the newest has no number, the oldest the largest
		name := filepath.Join(dir, "dead.ndjson")
		if number := len(sizes) - 1 - i; number > 0 {
			name += "." + strconv.Itoa(number)
		}
		if err := os.Rename(path(i), name); err != nil {
			t.Fatal(err)
		}
		files = append(files, name)
	}
	return files, total
}

// resident is the anonymous memory of a process in bytes, 0 after its end.
func resident(pid int) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), "RssAnon:")
	kB, _ := strconv.ParseInt(strings.Fields(rest + " 0")[0], 10, 64)
	return kB << 10
}

// TestReplayKilledAgainAndAgain replays rotated files of dead-letter records through a proxy that
// misbehaves, kills out-es again and again, and wants each record of nine tenths once in
// Elasticsearch, and each of the others once in the new file.
func TestReplayKilledAgainAndAgain(t *testing.T) {
	s := e2e.Cluster(t)
	size := stormOf()
	index := e2e.FreshIndex(t, s)
	if err := s.PutIndex(t.Context(), index, repaired); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	files, total := writeDeadLetters(t, dir, index, size)
	proxy := e2e.StartFaults(t, s, faults.Options{Seed: 21, Rules: []faults.Rule{
		{Fault: faults.CutAfter, Share: 0.03}, {Fault: faults.CutBefore, Share: 0.02}, {Fault: faults.TornAnswer, Share: 0.03},
		{Fault: faults.Throttle, Share: 0.03}, {Fault: faults.ThrottleItems, Share: 0.05}, {Fault: faults.GatewayTimeout, Share: 0.01},
	}})
	words := append([]string{"replay", "-s", "Hosts=" + proxy.URL(), "-s", "Bulk_Size=" + size.bulk, "-s", "Retry_Initial=50ms", "-s", "Retry_Max=500ms"}, files...)
	position := filepath.Join(dir, "dead.ndjson.replay-position")
	random := rand.New(rand.NewPCG(21, 21))
	began := time.Now()
	var high []int64
	for run := 0; ; run++ {
		command := exec.Command(program(t), words...)
		var problems bytes.Buffer
		command.Stderr = &problems
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- command.Wait() }()
		kill := time.After(time.Hour)
		if run < size.kills {
			kill = killAfter(t, position, size, random)
		}
		highest, over := int64(0), false
		for !over {
			select {
			case err := <-ended:
				over = true
				if run < size.kills {
					t.Fatalf("run %d ended before it was killed: %v\n%s", run, err, problems.String())
				}
				if command.ProcessState.ExitCode() != 1 {
					t.Fatalf("the last run: %v\n%s", err, problems.String())
				}
				t.Logf("the last run says:\n%s", lastLines(problems.String(), 8))
			case <-kill:
				_ = command.Process.Signal(syscall.SIGKILL)
				<-ended
				over = true
			case <-time.After(100 * time.Millisecond):
				highest = max(highest, resident(command.Process.Pid))
			}
		}
		high = append(high, highest)
		if run >= size.kills {
			break
		}
	}
	took := time.Since(began)
	t.Logf("%d records, %d MB in %d files, %d kills: %v, %.0f records a second; anonymous memory at most, by run, MB: %v; faults %v",
		size.records, total>>20, len(files), size.kills, took.Round(time.Second), float64(size.records)/took.Seconds(), megabytes(high), proxy.Account().Faults())
	for _, bytes := range high {
		if bytes > 150<<20 {
			t.Errorf("%d MB of memory", bytes>>20)
		}
	}
	wantReplayed(t, s, index, size, filepath.Join(dir, "dead.ndjson.left"))
}

// killAfter returns a channel that fires some time after the position has moved.
func killAfter(t *testing.T, position string, size storm, random *rand.Rand) <-chan time.Time {
	t.Helper()
	before, _ := os.ReadFile(position)
	fire := make(chan time.Time, 1)
	most := 300 * time.Millisecond
	if size.records > 100_000 {
		most = 10 * time.Second
	}
	wait := time.Duration(random.Int64N(int64(most)))
	go func() {
		for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
			if now, err := os.ReadFile(position); err == nil && !bytes.Equal(now, before) {
				break
			}
		}
		time.Sleep(wait)
		fire <- time.Now()
	}()
	return fire
}

func megabytes(all []int64) (mb []int64) {
	for _, n := range all {
		mb = append(mb, n>>20)
	}
	return mb
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// wantReplayed checks the index and the new file.
func wantReplayed(t *testing.T, s *elasticsearch.Server, index string, size storm, leftFile string) {
	t.Helper()
	if err := s.Refresh(t.Context(), index); err != nil {
		t.Fatal(err)
	}
	there := make([]uint8, size.records)
	err := s.Documents(t.Context(), index, func(d elasticsearch.Document) error {
		n, err := numberOf(d.Source)
		if err != nil {
			return err
		}
		if want := document(n, size.padding); !bytes.Equal(want, d.Source) {
			return fmt.Errorf("document %d is %.200s, want %.200s", n, d.Source, want)
		}
		there[n]++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(leftFile)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	left := make([]uint8, size.records)
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		letter, err := e2e.Decode(lines.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		text, _ := letter["document"].(string)
		n, err := numberOf([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if reason, _ := letter["reason"].(string); !strings.Contains(reason, "[b]") || text != string(document(n, size.padding)) || letter["index"] != index {
			t.Fatalf("the new file has %.300s", lines.Bytes())
		}
		left[n]++
	}
	for n := range size.records {
		want, wantLeft := uint8(1), uint8(0)
		if n%10 == 0 {
			want, wantLeft = 0, 1
		}
		if there[n] != want || left[n] != wantLeft {
			t.Fatalf("record %d is %d times in Elasticsearch and %d times in the new file", n, there[n], left[n])
		}
	}
}

func numberOf(document []byte) (int, error) {
	_, rest, _ := strings.Cut(string(document), `{"n":`)
	text, _, _ := strings.Cut(rest, ",")
	return strconv.Atoi(text)
}

// TestReplayRateBesideCurl replays records, and has curl send the same bodies one after another.
func TestReplayRateBesideCurl(t *testing.T) {
	support.LongForm(t)
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip(err)
	}
	s := e2e.Cluster(t)
	size := storm{20_000, 3000, 0, 64 << 20, "5M"}
	if os.Getenv("SOAK") != "" {
		size.records = 200_000
	}
	dir := t.TempDir()
	for _, workers := range []string{"1", "1", "2"} { // twice, for Elasticsearch to get warm
		for _, how := range []string{"curl", "replay"} {
			index := e2e.FreshIndex(t, s)
			if err := s.PutIndex(t.Context(), index, strings.Replace(repaired, `"b":{"type":"long"}`, `"b":{"type":"keyword"}`, 1)); err != nil {
				t.Fatal(err)
			}
			var command *exec.Cmd
			if how == "curl" {
				folder := bulkBodies(t, index, size)
				command = exec.Command("sh", "-c", `ls "$1"/* | xargs -n 20 -P "$3" sh -c 'url=$0; set -- "$@"; a=; for f; do a="$a --next -sS -o /dev/null -H Content-Type:application/x-ndjson --data-binary @$f $url"; done; curl ${a# --next}' "$2"`,
					"sh", folder, s.URL()+"/_bulk", workers)
			} else {
				files, _ := writeDeadLetters(t, dir, index, size)
				command = exec.Command(program(t), append([]string{"replay", "--workers", workers, "-s", "Hosts=" + s.URL(), "-s", "Compress=off"}, files...)...)
			}
			began := time.Now()
			if out, err := command.CombinedOutput(); err != nil {
				t.Fatalf("%s: %v\n%s", how, err, out)
			}
			took := time.Since(began)
			e2e.EventuallyCount(t, s, index, size.records)
			t.Logf("%-6s with %s at a time: %d records of %d bytes in %v, %.0f a second, %v of CPU", how, workers, size.records, size.padding, took.Round(time.Millisecond),
				float64(size.records)/took.Seconds(), (command.ProcessState.UserTime() + command.ProcessState.SystemTime()).Round(time.Millisecond))
			if err := s.DeleteIndex(t.Context(), index); err != nil {
				t.Fatal(err)
			}
			files, _ := filepath.Glob(filepath.Join(dir, "dead.*"))
			for _, file := range files {
				_ = os.Remove(file)
			}
		}
	}
}

// bulkBodies writes the bodies that replay sends into files, and returns their folder.
func bulkBodies(t *testing.T, index string, size storm) string {
	t.Helper()
	dir := t.TempDir()
	var body []byte
	part := 0
	flush := func() {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%06d", part)), body, 0o600); err != nil {
			t.Fatal(err)
		}
		body, part = body[:0], part+1
	}
	for n := range size.records {
		body = fmt.Appendf(body, `{"create":{"_index":%q,"_id":"%022d"}}`+"\n", index, n)
		body = append(append(body, document(n, size.padding)...), '\n')
		if len(body) > 5_000_000 {
			flush()
		}
	}
	flush()
	return dir
}
