package deploy

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"out_es/test/elasticsearch"
	"out_es/test/fluentbit"
	"out_es/test/support"
)

// journalRemote makes journal files from text; Debian's package systemd-journal-remote has it.
const journalRemote = "/lib/systemd/systemd-journal-remote"

// TestNodeLogsArrive runs the agent's own configuration on a journal and on files as syslog daemons
// write them, against the real Elasticsearch: as its index templates are, and where data streams
// are logsdb, as they are by default in Elasticsearch 9.
func TestNodeLogsArrive(t *testing.T) {
	for _, mode := range []string{"standard", "logsdb"} {
		t.Run(mode, func(t *testing.T) { nodeLogsArrive(t, mode) })
	}
}

// logsdb replaces the set-up's template by x-pack's version of it, since the test's server lacks
// x-pack: the index mode, and the field host.name, by which it sorts.
func logsdb(t *testing.T, s *elasticsearch.Server, objects Objects) {
	t.Helper()
	template := Text(objects.Find(t, "ConfigMap", "out-es-templates"), "data", "elasticsearch.logs-es_go.json")
	template = strings.Replace(template, `"settings": {`, `"settings": {"index.mode": "logsdb", "index.codec": "default", "index.mapping.source.mode": "stored",`, 1)
	template = strings.Replace(template, `"properties": {`, `"properties": {"host": {"properties": {"name": {"type": "keyword"}}},`, 1)
	if err := s.PutTemplate(t.Context(), "logs-es_go", template); err != nil {
		t.Fatal(err)
	}
	// It is the mode that is meant: a string there is refused.
	_, err := s.Do(t.Context(), "POST", "/logs-kubernetes.probe-default/_doc?op_type=create", []byte(`{"@timestamp":"2026-11-23T11:00:00Z","host":"node-1"}`))
	if err == nil || !strings.Contains(err.Error(), "host") {
		t.Fatalf("a string host is answered with %v: this is no logsdb", err)
	}
}

func nodeLogsArrive(t *testing.T, mode string) {
	so := plugin(t)
	if _, err := os.Stat(journalRemote); err != nil {
		t.Skip("systemd-journal-remote is missing (Debian, Ubuntu: apt-get install systemd-journal-remote)")
	}
	_, objects := Render(t, "kubernetes/overlays/development")
	s := elasticsearch.ForTest(t, elasticsearch.Options{})
	if out, err := setUp(t, s.URL()); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if mode == "logsdb" {
		logsdb(t, s, objects)
	}
	given := nodeless(t, objects)
	given["ES_HOSTS"], given["JOURNAL_PATH"], given["JOURNAL_FROM_TAIL"] = s.URL(), journal(t, "kubelet.service", "containerd.service", "ssh.service"), "off"
	syslog := "2026-11-23T11:00:00.123456+01:00 node-1 kernel: with a fraction\n2026-11-23T11:00:01Z node-1 sshd[12]: to the second\n" +
		"Nov 23 11:00:02 node-1 cron: in the old form\n"
	if err := os.WriteFile(filepath.Join(given["HOST_LOG"], "syslog"), []byte(syslog), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := objects.WriteConfigMap(t, "out-es-agent")
	fluentbit.StartFile(t, so, filepath.Join(dir, "fluent-bit.yaml"), objects.Environment(t, objects.Find(t, "DaemonSet", "out-es-agent"), given)...)

	const stream = "logs-kubernetes.node-default"
	// A message, and the expected fields of its document. ssh is no component of the cluster, so
	// its line is not wanted.
	want := map[string]map[string]string{
		"line of kubelet.service":                      {"systemd_unit": "kubelet.service", "priority": "6", "node": "node-1", "tag": "node.journal.kubelet.service"},
		"line of containerd.service":                   {"systemd_unit": "containerd.service"},
		"with a fraction":                              {"@timestamp": "2026-11-23T10:00:00.123456000Z", "ident": "kernel", "node": "node-1", "hostname": "node-1"},
		"to the second":                                {"@timestamp": "2026-11-23T11:00:01.000000000Z", "ident": "sshd", "pid": "12"},
		"Nov 23 11:00:02 node-1 cron: in the old form": {"tag": "node.file.syslog"},
	}
	got, failed := map[string]map[string]any{}, error(nil)
	for end := time.Now().Add(time.Minute); len(got) < len(want) && time.Now().Before(end); time.Sleep(300 * time.Millisecond) {
		_ = s.Refresh(t.Context(), stream)
		documents, err := s.Search(t.Context(), stream, `{"size":100}`)
		failed = err
		for _, d := range documents {
			var source map[string]any
			if err := json.Unmarshal(d.Source, &source); err != nil {
				t.Fatal(err)
			}
			got[Text(source, "message")+Text(source, "log")] = source
		}
	}
	if failed != nil {
		why, _ := s.Do(t.Context(), "GET", "/_cluster/allocation/explain", nil)
		t.Errorf("%v; %s", failed, why)
	}
	if len(got) != len(want) {
		t.Errorf("%d documents, want %d", len(got), len(want))
	}
	for message, fields := range want {
		for field, value := range fields {
			if Text(got[message], field) != value {
				t.Errorf("%s: %s is %v, want %s", message, field, At(got[message], field), value)
			}
		}
	}
}

// journal makes a folder with a journal in it that has a line of each unit.
func journal(t *testing.T, units ...string) string {
	t.Helper()
	dir := t.TempDir()
	var export strings.Builder
	for i, unit := range units {
		fmt.Fprintf(&export, "__REALTIME_TIMESTAMP=%d\n__MONOTONIC_TIMESTAMP=%d\n_BOOT_ID=%032x\n_MACHINE_ID=%032x\n_HOSTNAME=node-1\nPRIORITY=6\n_SYSTEMD_UNIT=%s\nMESSAGE=line of %s\n\n",
			time.Now().UnixMicro()+int64(i), 1000+i, 1, 2, unit, unit)
	}
	command := exec.CommandContext(t.Context(), journalRemote, "-o", filepath.Join(dir, "system.journal"), "-")
	command.Stdin = strings.NewReader(export.String())
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return dir
}

// TestAgentReadsFilesOfTheGroupAdm: Ubuntu's /var/log/syslog and kern.log are syslog:adm 0640,
// which uid 0 without capabilities can read as a member of that group only.
func TestAgentReadsFilesOfTheGroupAdm(t *testing.T) {
	so, program := plugin(t), fluentbit.ForTest(t)
	setpriv, err := exec.LookPath("setpriv")
	if err != nil || os.Getuid() != 0 {
		t.Skip("this test gives capabilities away: it wants to be root, and setpriv (Debian, Ubuntu: util-linux)")
	}
	_, objects := Render(t, "kubernetes/overlays/development")
	daemonset := objects.Find(t, "DaemonSet", "out-es-agent")
	groups := strings.Trim(fmt.Sprint(List(daemonset.PodSpec(), "securityContext", "supplementalGroups")), "[]")
	for _, c := range []struct {
		groups string
		reads  bool
	}{{groups, true}, {"", false}} {
		given := nodeless(t, objects)
		for _, name := range []string{"syslog", "kern.log"} {
			path := filepath.Join(given["HOST_LOG"], name)
			if err := os.WriteFile(path, []byte("2026-11-23T11:00:01Z node-1 sshd[12]: a line\n"), 0o640); err != nil {
				t.Fatal(err)
			}
			if err := os.Chown(path, 104, 4); err != nil {
				t.Fatal(err)
			}
		}
		// As the container's security context has it: uid 0, all capabilities dropped, and these
		// groups.
		wrapper := filepath.Join(t.TempDir(), "fluent-bit")
		membership := "--clear-groups"
		if c.groups != "" {
			membership = "--groups=" + c.groups
		}
		script := fmt.Sprintf("#!/bin/sh\nexec %s --bounding-set=-all --inh-caps=-all %s %s \"$@\"\n", setpriv, membership, program)
		if err := os.WriteFile(wrapper, []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
		t.Setenv("FLUENT_BIT", wrapper)
		dir := objects.WriteConfigMap(t, "out-es-agent")
		agent := fluentbit.StartFile(t, so, filepath.Join(dir, "fluent-bit.yaml"), objects.Environment(t, daemonset, given)...)
		const records = `fluentbit_input_records_total{name="files"}`
		if c.reads {
			support.Eventually(t, time.Minute, "both files are read", func() bool { return agent.Metric(t, records) == 2 })
		} else {
			support.Eventually(t, time.Minute, "the agent says that it can't", func() bool {
				return strings.Contains(agent.Log(), "cannot open") || strings.Contains(agent.Log(), "Permission denied")
			})
		}
	}
}
