package documents

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tinylib/msgp/msgp"

	"out_es/test/e2e"
	"out_es/test/elasticsearch"
	"out_es/test/fluentbit"
	"out_es/test/support"
)

// TestFluentBitDiffersFromTheBuiltInWhereItSaysSo sends the same records through the built-in es,
// the built-in opensearch and es_go, in one Fluent Bit. It compares the server's documents with the
// tables of testdata/differences.txt: an undocumented difference fails, and so does a documented
// one that no longer exists.
func TestFluentBitDiffersFromTheBuiltInWhereItSaysSo(t *testing.T) {
	support.LongForm(t)
	fluentbit.Since(t, "4.2.0", "has built-in outputs that differ otherwise: docs/migration.md lists the differences to those of 4.2 and 5.1")
	s := e2e.Cluster(t)
	prefix := strings.ReplaceAll(e2e.FreshIndex(t, s), "-", "_") // a data stream's type holds no hyphen
	prepareDifferential(t, s, prefix)
	port := support.FreePort(t)
	agent := fluentbit.Start(t, e2e.Plugin(), differentialConfig(t, s.URL(), prefix, port))
	support.Eventually(t, 30*time.Second, "forward listens", func() bool { return strings.Contains(agent.Log(), "listening on") })
	cases := differentialCases(prefix)
	sendCases(t, port, cases)
	sent := 0
	for _, c := range cases {
		sent += len(c.records)
	}
	support.Eventually(t, 30*time.Second, "all records are taken", func() bool {
		return agent.Metric(t, `fluentbit_input_records_total{name="forward.0"}`) == float64(sent)
	})
	time.Sleep(time.Second) // a flush of all
	agent.Stop(t)
	var arrived [len(outputs)]map[string][]outcome
	for i := range outputs {
		arrived[i] = outcomes(t, s, prefix, outputs[i].letter)
	}
	checkOpenSearch(t, cases, arrived) // the other changes the documents
	checkDifferences(t, cases, arrived[0], arrived[2])
}

// outputs are compared: the built-in ones, and ours. Each has a letter in the names of its indices.
var outputs = [...]struct{ name, letter string }{{"es", "b"}, {"opensearch", "s"}, {"es_go", "o"}}

// present is the id of a document that exists before the test begins.
const present = "present"

// prepareDifferential installs templates without mappings, and puts a document into the indices of
// the pairs that change documents.
func prepareDifferential(t *testing.T, s *elasticsearch.Server, prefix string) {
	t.Helper()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		for _, output := range outputs { // an embedded server has no handler to delete data streams
			_, _ = s.Do(ctx, "DELETE", "/_data_stream/"+prefix+"-"+output.letter+"-stream-x", nil)
		}
		_ = s.DeleteIndex(ctx, prefix+"-*")
	})
	put := func(name, pattern, rest string) {
		body := fmt.Sprintf(`{"index_patterns":[%s],"template":{"settings":{"number_of_replicas":0},"mappings":%s}`, pattern, rest)
		if err := s.PutTemplate(t.Context(), name, body); err != nil {
			t.Fatal(err)
		}
	}
	put(prefix, `"`+prefix+`-*"`, `{"enabled":false}},"priority":900}`)
	put(prefix+"_stream", fmt.Sprintf(`"%[1]s-b-stream-*","%[1]s-s-stream-*","%[1]s-o-stream-*"`, prefix),
		`{"dynamic":false}},"priority":901,"data_stream":{}}`)
	for _, output := range outputs {
		for _, pair := range []string{"update", "upsert"} {
			path := fmt.Sprintf("/%s-%s-%s-x/_doc/%s", prefix, output.letter, pair, present)
			if _, err := s.Do(t.Context(), "PUT", path, []byte(`{"case":"document that is there","id":"present","before":1,"inside":{"a":1}}`)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// pair is a section of a built-in output and one of es_go with the same effect. `@` in a value
// stands for the indices' common beginning, `#` for a key whose value begins so, `~` for the
// beginning without pair, `^` for the output's letter.
type pair struct {
	name  string
	both  []string
	index string // "" if the options have it
	// builtIn and ours are options of one of the two only.
	builtIn, ours []string
}

var pairs = []pair{
	{name: "plain", index: "@x"},
	{name: "tag", both: []string{"Include_Tag_Key On", "Tag_Key tag"}, index: "@x"},
	{name: "dots", both: []string{"Replace_Dots On"}, index: "@x"},
	{name: "time", both: []string{"Time_Key when", "Time_Key_Format %Y/%m/%d %H:%M", "Time_Key_Nanos On"}, index: "@x"},
	{name: "id", both: []string{"Id_Key $meta['id']"}, index: "@x"},
	{name: "index", both: []string{"Id_Key $id", "Write_Operation index"}, index: "@x"},
	{name: "update", both: []string{"Id_Key $id", "Write_Operation update"}, index: "@x"},
	{name: "upsert", both: []string{"Id_Key $id", "Write_Operation upsert"}, index: "@x"},
	{name: "generated", both: []string{"Generate_ID On"}, index: "@x"},
	{name: "date", index: "@x-%Y"},
	{name: "accessor", index: "@$where['name']"},
	{name: "logstash", both: []string{"Logstash_Format On", "Logstash_Prefix @x", "Logstash_Prefix_Separator _", "Logstash_DateFormat %Y.%m", "Logstash_Prefix_Key $where['#']"}},
	{name: "current", both: []string{"Logstash_Format On", "Logstash_Prefix @x", "Current_Time_Index On"}},
	{name: "stream", builtIn: []string{"Index @x"}, ours: []string{"Data_Stream On", "Data_Stream_Type ~", "Data_Stream_Dataset ^", "Data_Stream_Namespace stream-x"}},
}

func differentialConfig(t *testing.T, address, prefix, port string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	conf := fmt.Sprintf("[SERVICE]\n    Flush 0.2\n    Grace 10\n[INPUT]\n    Name forward\n    Listen 127.0.0.1\n    Port %s\n", port)
	for _, p := range pairs {
		for _, output := range outputs {
			lines := append([]string{"Name " + output.name, "Match " + p.name + ".*", "Retry_Limit no_retries", "Workers 1"}, p.both...)
			if p.index != "" {
				lines = append(lines, "Index "+p.index)
			}
			if output.name == "es_go" {
				lines = append(append(lines, "Hosts "+address), p.ours...)
			} else {
				lines = append(append(lines, "Host "+u.Hostname(), "Port "+u.Port(), "Suppress_Type_Name On"), p.builtIn...)
			}
			names := strings.NewReplacer("@", prefix+"-"+output.letter+"-"+p.name+"-", "#", output.letter, "~", prefix, "^", output.letter)
			conf += "[OUTPUT]\n    " + names.Replace(strings.Join(lines, "\n    ")) + "\n"
		}
	}
	return conf
}

// sendCases sends each case as a chunk of its own, by the forward protocol, which has values that
// JSON lacks.
func sendCases(t *testing.T, port string, cases []difference) {
	t.Helper()
	connection, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	for _, c := range cases {
		message := msgp.AppendArrayHeader(nil, 2)
		message = msgp.AppendString(message, c.pair+"."+c.name)
		message = msgp.AppendArrayHeader(message, uint32(len(c.records)))
		for _, record := range c.records {
			message = append(message, record...)
		}
		if _, err := connection.Write(message); err != nil {
			t.Fatal(err)
		}
	}
}

// outcomes are the documents of each case as text, in order.
func outcomes(t *testing.T, s *elasticsearch.Server, start, letter string) map[string][]outcome {
	t.Helper()
	prefix := start + "-" + letter + "-"
	if err := s.Refresh(t.Context(), prefix+"*"); err != nil {
		t.Fatal(err)
	}
	all := map[string][]outcome{}
	err := s.Documents(t.Context(), prefix+"*", func(d elasticsearch.Document) error {
		source, err := e2e.Decode(d.Source)
		if err != nil {
			return err
		}
		of, _ := source["case"].(string)
		delete(source, "case")
		if where, ok := source["where"].(map[string]any); ok { // it differs from output to output
			delete(where, "b")
			delete(where, "s")
			delete(where, "o")
		}
		if stream, ok := source["data_stream"].(map[string]any); ok && stream["type"] == start {
			stream["type"], stream["dataset"] = "TYPE", "DATASET"
		}
		source = nearNow(source).(map[string]any)
		pair, index, _ := strings.Cut(strings.TrimPrefix(backed.ReplaceAllString(d.Index, "$1"), prefix), "-")
		o := outcome{index: today(index), source: source}
		if pair == "id" || pair == "index" || pair == "update" || pair == "upsert" {
			if o.id = d.ID; len(o.id) == 20 && !strings.ContainsAny(o.id, " \"\\") { // Elasticsearch's own
				o.id = "generated"
			}
		}
		all[pair+"."+of] = append(all[pair+"."+of], o)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, list := range all {
		slices.SortFunc(list, func(a, b outcome) int { return strings.Compare(a.String(), b.String()) })
	}
	return all
}

// backed is a data stream's backing index.
var backed = regexp.MustCompile(`^\.ds-(.*?)(-\d{4}\.\d\d\.\d\d)?-\d{6}$`)

// outcome is a document, and its index and id.
type outcome struct {
	index, id string
	source    map[string]any
}

func (o outcome) String() string {
	text, _ := json.Marshal(o.source)
	where := ""
	if o.index != "x" {
		where = o.index + " "
	}
	if o.id != "" {
		where += fmt.Sprintf("%.40q ", o.id)
	}
	return where + ascii(string(text))
}

// ascii escapes invisible and confusable characters.
func ascii(text string) string {
	var out strings.Builder
	for _, r := range text {
		if r < 0x7f {
			out.WriteRune(r)
		} else {
			fmt.Fprintf(&out, "\\u%04x", r)
		}
	}
	return out.String()
}

// today replaces the day and the year of the test in an index's name by words.
func today(index string) string {
	for _, day := range []time.Time{time.Now(), time.Now().Add(-time.Hour)} {
		index = strings.ReplaceAll(index, day.UTC().Format("2006.01.02"), "today")
		index = strings.ReplaceAll(index, day.UTC().Format("2006"), "this_year")
	}
	return index
}

// nearNow replaces times of the test's own by a word.
func nearNow(value any) any {
	switch v := value.(type) {
	case string:
		if strings.HasPrefix(v, time.Now().UTC().Format("2006-01-02T15")) || strings.HasPrefix(v, time.Now().Add(-time.Hour).UTC().Format("2006-01-02T15")) {
			return "now"
		}
	case map[string]any:
		for key := range v {
			v[key] = nearNow(v[key])
		}
	case []any:
		for i := range v {
			v[i] = nearNow(v[i])
		}
	}
	return value
}

// checkDifferences compares each case, and the table with the result.
func checkDifferences(t *testing.T, cases []difference, builtIn, ours map[string][]outcome) {
	t.Helper()
	listed := listedDifferences(t, "\n## Differences in what arrives\n")
	for _, c := range cases {
		name := c.pair + "." + c.name
		b, o := builtIn[name], ours[name]
		cells, found := listed[name]
		delete(listed, name)
		want := [2]string{cell(b), cell(o)} // before normal changes the documents
		row := fmt.Sprintf("| `%s` | %s | %s | ", name, want[0], want[1])
		switch same := sameOutcomes(b, o); {
		case same && found:
			t.Errorf("testdata/differences.txt lists a difference of %s, and there is none: both have %s", name, want[1])
		case !same && !found:
			t.Errorf("testdata/differences.txt lacks a difference:\n%s", row)
		case !same && cells != want:
			t.Errorf("testdata/differences.txt lists another difference:\n%s", row)
		case same && len(o) != len(c.records) && !c.fewer:
			t.Errorf("%s: %d documents of %d records in both", name, len(o), len(c.records))
		}
	}
	for name := range listed {
		t.Errorf("testdata/differences.txt lists a difference of %s, which is no case", name)
	}
}

// checkOpenSearch compares the two built-in outputs: if they differ, the table has opensearch's
// result, and es_go's beside it.
func checkOpenSearch(t *testing.T, cases []difference, arrived [len(outputs)]map[string][]outcome) {
	t.Helper()
	listed := listedDifferences(t, "\n## Where `opensearch` differs from `es`\n")
	for _, c := range cases {
		name := c.pair + "." + c.name
		cells, found := listed[name]
		delete(listed, name)
		want := [2]string{cell(arrived[1][name]), cell(arrived[2][name])}
		switch same := cell(arrived[0][name]) == want[0]; {
		case same && found:
			t.Errorf("testdata/differences.txt says that opensearch does otherwise than es with %s, and both have %s", name, want[0])
		case !same && cells != want:
			t.Errorf("testdata/differences.txt lacks what opensearch does otherwise than es:\n| `%s` | %s | %s | ", name, want[0], want[1])
		}
	}
	for name := range listed {
		t.Errorf("testdata/differences.txt lists what opensearch does with %s, which is no case", name)
	}
}

func sameOutcomes(a, b []outcome) bool {
	return slices.EqualFunc(a, b, func(x, y outcome) bool {
		return x.index == y.index && x.id == y.id && reflect.DeepEqual(e2e.Normal(x.source), e2e.Normal(y.source))
	})
}

func cell(list []outcome) string {
	if len(list) == 0 {
		return "nothing"
	}
	var texts []string
	for _, o := range list {
		texts = append(texts, "`"+strings.NewReplacer("|", "\\|", "`", "'").Replace(o.String())+"`")
	}
	return strings.Join(texts, " ")
}

// listedDifferences reads the cells of the table under a heading, by case.
func listedDifferences(t *testing.T, heading string) map[string][2]string {
	t.Helper()
	text, err := os.ReadFile("testdata/differences.txt")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), heading)
	if !found {
		t.Fatalf("testdata/differences.txt has lost its heading %q", heading)
	}
	section, _, _ = strings.Cut(section, "\n##")
	rows := map[string][2]string{}
	for line := range strings.Lines(section) {
		cells := strings.Split(strings.TrimSpace(line), " | ")
		name, isCase := strings.CutPrefix(cells[0], "| `")
		if !isCase {
			continue
		}
		if len(cells) != 4 || strings.Trim(cells[3], " |") == "" {
			t.Errorf("a row of testdata/differences.txt has no subject: %s", line)
			continue
		}
		rows[strings.TrimSuffix(name, "`")] = [2]string{cells[1], cells[2]}
	}
	return rows
}
