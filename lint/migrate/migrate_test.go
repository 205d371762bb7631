package migrate_test

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"out_es/lint/migrate"
	"out_es/plugin/config"
)

var update = flag.Bool("update", false, "write docs/migration.md's table")

// hostOptions are Fluent Bit's own, which a section of es_go keeps.
var hostOptions = []string{"match", "match_regex", "alias", "log_level", "log_suppress_interval", "retry_limit", "storage.total_limit_size", "workers"}

// unlisted are options that Fluent Bit takes in any output without listing
// them (flb_output_set_property in its src/flb_output.c).
var unlisted = []string{"name", "ipv6", "workers", "storage.total_limit_size"}

func TestEveryRuleLeadsToAnOption(t *testing.T) {
	options := map[string]config.Option{}
	for _, o := range config.Options() {
		options[strings.ToLower(o.Name)] = o
	}
	for _, r := range migrate.Rules() {
		switch r.Step {
		case migrate.Keep:
			if r.To == "" && !slices.Contains(hostOptions, r.Option) || r.To != "" && strings.ToLower(r.To) != r.Option {
				t.Errorf("%s can't stay: it is neither Fluent Bit's own nor es_go's", r.Option)
			}
		case migrate.Drop, migrate.Decide:
			if r.To != "" || r.Note == "" {
				t.Errorf("%s is left out: it leads nowhere, and its note says why", r.Option)
			}
		case migrate.Compose:
			if r.To != "Hosts" {
				t.Errorf("%s becomes a part of %s", r.Option, r.To)
			}
		case migrate.Rename:
			if strings.ToLower(r.To) == r.Option && r.Option != "name" {
				t.Errorf("%s is renamed to itself", r.Option)
			}
		}
		if o, ok := options[strings.ToLower(r.To)]; r.To != "" && r.To != "Name" && (!ok || o.Name != r.To) {
			t.Errorf("%s leads to %s, which es_go doesn't have", r.Option, r.To)
		}
	}
}

func TestTheFirstRuleThatFitsHolds(t *testing.T) {
	for _, row := range []struct {
		output migrate.Output
		option string
		step   migrate.Step
		to     string
	}{
		{migrate.ES, "Net.Connect_Timeout", migrate.Rename, "Connect_Timeout"},
		{migrate.ES, "net.keepalive", migrate.Drop, ""},
		{migrate.OpenSearch, "TLS.proxy.ca_file", migrate.Decide, ""},
		{migrate.OpenSearch, "Logstash_Format", migrate.Keep, "Logstash_Format"},
	} {
		if r, ok := migrate.RuleOf(row.output, row.option); !ok || r.Step != row.step || r.To != row.to {
			t.Errorf("%s: %v %s", row.option, r.Step, r.To)
		}
	}
	if _, ok := migrate.RuleOf(migrate.OpenSearch, "cloud_id"); ok {
		t.Error("opensearch has no cloud_id")
	}
	r, _ := migrate.RuleOf(migrate.ES, "tls.min_version")
	if r.Value("TLSv1.3") != "1.3" || r.Value("other") != "other" {
		t.Error("values are not translated")
	}
}

// listed are Fluent Bit's own descriptions of an output's options: name and default.
func listed(t *testing.T, output string) map[string]string {
	t.Helper()
	program := os.Getenv("FLUENT_BIT")
	if program == "" {
		program = "fluent-bit"
	}
	out, err := exec.Command(program, "-J").Output()
	if err != nil {
		t.Skipf("no Fluent Bit to ask for its options (FLUENT_BIT): %v", err)
	}
	var schema struct {
		Outputs []struct {
			Name       string
			Properties map[string][]struct {
				Name    string
				Default *string
			}
		}
	}
	if err := json.Unmarshal(out, &schema); err != nil {
		t.Fatal(err)
	}
	options := map[string]string{}
	for _, o := range schema.Outputs {
		if o.Name != output {
			continue
		}
		for _, group := range o.Properties {
			for _, p := range group {
				options[p.Name] = ""
				if p.Default != nil {
					options[p.Name] = *p.Default
				}
			}
		}
	}
	if len(options) < 40 {
		t.Fatalf("Fluent Bit lists %d options of %s", len(options), output)
	}
	return options
}

func TestEveryOptionOfFluentBitHasARule(t *testing.T) {
	for name, output := range map[string]migrate.Output{"es": migrate.ES, "opensearch": migrate.OpenSearch} {
		options := listed(t, name)
		for option, fallback := range options {
			r, ok := migrate.RuleOf(output, option)
			if !ok {
				t.Errorf("%s of %s has no rule", option, name)
				continue
			}
			if ours, ok := defaultOf(r); ok && r.Default == "" && ours != normal(fallback) {
				t.Errorf("%s is %q by default in %s, %s is %q: say so in its rule", option, fallback, name, r.To, ours)
			}
		}
		for _, r := range migrate.Rules() {
			_, there := options[r.Option]
			if r.Of&output != 0 && !there && !strings.HasSuffix(r.Option, "*") && !slices.Contains(unlisted, r.Option) {
				t.Errorf("there is a rule for %s, which %s doesn't have", r.Option, name)
			}
		}
	}
}

// without are options with a default that has no effect without another option that has none.
var without = []string{"aws_service_name", "aws_profile", "tls.min_version"}

// defaultOf is the default of the option that a rule leads to.
func defaultOf(r migrate.Rule) (fallback string, ok bool) {
	if r.Step != migrate.Keep && r.Step != migrate.Rename || r.To == "" || r.To == "Name" || slices.Contains(without, r.Option) {
		return "", false
	}
	return normal(config.Default(r.To)), true
}

func normal(value string) string {
	switch strings.ToLower(value) {
	case "false":
		return "off"
	case "true":
		return "on"
	}
	return value
}

const guide = "../../docs/migration.md"

// TestTableIsInTheGuide holds docs/migration.md to the rules. To write its
// table: go test ./lint/migrate -update.
func TestTableIsInTheGuide(t *testing.T) {
	text, err := os.ReadFile(guide)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- Generated from lint/migrate by \"make generate\". -->\n", "<!-- End of what is generated. -->"
	before, rest, found := strings.Cut(string(text), begin)
	table, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("%s has lost the marks of its table", guide)
	}
	want := "\n" + migrate.Table() + "\n"
	if *update {
		if err := os.WriteFile(guide, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if table != want {
		t.Errorf("%s is not up to date; make generate writes it", guide)
	}
}
