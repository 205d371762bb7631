package documents

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"out_es/test/e2e"
	"out_es/test/elasticsearch"
	"out_es/test/fluentbit"
	"out_es/test/host"
	"out_es/test/support"
)

// strictIndex makes an index that rejects a record with text in n.
func strictIndex(t *testing.T, s *elasticsearch.Server) string {
	t.Helper()
	index := e2e.FreshIndex(t, s)
	if err := s.PutIndex(t.Context(), index, `{"mappings":{"properties":{"n":{"type":"long"}}}}`); err != nil {
		t.Fatal(err)
	}
	return index
}

// firstNumber is the first element of the list in a rejected record. Older servers reject a list of
// 1 and 2.50 at the replay, so they get two fractions.
func firstNumber() string {
	if e2e.NewestServer() {
		return "1"
	}
	return "1.5"
}

// poisoned is a chunk of which Elasticsearch rejects the second and the last record.
func poisoned(t *testing.T) []byte {
	t.Helper()
	chunks, err := host.Chunks(host.Nested, e2e.FirstTime,
		`{"n":0}`, `{"n":"secret \"one\"","list":[`+firstNumber()+`,2.50]}`, `{"n":2}`, `{"n":"secret two"}`)
	if err != nil {
		t.Fatal(err)
	}
	return chunks[0].Bytes
}

// lettersOf decodes dead-letter records and checks their common fields.
func lettersOf(t *testing.T, s *elasticsearch.Server, index string, texts []string) (documents map[string]bool) {
	t.Helper()
	documents = map[string]bool{}
	for _, text := range texts {
		letter, err := e2e.Decode([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		reason, _ := letter["reason"].(string)
		if letter["index"] != index || letter["tag"] != "a.b" || letter["event_time"] != "2026-11-23T08:00:00Z" ||
			letter["type"] != e2e.ParsingError(t, s) || !strings.Contains(reason, "secret") || letter["@timestamp"] == nil {
			t.Errorf("the letter is %s", text)
		}
		document, _ := letter["document"].(string)
		if documents[document] {
			t.Errorf("%s is there twice", document)
		}
		documents[document] = true
	}
	return documents
}

func wantDeadLetters() []string {
	return []string{
		`{"n":"secret \"one\"","list":[` + firstNumber() + `,2.5],"@timestamp":"2026-11-23T08:00:00.000Z"}`,
		`{"n":"secret two","@timestamp":"2026-11-23T08:00:00.000Z"}`,
	}
}

func checkDeadLetters(t *testing.T, documents map[string]bool) {
	t.Helper()
	if len(documents) != len(wantDeadLetters()) {
		t.Errorf("%d letters, want %d", len(documents), len(wantDeadLetters()))
	}
	for _, want := range wantDeadLetters() {
		if !documents[want] {
			t.Errorf("no letter has the document %s, they have %v", want, documents)
		}
	}
}

func TestHostDeadLetterIndex(t *testing.T) {
	s := e2e.Cluster(t)
	for name, ids := range map[string]string{"ids by Elasticsearch": "off", "generated ids": "on"} {
		t.Run(name, func(t *testing.T) {
			index := strictIndex(t, s)
			h, log := e2e.StartHost(t, host.Options{})
			for life := range 2 { // two instances: no memory connects them
				alias := fmt.Sprintf("life%d", life)
				o := e2e.Output(t, h, 1, "Alias "+alias, "Hosts "+s.URL(), "Index "+index, "Generate_ID "+ids, "Dead_Letter_Index "+index+"-dead-%Y")
				e2e.Flush(t, o, "a.b", poisoned(t), host.OK)
				scrape, err := h.Scrape()
				if err != nil {
					t.Fatal(err)
				}
				if got := fluentbit.Value(scrape, `fluentbit_output_es_go_records_total{name="`+alias+`",outcome="dead_lettered"}`); got != 2 {
					t.Errorf("%v dead letters are counted, want 2", got)
				}
				if err := o.Exit(); err != nil {
					t.Fatal(err)
				}
			}
			var texts []string
			e2e.EventuallyCount(t, s, index+"-dead-", len(wantDeadLetters()))
			err := s.Documents(t.Context(), index+"-dead-*", func(d elasticsearch.Document) error {
				texts = append(texts, string(d.Source))
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			checkDeadLetters(t, lettersOf(t, s, index, texts))
			if strings.Contains(log.String(), "secret") {
				t.Error("a record's value is in the log")
			}
		})
	}
}

func TestHostDeadLetterIndexThatRejectsTooEndsThere(t *testing.T) {
	s := e2e.Cluster(t)
	index := strictIndex(t, s)
	if err := s.PutIndex(t.Context(), index+"-dead", `{"mappings":{"properties":{"document":{"type":"long"}}}}`); err != nil {
		t.Fatal(err)
	}
	h, log := e2e.StartHost(t, host.Options{})
	o := e2e.Output(t, h, 1, "Hosts "+s.URL(), "Index "+index, "Dead_Letter_Index "+index+"-dead")
	e2e.Flush(t, o, "a.b", poisoned(t), host.OK)
	if err := o.Exit(); err != nil {
		t.Fatal(err)
	}
	support.Eventually(t, time.Minute, "the log tells of it", func() bool { return strings.Contains(log.String(), "dead-letter records were rejected") })
}

func TestHostDeadLetterFileAndItsReplay(t *testing.T) {
	s := e2e.Cluster(t)
	index := strictIndex(t, s)
	file := filepath.Join(t.TempDir(), "letters", "dead.ndjson")
	h, _ := e2e.StartHost(t, host.Options{})
	o := e2e.Output(t, h, 1, "Hosts "+s.URL(), "Index "+index, "Generate_ID on", "Dead_Letter_File "+file)
	e2e.Flush(t, o, "a.b", poisoned(t), host.OK)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	checkDeadLetters(t, lettersOf(t, s, index, strings.Split(strings.TrimSpace(string(text)), "\n")))
	e2e.EventuallyCount(t, s, index, 2)

	if _, err := exec.LookPath("bash"); err != nil {
		t.Skipf("the replay is not tried: %v", err)
	}
	program := filepath.Join(t.TempDir(), "out-es")
	if out, err := exec.Command("go", "build", "-o", program, "out_es/cmd/out-es").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	// After the mapping is repaired, and the output has ended, the command of docs/delivery.md
	// delivers them.
	if err := o.Exit(); err != nil {
		t.Fatal(err)
	}
	if err := s.DeleteIndex(t.Context(), index); err != nil {
		t.Fatal(err)
	}
	for range 2 { // a second replay finds that all is done
		replay := exec.Command("bash", "-euo", "pipefail", "-c", replayCommand(t))
		replay.Env = append(os.Environ(), "ES_URL="+s.URL(), "FILE="+file, "PATH="+filepath.Dir(program)+":"+os.Getenv("PATH"))
		if out, err := replay.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	e2e.EventuallyCount(t, s, index, 2)
}

// replayCommand is the command of docs/delivery.md.
func replayCommand(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../../docs/delivery.md")
	if err != nil {
		t.Fatal(err)
	}
	_, command, found := strings.Cut(string(text), "```sh\nout-es replay ")
	command, _, closed := strings.Cut(command, "```")
	if !found || !closed {
		t.Fatal("docs/delivery.md has no block that starts with out-es replay")
	}
	return "out-es replay " + command
}

func TestHostDeadLetterFileHasOneOwner(t *testing.T) {
	file := filepath.Join(t.TempDir(), "dead.ndjson")
	h, log := e2e.StartHost(t, host.Options{})
	e2e.Output(t, h, 1, "Hosts http://127.0.0.1:1", "Dead_Letter_File "+file)
	if _, err := h.Init(host.Instance{Properties: [][2]string{{"Hosts", "http://127.0.0.1:1"}, {"Dead_Letter_File", file}}}); err == nil {
		t.Error("two outputs may write to one file")
	}
	support.Eventually(t, time.Minute, "the log tells why", func() bool { return strings.Contains(log.String(), "give each its own") })
}
