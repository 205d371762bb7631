package deploy

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// helmTemplate is the output of install.sh for the chart and our values, in a cluster with this
// secret out-es-credentials.
func helmTemplate(t *testing.T, secret string, further ...string) Objects {
	t.Helper()
	chart, bin := HelmChart(t), t.TempDir()
	// The script asks the cluster for the secret, and there is none: test/kubernetes has a real
	// one.
	if err := os.WriteFile(filepath.Join(bin, "kubectl"), []byte("#!/bin/sh\necho '"+secret+"'\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	t.Setenv("HELM", "helm template")
	t.Setenv("CHART", chart)
	objects, err := Parse(Run(t, nil, Folder("helm/install.sh"), further...))
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

// TestHelmRendersWhatKustomizeDoes compares, object by object, overlays/helm together with the
// chart's two releases with overlays/external.
func TestHelmRendersWhatKustomizeDoes(t *testing.T) {
	HelmChart(t)
	_, beside := Render(t, "kubernetes/overlays/helm")
	helm := slices.Concat(beside, helmTemplate(t, ""))
	_, kustomize := Render(t, "kubernetes/overlays/external")
	left := map[string]Object{}
	for _, o := range helm {
		key := o.Kind() + " " + suffix.ReplaceAllString(o.Name(), "")
		if _, twice := left[key]; twice {
			t.Errorf("%s is there twice with Helm", key)
		}
		left[key] = o
	}
	for _, want := range kustomize {
		key := want.Kind() + " " + suffix.ReplaceAllString(want.Name(), "")
		got, found := left[key]
		if !found {
			t.Errorf("%s is not there with Helm", key)
			continue
		}
		delete(left, key)
		differences(t, key, plain(t, helm, got), plain(t, kustomize, want))
	}
	for key := range left {
		// The chart makes a Service for each, which nothing of ours asks.
		if key != "Service out-es-agent" && key != "Service out-es-events" {
			t.Errorf("%s is there with Helm only", key)
		}
	}
}

// plain is an object without the differences of the two ways that mean the same: the manager,
// hashes in names, the mount path of the configuration, and whether a variable comes from a
// ConfigMap or from the workload itself.
func plain(t *testing.T, all Objects, o Object) map[string]any {
	t.Helper()
	out := map[string]any{"data": o["data"], "rules": o["rules"], "roleRef": o["roleRef"], "subjects": o["subjects"], "value": o["value"], "spec": o["spec"]}
	if data, _ := o["data"].(map[string]any); data != nil {
		data = maps.Clone(data)
		for _, chart := range []string{"custom_parsers.conf", "fluent-bit.conf"} { // which nothing reads: the chart always makes them
			delete(data, chart)
		}
		out["data"] = data
	}
	if o.Name() != "out-es-agent" && o.Name() != "out-es-events" || o.PodSpec() == nil || o.Kind() == "Service" {
		if o.Kind() == "Deployment" {
			out["spec"] = fmt.Sprint(o["spec"])
		}
		return out
	}
	pod, container := maps.Clone(o.PodSpec()), maps.Clone(List(o.PodSpec(), "containers")[0].(map[string]any))
	// Of the environment, only the variables of the configuration: the ConfigMap has more, for
	// others.
	configuration := fmt.Sprint(all.Find(t, "ConfigMap", o.Name())["data"])
	container["environment"] = slices.DeleteFunc(all.Environment(t, o, map[string]string{"NODE_NAME": "node-1", "POD_NAMESPACE": "monitoring"}), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return !strings.Contains(configuration, "${"+name+"}")
	})
	container["secrets"] = slices.DeleteFunc(slices.Clone(List(container, "envFrom")), func(source any) bool { return At(source, "secretRef") == nil })
	words := append(slices.Clone(List(container, "command")), List(container, "args")...)
	container["command"] = strings.ReplaceAll(fmt.Sprint(words), "/fluent-bit/etc/conf", "/etc/out-es")
	container["mounts"] = mounted(List(container, "volumeMounts"), "config")
	container["ports"] = strings.ReplaceAll(fmt.Sprint(container["ports"]), " protocol:TCP", "")
	pod["volumes"] = named(List(pod, "volumes"), "config")
	for _, name := range []string{"env", "envFrom", "args", "volumeMounts"} {
		delete(container, name)
	}
	for name, standard := range map[string]any{"hostNetwork": false, "dnsPolicy": "ClusterFirst"} {
		if pod[name] == standard {
			delete(pod, name)
		}
	}
	if n := len(List(pod, "containers")); n != 1 {
		t.Errorf("%s has %d containers", o.Name(), n)
	}
	pod["containers"] = container
	labels := podLabels(o)
	delete(labels, "app.kubernetes.io/instance")
	annotations, _ := At(o, "spec", "template", "metadata", "annotations").(map[string]any)
	annotations = maps.Clone(annotations)
	for _, sum := range []string{"checksum/config", "checksum/secret"} {
		delete(annotations, sum)
	}
	out["spec"] = map[string]any{"pod": pod, "labels": labels, "annotations": fmt.Sprint(annotations), "replicas": At(o, "spec", "replicas"),
		"update": At(o, "spec", "updateStrategy"), "strategy": At(o, "spec", "strategy")}
	return out
}

// named is a list by the names of its elements, less one.
func named(list []any, without string) map[string]any {
	all := map[string]any{}
	for _, one := range list {
		if name := Text(one, "name"); name != without {
			all[name] = one
		}
	}
	return all
}

// mounted is named for mounts, of which a volume may have more than one.
func mounted(list []any, without string) map[string]any {
	all := map[string]any{}
	for _, one := range list {
		if Text(one, "name") != without {
			all[Text(one, "mountPath")] = one
		}
	}
	return all
}

// differences tells in which fields two values differ, by their paths.
func differences(t *testing.T, path string, got, want any) {
	t.Helper()
	a, isMap := got.(map[string]any)
	b, both := want.(map[string]any)
	if !isMap || !both {
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s is %v with Helm, and %v with kustomize", path, got, want)
		}
		return
	}
	keys := slices.Concat(slices.Collect(maps.Keys(a)), slices.Collect(maps.Keys(b)))
	slices.Sort(keys)
	for _, key := range slices.Compact(keys) {
		differences(t, path+"."+key, a[key], b[key])
	}
}

// TestHelmRollsPods: by a changed file, value or secret, and by nothing else.
func TestHelmRollsPods(t *testing.T) {
	HelmChart(t)
	templates := func(secret string, further ...string) (agent, events any) {
		objects := helmTemplate(t, secret, further...)
		return At(objects.Find(t, "DaemonSet", "out-es-agent"), "spec", "template"), At(objects.Find(t, "Deployment", "out-es-events"), "spec", "template")
	}
	agent, events := templates("a")
	for name, c := range map[string]struct {
		secret  string
		further []string
		rolls   bool
	}{
		"nothing changed":     {"a", nil, false},
		"another secret":      {"b", nil, true},
		"a file more":         {"a", []string{"--set", `config.extraFiles.added\.yaml=x`}, true},
		"another environment": {"a", []string{"--set", "env[0].value=127.0.0.1"}, true},
	} {
		a, e := templates(c.secret, c.further...)
		if reflect.DeepEqual(a, agent) == c.rolls || reflect.DeepEqual(e, events) == c.rolls {
			t.Errorf("%s: the agent's pods roll: %t, the collector's: %t, want %t", name, !reflect.DeepEqual(a, agent), !reflect.DeepEqual(e, events), c.rolls)
		}
	}
	canary := helmTemplate(t, "a", "--set-string", "nodeSelector.out-es/agent=on")
	if got := At(canary.Find(t, "DaemonSet", "out-es-agent").PodSpec(), "nodeSelector"); Text(got, "out-es/agent") != "on" || Text(got, "kubernetes.io/os") != "linux" {
		t.Errorf("the canary's agent goes to %v", got)
	}
}
