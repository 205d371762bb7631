package deploy

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"out_es/test/fluentbit"
	"out_es/test/support"
)

// mounts are the host's paths that the agent sees.
func mounts(t *testing.T, objects Objects) (paths []string) {
	t.Helper()
	for _, volume := range List(objects.Find(t, "DaemonSet", "out-es-agent").PodSpec(), "volumes") {
		if path := Text(volume, "hostPath", "path"); path != "" {
			paths = append(paths, path)
		}
	}
	return paths
}

// TestComponentsForKindsOfNodes checks each component's changes to the agent, and that Fluent Bit
// starts without a journal.
func TestComponentsForKindsOfNodes(t *testing.T) {
	with := func(component string) Objects {
		return RenderWith(t, "kubernetes/overlays/development", "kubernetes/components/"+component)
	}
	selinux := func(objects Objects) string {
		return Text(List(objects.Find(t, "DaemonSet", "out-es-agent").PodSpec(), "containers")[0], "securityContext", "seLinuxOptions", "type")
	}
	_, plain := Render(t, "kubernetes/overlays/development")
	if paths := mounts(t, plain); slices.Contains(paths, "/var/lib/docker/containers") || selinux(plain) != "" {
		t.Errorf("without a component the agent mounts %q and is %q", paths, selinux(plain))
	}
	if paths := mounts(t, with("docker")); !slices.Contains(paths, "/var/lib/docker/containers") {
		t.Errorf("components/docker mounts %q", paths)
	}
	if selinux(with("selinux")) != "spc_t" {
		t.Error("components/selinux does not make the agent spc_t")
	}
	openshift := with("openshift")
	scc := openshift.Find(t, "SecurityContextConstraints", "out-es-agent")
	if selinux(openshift) != "spc_t" || At(scc, "allowHostDirVolumePlugin") != true || At(scc, "allowPrivilegedContainer") != false {
		t.Errorf("components/openshift makes the agent %q and %v", selinux(openshift), scc)
	}
	for _, volume := range List(openshift.Find(t, "DaemonSet", "out-es-agent").PodSpec(), "volumes") {
		for kind := range volume.(map[string]any) {
			if kind != "name" && !slices.Contains(List(scc, "volumes"), any(kind)) {
				t.Errorf("the agent has a volume of kind %s, which its SecurityContextConstraints refuse", kind)
			}
		}
	}
	bare := with("no-journal")
	if paths := mounts(t, bare); slices.Contains(paths, "/etc/machine-id") || slices.Contains(paths, "/run/log") {
		t.Errorf("components/no-journal mounts %q", paths)
	}
	dir := bare.WriteConfigMap(t, "out-es-agent")
	agent := fluentbit.StartFile(t, plugin(t), filepath.Join(dir, "fluent-bit.yaml"), bare.Environment(t, bare.Find(t, "DaemonSet", "out-es-agent"), nodeless(t, bare))...)
	support.Eventually(t, time.Minute, "the agent starts without a journal", func() bool { return answers(agent.Metrics) && strings.Count(agent.Log(), "writes to ") == 2 })
	if strings.Contains(agent.Log(), "journal") {
		t.Error("it still reads a journal")
	}
	agent.Signal(t, syscall.SIGTERM)
}

// TestKubeletComponentChangesTheSourceOnly: its metadata.yaml equals base's, with its additions.
func TestKubeletComponentChangesTheSourceOnly(t *testing.T) {
	settings := func(objects Objects) []string {
		var all []string
		for line := range strings.Lines(Text(objects.Find(t, "ConfigMap", "out-es-agent"), "data", "metadata.yaml")) {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
				all = append(all, line)
			}
		}
		return all
	}
	_, plain := Render(t, "kubernetes/overlays/development")
	objects := RenderWith(t, "kubernetes/overlays/development", "kubernetes/components/kubelet")
	added := settings(objects)
	for _, line := range settings(plain) {
		i := slices.Index(added, line)
		if i < 0 {
			t.Errorf("components/kubelet has no %s", line)
			continue
		}
		added = slices.Delete(added, i, i+1)
	}
	if want := []string{"use_kubelet: on", "kubelet_host: ${KUBELET_HOST}", "kubelet_port: ${KUBELET_PORT}", "tls.verify: ${KUBE_TLS_VERIFY}"}; !slices.Equal(added, want) {
		t.Errorf("components/kubelet adds %q, want %q", added, want)
	}
	for _, variable := range List(objects.Find(t, "DaemonSet", "out-es-agent").PodSpec(), "containers", 0, "env") {
		if Text(variable, "name") == "KUBELET_HOST" && Text(variable, "valueFrom", "fieldRef", "fieldPath") == "status.hostIP" {
			return
		}
	}
	t.Error("the agent is not told the address of its node")
}

// TestPodsGoToNodesThatCanRunThem: clusters have Windows nodes, and nodes of other architectures
// than the image has.
func TestPodsGoToNodesThatCanRunThem(t *testing.T) {
	for _, folder := range folders {
		_, objects := Render(t, folder)
		for _, o := range objects {
			spec := o.PodSpec()
			switch o.Kind() { // ECK's
			case "Elasticsearch":
				spec, _ = At(o, "spec", "nodeSets", 0, "podTemplate", "spec").(map[string]any)
			case "Kibana":
				spec, _ = At(o, "spec", "podTemplate", "spec").(map[string]any)
			}
			if List(spec, "containers") == nil {
				continue
			}
			if Text(spec, "nodeSelector", "kubernetes.io/os") != "linux" {
				t.Errorf("%s: %s %s may go to Windows", folder, o.Kind(), o.Name())
			}
			if strings.HasPrefix(o.Name(), "out-es-agent") || strings.HasPrefix(o.Name(), "out-es-events") {
				terms := fmt.Sprint(At(spec, "affinity", "nodeAffinity"))
				if !strings.Contains(terms, "kubernetes.io/arch") || !strings.Contains(terms, "[amd64 arm64]") || Text(spec, "priorityClassName") != "out-es-agent" {
					t.Errorf("%s: %s %s: %s, priority class %q", folder, o.Kind(), o.Name(), terms, Text(spec, "priorityClassName"))
				}
			}
		}
	}
}

// TestNamesOfTheOriginalStackStay: users have these names in their configurations and dashboards.
func TestNamesOfTheOriginalStackStay(t *testing.T) {
	for _, folder := range []string{"development", "logstash", "production", "kube-prometheus", "eck"} {
		_, objects := Render(t, "kubernetes/overlays/"+folder)
		for name, port := range map[string]int{"es-logging-svc": 9200, "kibana-logging-svc": 5601} {
			if got := At(objects.Find(t, "Service", name), "spec", "ports", 0, "port"); got != port {
				t.Errorf("%s: %s is on port %v, not %d", folder, name, got, port)
			}
		}
		events := Text(objects.Find(t, "ConfigMap", "out-es-events"), "data", "outputs.yaml")
		if !strings.Contains(events, "logstash_prefix: heapster\n") {
			t.Errorf("%s: events do not go to heapster-*", folder)
		}
	}
	_, objects := Render(t, "kubernetes/overlays/logstash")
	if outputs := Text(objects.Find(t, "ConfigMap", "out-es-agent"), "data", "outputs.yaml"); !strings.Contains(outputs, "logstash_prefix: logstash\n") {
		t.Error("logs do not go to logstash-*")
	}
	_, example := Render(t, "kubernetes/examples/myapp")
	example.Find(t, "Pod", "myapp")
	canary := RenderWith(t, "kubernetes/overlays/production", "kubernetes/components/canary")
	if selector := At(canary.Find(t, "DaemonSet", "out-es-agent").PodSpec(), "nodeSelector"); Text(selector, "out-es/agent") != "on" || Text(selector, "kubernetes.io/os") != "linux" {
		t.Errorf("the canary's agent goes to %v", selector)
	}
}
