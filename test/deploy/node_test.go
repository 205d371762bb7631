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
)

// journalRemote makes journal files from text; Debian's package systemd-journal-remote has it.
const journalRemote = "/lib/systemd/systemd-journal-remote"

// TestNodeLogsArrive runs the agent's own configuration on a journal and on files as syslog daemons write them, against the real
// Elasticsearch.
func TestNodeLogsArrive(t *testing.T) {
	so := plugin(t)
	if _, err := os.Stat(journalRemote); err != nil {
		t.Skip("systemd-journal-remote is missing (Debian, Ubuntu: apt-get install systemd-journal-remote)")
	}
	_, objects := Render(t, "kubernetes/overlays/development")
	s := elasticsearch.ForTest(t, elasticsearch.Options{})
	if out, err := setUp(t, s.URL()); err != nil {
		t.Fatalf("%v\n%s", err, out)
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
	// A message, and what its document has to say. ssh is no component of the cluster, so its line is not asked for.
	want := map[string]map[string]string{
		"line of kubelet.service":                      {"systemd_unit": "kubelet.service", "priority": "6", "node": "node-1", "tag": "node.journal.kubelet.service"},
		"line of containerd.service":                   {"systemd_unit": "containerd.service"},
		"with a fraction":                              {"@timestamp": "2026-11-23T10:00:00.123456000Z", "ident": "kernel", "node": "node-1"},
		"to the second":                                {"@timestamp": "2026-11-23T11:00:01.000000000Z", "ident": "sshd", "pid": "12"},
		"Nov 23 11:00:02 node-1 cron: in the old form": {"tag": "node.file.syslog"},
	}
	got := map[string]map[string]any{}
	for end := time.Now().Add(time.Minute); len(got) < len(want) && time.Now().Before(end); time.Sleep(300 * time.Millisecond) {
		_ = s.Refresh(t.Context(), stream)
		_ = s.Documents(t.Context(), stream, func(d elasticsearch.Document) error {
			var source map[string]any
			if err := json.Unmarshal(d.Source, &source); err != nil {
				return err
			}
			got[Text(source, "message")+Text(source, "log")] = source
			return nil
		})
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
