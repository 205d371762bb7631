package lint_test

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"out_es/lint"
	"out_es/test/fluentbit"
)

// plugin is the shared object that "make test" has built.
func plugin(t *testing.T) string {
	t.Helper()
	path := os.Getenv("OUT_ES_SO")
	if path == "" {
		t.Skip("OUT_ES_SO names no plugin: make test does")
	}
	return path
}

// logWith runs Fluent Bit until its log holds all of texts, or its patience is at an end.
func logWith(t *testing.T, path string, texts []string, count int) string {
	t.Helper()
	agent := fluentbit.StartFile(t, plugin(t), path)
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		log := agent.Log()
		if !slices.ContainsFunc(texts, func(text string) bool { return strings.Count(log, text) < count }) {
			return log
		}
		if agent.Ended() || time.Now().After(end) {
			t.Errorf("Fluent Bit did not say %q %d times", texts, count)
			return agent.Log()
		}
	}
}

// claims pairs the linter's findings with the behaviour of the real Fluent Bit.
var claims = []struct {
	name, file, text string
	rule             string
	// says is in Fluent Bit's log.
	says []string
}{
	{"a list is its first value", "a.yaml", "index: [first, second]", "ignored-value", []string{"writes to index first at"}},
	{"an option given twice is its first value", "a.yaml", "index: first\n      index: second", "ignored-value", []string{"writes to index first at"}},
	{"and so in the classic format", "a.conf", "Index first\n    Index second", "ignored-value", []string{"writes to index first at"}},
	{"of Fluent Bit's own the last one holds", "a.conf", "Workers 1\n    Workers 2", "ignored-value", []string{"worker #1 started"}},
	{"a list of Fluent Bit's own is its last value", "a.yaml", "workers: [1, 2]", "ignored-value", []string{"worker #1 started"}},
	{"a map stops it", "a.yaml", "index:\n        a: b", "ignored-value", []string{"could not configure property 'index'", "aborting"}},
	{"a comment is part of the value", "a.conf", "Index app # ours", "comment", []string{`Index "app # ours"`}},
	{"a comment spoils Retry_Limit", "a.conf", "Retry_Limit no_limits # ever", "data-loss", []string{"invalid retry_limit. set default"}},
	{"a word that is no limit", "a.conf", "Retry_Limit never", "data-loss", []string{"invalid retry_limit. set default"}},
	{"quotes are part of the value", "a.conf", `Index "app"`, "quotes", []string{`Index "\"app\""`}},
	{"tls on stops it", "a.conf", "tls on", "reserved-option", []string{"does not support TLS", "aborting"}},
	{"tls.verify says nothing", "a.conf", "tls.verify nonsense", "reserved-option", []string{"writes to index"}},
	{"net.* says nothing", "a.conf", "net.keepalive off", "reserved-option", []string{"writes to index"}},
	{"host says nothing", "a.conf", "Host nowhere", "reserved-option", []string{"at http://127.0.0.1:1;"}},
	{"what is misspelt says nothing", "a.conf", "Logstash_Fromat on", "unknown-option", []string{"writes to index fluent-bit at"}},
	{"camelCase is understood", "a.yaml", "logstashFormat: on\n      logstashPrefx: app", "unknown-option", []string{"writes to index logstash-%Y.%m.%d at"}},
	{"an anchor stops it", "a.yaml", "index: &here app", "", []string{"writes to index app at"}},
	{"an alias stops it", "a.yaml", "index: &here app\n      tag_key: *here", "syntax", []string{"aborting"}},
	{"a percent sign at the beginning stops it", "a.yaml", "index: %Y", "syntax", []string{"aborting"}},
	{"what the plugin refuses", "a.conf", "Bulk_Size huge", "invalid-value", []string{`Bulk_Size "huge": must be`}},
	{"no workers", "a.conf", "Alias x", "workers", []string{"Workers is not set"}},
}

// TestClaimsHold runs the real Fluent Bit on configurations with findings.
func TestClaimsHold(t *testing.T) {
	for _, claim := range claims {
		t.Run(claim.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), claim.file)
			text := "[SERVICE]\n    Flush 0.1\n[INPUT]\n    Name dummy\n[OUTPUT]\n    Name es_go\n    Match *\n    Hosts http://127.0.0.1:1\n    " + claim.text + "\n"
			if strings.HasSuffix(path, ".yaml") {
				text = "service:\n  flush: 0.1\npipeline:\n  inputs:\n    - name: dummy\n  outputs:\n    - name: es_go\n      match: '*'\n" +
					"      hosts: http://127.0.0.1:1\n      " + claim.text + "\n"
			}
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			report, err := lint.File(path)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(report.Findings, func(f lint.Finding) bool { return f.Rule == claim.rule }) && claim.rule != "" {
				t.Errorf("the linter has nothing of %q: %v", claim.rule, report.Findings)
			}
			logWith(t, path, claim.says, 1)
		})
	}
}

// TestThreadsOfGoOutputsStartTwice shows why Workers don't survive a hot reload: it ends half of
// the threads. Where this fails, Fluent Bit is repaired, and the rule can go.
func TestThreadsOfGoOutputsStartTwice(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.conf")
	text := "[SERVICE]\n    Hot_Reload on\n[INPUT]\n    Name dummy\n[OUTPUT]\n    Name es_go\n    Match *\n    Hosts http://127.0.0.1:1\n    Workers 1\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	report, err := lint.File(path)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(report.Findings, func(f lint.Finding) bool { return f.Rule == "hot-reload" }) {
		t.Errorf("the linter has nothing of Workers and Hot_Reload: %v", report.Findings)
	}
	logWith(t, path, []string{"worker #0 started"}, 2)
}

// TestMatchIsNeeded has the one claim about a missing property.
func TestMatchIsNeeded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.conf")
	text := "[INPUT]\n    Name dummy\n[INPUT]\n    Name dummy\n[OUTPUT]\n    Name es_go\n    Hosts http://127.0.0.1:1\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	log := logWith(t, path, []string{"NO match for es_go.0 output instance"}, 1)
	if strings.Contains(log, "unreachable") {
		t.Error("it was sent something")
	}
}

// TestMigratedConfigurationsStart runs the real Fluent Bit, with the plugin, on results of Migrate.
func TestMigratedConfigurationsStart(t *testing.T) {
	t.Setenv("PASSWORD", "secret")
	authority := authorityFile(t) // the plugin reads it at its start
	for _, path := range cases(t, "migrate") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			migration, err := lint.Migrate(path)
			if err != nil {
				t.Fatal(err)
			}
			rewritten := filepath.Join(t.TempDir(), filepath.Base(path))
			text := strings.ReplaceAll(migration.Text, "/etc/ca.pem", authority)
			if err := os.WriteFile(rewritten, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			log := logWith(t, rewritten, []string{"writes to "}, migration.Sections)
			if strings.Contains(log, "[error]") {
				t.Errorf("it has errors:\n%s", log)
			}
		})
	}
}

// authorityFile is a file with the certificate of an authority.
func authorityFile(t *testing.T) string {
	t.Helper()
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	path := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
