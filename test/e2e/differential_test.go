package e2e

import (
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tinylib/msgp/msgp"

	"out_es/test/elasticsearch"
	"out_es/test/fluentbit"
)

// TestFluentBitDiffersFromTheBuiltInWhereItSaysSo sends the same records
// through the built-in es and through es_go, in one Fluent Bit, and holds what
// Elasticsearch has to docs/migration.md's table: a difference that isn't
// there fails, and so does one that is there and no longer comes about.
func TestFluentBitDiffersFromTheBuiltInWhereItSaysSo(t *testing.T) {
	s := cluster(t)
	prefix := freshIndex(t, s)
	body := fmt.Sprintf(`{"index_patterns":["%s-*"],"priority":900,"template":{"settings":{"number_of_replicas":0},"mappings":{"enabled":false}}}`, prefix)
	if err := s.PutTemplate(t.Context(), prefix, body); err != nil {
		t.Fatal(err)
	}
	port := fluentbit.FreePort(t)
	agent := fluentbit.Start(t, plugin, differentialConfig(t, s.URL(), prefix, port))
	eventually(t, 30*time.Second, "forward listens", func() bool { return strings.Contains(agent.Log(), "listening on") })
	cases := differentialCases(prefix)
	sendCases(t, port, cases)
	sent := 0
	for _, c := range cases {
		sent += len(c.records)
	}
	eventually(t, 30*time.Second, "all records are taken", func() bool {
		return agent.Metric(t, `fluentbit_input_records_total{name="forward.0"}`) == float64(sent)
	})
	time.Sleep(time.Second) // a flush of both
	agent.Stop(t, 30*time.Second)
	builtIn, ours := outcomes(t, s, prefix+"-b-"), outcomes(t, s, prefix+"-o-")
	checkDifferences(t, cases, builtIn, ours)
}

// pair is a section of the built-in output and one of es_go that must do the
// same. `@` in a value stands for the indices' common beginning, `#` for a key
// whose value begins so.
type pair struct {
	name  string
	both  []string
	index string // "" where the options say it
}

var pairs = []pair{
	{"plain", nil, "@x"},
	{"tag", []string{"Include_Tag_Key On", "Tag_Key tag"}, "@x"},
	{"dots", []string{"Replace_Dots On"}, "@x"},
	{"time", []string{"Time_Key when", "Time_Key_Format %Y/%m/%d %H:%M", "Time_Key_Nanos On"}, "@x"},
	{"id", []string{"Id_Key $meta['id']"}, "@x"},
	{"index", []string{"Id_Key $id", "Write_Operation index"}, "@x"},
	{"update", []string{"Id_Key $id", "Write_Operation update"}, "@x"},
	{"upsert", []string{"Id_Key $id", "Write_Operation upsert"}, "@x"},
	{"generated", []string{"Generate_ID On"}, "@x"},
	{"date", nil, "@x-%Y"},
	{"logstash", []string{"Logstash_Format On", "Logstash_Prefix @x", "Logstash_Prefix_Separator _", "Logstash_DateFormat %Y.%m", "Logstash_Prefix_Key $where['#']"}, ""},
	{"current", []string{"Logstash_Format On", "Logstash_Prefix @x", "Current_Time_Index On"}, ""},
}

func differentialConfig(t *testing.T, address, prefix, port string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	conf := fmt.Sprintf("[SERVICE]\n    Flush 0.2\n    Grace 10\n[INPUT]\n    Name forward\n    Listen 127.0.0.1\n    Port %s\n", port)
	for _, p := range pairs {
		options := p.both
		if p.index != "" {
			options = append([]string{"Index " + p.index}, options...)
		}
		lines := strings.Join(options, "\n    ") + "\n"
		conf += fmt.Sprintf("[OUTPUT]\n    Name es\n    Match %s.*\n    Host %s\n    Port %s\n    Suppress_Type_Name On\n    Retry_Limit no_retries\n    %s",
			p.name, u.Hostname(), u.Port(), strings.NewReplacer("@", prefix+"-b-"+p.name+"-", "#", "b").Replace(lines))
		conf += fmt.Sprintf("[OUTPUT]\n    Name es_go\n    Match %s.*\n    Hosts %s\n    Workers 1\n    Retry_Limit no_retries\n    %s",
			p.name, address, strings.NewReplacer("@", prefix+"-o-"+p.name+"-", "#", "o").Replace(lines))
	}
	return conf
}

// sendCases sends each case as a chunk of its own, by the forward protocol,
// whose records may hold what no JSON can.
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
func outcomes(t *testing.T, s *elasticsearch.Server, prefix string) map[string][]outcome {
	t.Helper()
	if err := s.Refresh(t.Context(), prefix+"*"); err != nil {
		t.Fatal(err)
	}
	all := map[string][]outcome{}
	err := s.Documents(t.Context(), prefix+"*", func(d elasticsearch.Document) error {
		source, err := decode(d.Source)
		if err != nil {
			return err
		}
		of, _ := source["case"].(string)
		delete(source, "case")
		if where, ok := source["where"].(map[string]any); ok { // it differs from run to run
			delete(where, "b")
			delete(where, "o")
		}
		pair, index, _ := strings.Cut(strings.TrimPrefix(d.Index, prefix), "-")
		o := outcome{index: index, source: nearNow(source).(map[string]any)}
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

// outcome is a document, and where it is.
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

// ascii escapes what not everybody sees.
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

// checkDifferences compares each case, and the table with what it found.
func checkDifferences(t *testing.T, cases []difference, builtIn, ours map[string][]outcome) {
	t.Helper()
	listed := listedDifferences(t)
	for _, c := range cases {
		name := c.pair + "." + c.name
		b, o := builtIn[name], ours[name]
		cells, found := listed[name]
		delete(listed, name)
		want := [2]string{cell(b), cell(o)} // before normal changes the documents
		row := fmt.Sprintf("| `%s` | %s | %s | ", name, want[0], want[1])
		switch same := sameOutcomes(b, o); {
		case same && found:
			t.Errorf("docs/migration.md lists a difference of %s, and there is none: both have %s", name, want[1])
		case !same && !found:
			t.Errorf("docs/migration.md lacks a difference:\n%s", row)
		case !same && cells != want:
			t.Errorf("docs/migration.md lists another difference:\n%s", row)
		case same && len(o) != len(c.records) && !c.fewer:
			t.Errorf("%s: %d documents of %d records in both", name, len(o), len(c.records))
		}
	}
	for name := range listed {
		t.Errorf("docs/migration.md lists a difference of %s, which is no case", name)
	}
}

func sameOutcomes(a, b []outcome) bool {
	return slices.EqualFunc(a, b, func(x, y outcome) bool {
		return x.index == y.index && x.id == y.id && reflect.DeepEqual(normal(x.source), normal(y.source))
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

// listedDifferences reads the table's cells, by case.
func listedDifferences(t *testing.T) map[string][2]string {
	t.Helper()
	text, err := os.ReadFile("../../docs/migration.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "\n## Differences in what arrives\n")
	if !found {
		t.Fatal("docs/migration.md has lost its differences")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	rows := map[string][2]string{}
	for line := range strings.Lines(section) {
		cells := strings.Split(strings.TrimSpace(line), " | ")
		name, isCase := strings.CutPrefix(cells[0], "| `")
		if !isCase {
			continue
		}
		if len(cells) != 4 || strings.Trim(cells[3], " |") == "" {
			t.Errorf("a row of docs/migration.md has no reason: %s", line)
			continue
		}
		rows[strings.TrimSuffix(name, "`")] = [2]string{cells[1], cells[2]}
	}
	return rows
}
