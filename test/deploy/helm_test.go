package deploy

import (
	"os"
	"os/exec"
	"reflect"
	"testing"
)

// TestHelmRendersTheSameAgent compares what the chart makes of our values with the DaemonSet. HELM_CHART names a copy of Fluent Bit's own
// chart, such as charts/fluent-bit of a checkout of fluent/helm-charts.
func TestHelmRendersTheSameAgent(t *testing.T) {
	chart := os.Getenv("HELM_CHART")
	helm, err := exec.LookPath("helm")
	if chart == "" || err != nil {
		t.Skip("HELM_CHART does not name a copy of Fluent Bit's chart, or helm is not on PATH (go install helm.sh/helm/v3/cmd/helm@latest)")
	}
	render := func(changed string) Objects {
		arguments := []string{"template", "fluent-bit", chart, "--namespace", "monitoring", "--values", Folder("helm/values.yaml"), "--set", "image.tag=0.1.0" + changed}
		for _, file := range []string{"fluent-bit", "traces", "containers", "journal", "node", "access", "metrics", "outputs"} {
			arguments = append(arguments, "--set-file", "config.extraFiles."+file+`\.yaml=`+Folder("kubernetes/base/agent", file+".yaml"))
		}
		objects, err := Parse(Run(t, nil, helm, arguments...))
		if err != nil {
			t.Fatal(err)
		}
		return objects
	}
	objects := render("")
	_, ours := Render(t, "kubernetes/overlays/external")
	files, _ := At(ours.Find(t, "ConfigMap", "out-es-agent"), "data").(map[string]any)
	theirs, _ := At(objects.Find(t, "ConfigMap", "out-es-agent"), "data").(map[string]any)
	for name, text := range files {
		if theirs[name] != text {
			t.Errorf("the chart's ConfigMap has another %s", name)
		}
	}
	got, want := objects.Find(t, "DaemonSet", "out-es-agent"), ours.Find(t, "DaemonSet", "out-es-agent")
	for _, field := range []string{"nodeSelector", "affinity", "tolerations", "priorityClassName", "terminationGracePeriodSeconds", "securityContext"} {
		if !reflect.DeepEqual(At(got.PodSpec(), field), At(want.PodSpec(), field)) {
			t.Errorf("%s is %v with Helm, and %v with kustomize", field, At(got.PodSpec(), field), At(want.PodSpec(), field))
		}
	}
	a, b := List(got.PodSpec(), "containers")[0], List(want.PodSpec(), "containers")[0]
	for _, field := range []string{"name", "image", "securityContext", "livenessProbe", "readinessProbe"} {
		if !reflect.DeepEqual(At(a, field), At(b, field)) {
			t.Errorf("the container's %s is %v with Helm, and %v with kustomize", field, At(a, field), At(b, field))
		}
	}
	for _, limit := range [][]any{{"resources", "limits", "memory"}, {"resources", "limits", "cpu"}, {"resources", "requests", "memory"}, {"resources", "requests", "cpu"}} {
		if !reflect.DeepEqual(At(a, limit...), At(b, limit...)) {
			t.Errorf("%v is %v with Helm, and %v with kustomize", limit, At(a, limit...), At(b, limit...))
		}
	}
	if !reflect.DeepEqual(mounts(t, objects), mounts(t, ours)) {
		t.Errorf("the agent mounts %q with Helm, and %q with kustomize", mounts(t, objects), mounts(t, ours))
	}
	for key, value := range podLabels(want) {
		if key != "app.kubernetes.io/name" && podLabels(got)[key] != value {
			t.Errorf("the label %s is %q with Helm, and %q with kustomize", key, podLabels(got)[key], value)
		}
	}
	sum := func(o Objects) string {
		return Text(o.Find(t, "DaemonSet", "out-es-agent"), "spec", "template", "metadata", "annotations", "checksum/config")
	}
	if changed := render(`,config.extraFiles.added\.yaml=x`); sum(changed) == sum(objects) || sum(objects) == "" {
		t.Error("a changed file does not roll the pods")
	}
}
