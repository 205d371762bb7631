package tool

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tinylib/msgp/msgp"

	"out_es/plugin/spool"
	"out_es/tool/spooled"
)

// event is an event as Fluent Bit hands it over.
func event(n int, metadata bool) []byte {
	b := msgp.AppendArrayHeader(nil, 2)
	b = msgp.AppendArrayHeader(b, 2)
	b = append(b, 0xd7, 0, 0x6a, 0xee, 0x4b, 0x80, 0, 0, byte(n>>8), byte(n))
	if metadata {
		b = msgp.AppendString(msgp.AppendString(msgp.AppendMapHeader(b, 1), "source"), "kept")
	} else {
		b = msgp.AppendMapHeader(b, 0)
	}
	b = msgp.AppendMapHeader(b, 2)
	b = msgp.AppendString(msgp.AppendString(b, "message"), fmt.Sprintf("line %d", n))
	return msgp.AppendUint64(msgp.AppendString(b, "size"), 1<<53+1+uint64(n))
}

// exampleSpool is a spool in use: three chunks at its front, one of them settled and one half, and
// a held queue.
func exampleSpool(t *testing.T) (dir string, front *spool.Spool) {
	t.Helper()
	dir = t.TempDir()
	own := filepath.Join(dir, "es_go.0")
	front, err := spool.Open(own, spool.Options{Limit: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = front.Close() })
	later, err := spool.OpenParkedQueues(filepath.Join(own, "later"), spool.Options{Limit: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(later.Close)
	for i, tag := range []string{"app.one", "app.two", "kube.one"} {
		chunk := append(event(10*i, false), event(10*i+1, i == 1)...)
		if err := front.Append(spool.Frame{Tag: tag, Chunk: chunk, Records: 2}, spool.WithinLimit); err != nil {
			t.Fatal(err)
		}
	}
	reader := front.NewReader()
	defer reader.Close()
	if _, err := reader.Next(); err != nil {
		t.Fatal(err)
	}
	done := reader.Place()
	second, err := reader.Next()
	if err != nil {
		t.Fatal(err)
	}
	if err := front.Checkpoint(spool.Progress{Done: done, Partial: []spool.Partial{{Sequence: second.Sequence, Settled: []byte{1, 0, 0, 0, 0, 0, 0, 0}}}}); err != nil {
		t.Fatal(err)
	}
	held := append(append(event(50, false), event(51, false)...), event(52, false)...)
	if err := later.Append("logs-2026.11.28", spool.Frame{Tag: "app.held", Chunk: held, Settled: []byte{2, 0, 0, 0, 0, 0, 0, 0}, Records: 2}); err != nil {
		t.Fatal(err)
	}
	later.WriteReason("logs-2026.11.28", "logs-2026.11.28 is held: item status 403, cluster_block_exception: index [logs-2026.11.28] blocked by: [FORBIDDEN/8/index write (api)]")
	return dir, front
}

func TestSpoolShowsWaitingChunksBesideTheAgent(t *testing.T) {
	dir, _ := exampleSpool(t)
	before := listing(t, dir)
	for _, verb := range []string{"ls", "stat", "cat", "verify"} {
		r := out("", "spool", dir, verb)
		r.out = seconds.ReplaceAllString(r.out, "AGE")
		golden(t, "spool-"+verb, r, dir, "DIR")
	}
	golden(t, "spool-cat-tag", out("", "spool", filepath.Join(dir, "es_go.0"), "cat", "--tag", "kube.*"))
	golden(t, "spool-cat-destination", out("", "spool", dir, "cat", "--destination", "logs-2026.11.28", "--limit", "1"))
	if r := out("", "spool", dir, "ls", "--chunks", "--format", "json"); !strings.Contains(r.out, `"left": 1`) {
		t.Errorf("the half chunk is not shown: %+v", r)
	}
	if after := listing(t, dir); after != before {
		t.Errorf("files have changed:\n%s\n%s", before, after)
	}
}

// seconds is an age in the output, which differs from run to run.
var seconds = regexp.MustCompile(`\b\d+ s\b *`)

// listing is the names, sizes and times of all files below a folder.
func listing(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err == nil {
			fmt.Fprintln(&all, path, info.Size(), info.ModTime())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

// letter is a dead-letter record.
type letter struct{ Index, ID, Tag, Type, Reason, Document, Routing string }

func letters(t *testing.T, text string) (all []letter) {
	t.Helper()
	for line := range strings.Lines(text) {
		var l letter
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		all = append(all, l)
	}
	return all
}

func TestSpoolListsRecordsByTheirDestination(t *testing.T) {
	dir, _ := exampleSpool(t)
	r := out("", "spool", dir, "ls", "-s", "Index=logs-$TAG", "--format", "json")
	var groups []spooled.Group
	if err := json.Unmarshal([]byte(r.out), &groups); err != nil || r.code != exitOK {
		t.Fatalf("%v: %+v", err, r)
	}
	records := map[string]int{}
	for _, g := range groups {
		if g.Destination != "logs-"+g.Tag || g.Chunks == 0 || g.Bytes == 0 || g.Oldest.IsZero() || g.Newest.Before(g.Oldest) {
			t.Errorf("%+v", g)
		}
		records[g.Destination] += g.Records
	}
	if want := map[string]int{"logs-app.two": 1, "logs-kube.one": 2, "logs-app.held": 2}; !maps.Equal(records, want) {
		t.Errorf("%v, want %v", records, want)
	}
	if r := out("", "spool", dir, "ls", "-s", "Index=logs-$TAG", "--chunks"); r.code != exitBroken {
		t.Errorf("--chunks beside a section: %+v", r)
	}
}

func TestSpoolExportsDeadLetterRecords(t *testing.T) {
	dir, _ := exampleSpool(t)
	r := out("", "spool", dir, "export", "-s", "Index=logs-$TAG", "-s", "Generate_ID=on", "-s", "Routing=$message")
	all := letters(t, r.out)
	if r.code != exitOK || len(all) != 5 {
		t.Fatalf("%d records: %+v", len(all), r)
	}
	for i, want := range []struct{ index, document string }{
		{"logs-app.two", `"message":"line 11"`}, {"logs-kube.one", `"size":9007199254741013`}, {"logs-kube.one", `line 21`}, {"logs-app.held", `line 50`}, {"logs-app.held", `line 52`},
	} {
		if got := all[i]; got.Index != want.index || !strings.Contains(got.Document, want.document) || got.ID == "" || !strings.HasPrefix(got.Routing, "line ") {
			t.Errorf("record %d is %+v", i, got)
		}
	}
	if !strings.Contains(all[3].Reason, "cluster_block_exception") {
		t.Errorf("the held records do not tell why: %+v", all[3])
	}
	if r := out("", "spool", dir, "export"); r.code != exitBroken || !strings.Contains(r.err, "--config") {
		t.Errorf("without options: %+v", r)
	}
}

func TestSpoolVerifyEndsWith1OnDamage(t *testing.T) {
	dir, _ := exampleSpool(t)
	segments, err := filepath.Glob(filepath.Join(dir, "es_go.0", "segment-*"))
	if err != nil || len(segments) != 1 {
		t.Fatal(segments, err)
	}
	text, err := os.ReadFile(segments[0])
	if err != nil {
		t.Fatal(err)
	}
	flip := func(at int) {
		damaged := append([]byte{}, text...)
		damaged[at] ^= 0xff
		if err := os.WriteFile(segments[0], damaged, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	flip(len(text) - 3) // in the last chunk
	if r := out("", "spool", dir, "verify"); r.code != exitFound || !strings.Contains(r.out, "is damaged") || !strings.Contains(r.out, "2 chunks with 4 records are whole, 1 pieces") {
		t.Errorf("a damaged chunk: %+v", r)
	}
	if r := out("", "spool", dir, "ls"); r.code != exitOK {
		t.Errorf("ls does not read chunks: %+v", r)
	}
	if r := out("", "spool", dir, "cat"); r.code != exitFound || strings.Count(r.out, "\n") != 3 {
		t.Errorf("cat costs no other chunk: %+v", r)
	}
	flip(len(text)/3 + 20) // in the head of the second frame
	if r := out("", "spool", dir, "stat"); r.code != exitFound || !strings.Contains(r.err, "is damaged from byte") {
		t.Errorf("a damaged head: %+v", r)
	}
}

// TestSpoolOfAnAgentThatGoesOn: segments that are delivered and deleted while they are read are no
// damage.
func TestSpoolOfAnAgentThatGoesOn(t *testing.T) {
	dir := t.TempDir()
	own := filepath.Join(dir, "es_go.0")
	live, err := spool.Open(own, spool.Options{Limit: 1 << 30, SegmentBytes: 4096})
	if err != nil {
		t.Fatal(err)
	}
	ended, stop := make(chan struct{}), make(chan struct{})
	defer func() {
		close(stop)
		<-ended
		_ = live.Close()
	}()
	go func() {
		defer close(ended)
		reader := live.NewReader()
		defer reader.Close()
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			default:
			}
			if err := live.Append(spool.Frame{Tag: "app", Chunk: event(n, false), Records: 1}, spool.WithinLimit); err != nil {
				t.Error(err)
				return
			}
			if n%7 == 0 {
				for range 6 {
					if _, err := reader.Next(); err != nil {
						break
					}
				}
				if err := live.Checkpoint(spool.Progress{Done: reader.Place()}); err != nil {
					t.Error(err)
					return
				}
			}
		}
	}()
	for end, n := time.Now().Add(2*time.Second), 0; time.Now().Before(end) || n < 20; n++ {
		for _, verb := range []string{"ls", "stat", "verify", "cat"} {
			if r := out("", "spool", dir, verb); r.code != exitOK {
				t.Fatalf("%s: %d %s\n%.500s", verb, r.code, r.err, r.out)
			}
		}
	}
}

func TestSpoolErrors(t *testing.T) {
	empty := t.TempDir()
	for _, row := range []struct{ words, says string }{
		{"spool " + empty, "there is no spool in it"},
		{"spool " + empty + "/none", "no such file"},
		{"spool " + empty + " eat", `"eat" is not one of ls, stat`},
		{"spool", "accepts between 1 and 2 arg"},
		{"spool " + empty + " ls --format xml", "must be text or json"},
	} {
		if r := out("", strings.Fields(row.words)...); r.code != exitBroken || !strings.Contains(r.err, row.says) {
			t.Errorf("%q: %+v", row.words, r)
		}
	}
	if r := out("", "__complete", "spool", empty, ""); !strings.Contains(r.out, "verify") {
		t.Errorf("verbs are not completed: %s", r.out)
	}
}
