package deploy

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"out_es/test/fluentbit"
	"out_es/test/support"
)

// plugin is the shared object under test, for a Fluent Bit that can run the node agent.
func plugin(t testing.TB) string {
	t.Helper()
	fluentbit.Needs(t, "systemd", "build it where libsystemd-dev is installed, or take a package of it")
	path := os.Getenv("OUT_ES_SO")
	if path == "" {
		t.Skip("OUT_ES_SO is not set: `make build`, then OUT_ES_SO=$PWD/out_es.so")
	}
	return path
}

// workloads are those that run Fluent Bit, by kind, name, ConfigMap and how many outputs of ours
// each has.
var workloads = []struct {
	kind, name string
	outputs    int
}{{"DaemonSet", "out-es-agent", 2}, {"Deployment", "out-es-events", 1}}

// TestFluentBitStartsWithEveryConfiguration: Fluent Bit's dry run never initialises an output, so
// each is really started, too.
func TestFluentBitStartsWithEveryConfiguration(t *testing.T) {
	so, program := plugin(t), fluentbit.ForTest(t)
	for _, folder := range folders {
		if !strings.Contains(folder, "overlays") || strings.HasSuffix(folder, "overlays/helm") {
			continue // the latter's are the chart's: TestHelmRendersWhatKustomizeDoes
		}
		_, objects := Render(t, folder)
		for _, w := range workloads {
			t.Run(filepath.Base(folder)+"/"+w.name, func(t *testing.T) {
				dir := objects.WriteConfigMap(t, w.name)
				environment := objects.Environment(t, objects.Find(t, w.kind, w.name), nodeless(t, objects))
				dry(t, program, so, filepath.Join(dir, "fluent-bit.yaml"), environment)
				agent := fluentbit.StartFile(t, so, filepath.Join(dir, "fluent-bit.yaml"), environment...)
				started := func() bool { return strings.Count(agent.Log(), "writes to ") == w.outputs && answers(agent.Metrics) }
				for end := time.Now().Add(20 * time.Second); !started(); time.Sleep(100 * time.Millisecond) {
					if agent.Ended() || time.Now().After(end) {
						t.Fatalf("it does not start; its log:\n%s", agent.Log())
					}
				}
				for line := range strings.Lines(agent.Log()) {
					if strings.Contains(line, "[error]") && !strings.Contains(line, "kube") {
						t.Errorf("it logs an error: %s", line)
					}
				}
				agent.Signal(t, syscall.SIGTERM) // the queue at the exit is tested elsewhere
			})
		}
	}
}

// nodeless has the values that a node, a secret or the pod's network would give.
func nodeless(t testing.TB, objects Objects) map[string]string {
	t.Helper()
	host := t.TempDir()
	if err := os.MkdirAll(filepath.Join(host, "containers"), 0o755); err != nil {
		t.Fatal(err)
	}
	// An authority works with https only, so it is given where the overlay names one.
	ca := "-"
	if Text(objects.Find(t, "ConfigMap", "out-es-environment"), "data", "ES_CA_FILE") != "" {
		ca = filepath.Join(t.TempDir(), "ca.crt")
		Run(t, nil, "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1", "-subj", "/CN=test",
			"-keyout", filepath.Join(t.TempDir(), "key"), "-out", ca)
	}
	return map[string]string{
		"LISTEN": "127.0.0.1", "HTTP_PORT": "-", "EXPORTER_PORT": support.FreePort(t), "HOST_LOG": host, "STATE_DIR": t.TempDir(),
		"NODE_NAME": "node-1", "POD_NAMESPACE": "monitoring", "KUBE_URL": "http://127.0.0.1:" + support.FreePort(t),
		"ES_CA_FILE": ca,
	}
}

func answers(url string) bool {
	response, err := http.Get(url + "/api/v1/uptime")
	if err != nil {
		return false
	}
	response.Body.Close()
	return response.StatusCode == http.StatusOK
}

func dry(t *testing.T, program, so, file string, environment []string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), program, "--dry-run", "-e", so, "-c", file)
	command.Env = append(os.Environ(), append(environment, "HTTP_PORT=2020")...)
	out, err := command.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "configuration test is successful") {
		t.Fatalf("the dry run says %v: %s", err, out)
	}
}
