package deploy

import (
	"fmt"
	"maps"
	"slices"
	"testing"
)

// PodSpec is the pod's part of a workload, or of a pod.
func (o Object) PodSpec() map[string]any {
	spec, _ := At(o, "spec", "template", "spec").(map[string]any)
	if spec == nil {
		spec, _ = o["spec"].(map[string]any)
	}
	return spec
}

// Containers are the pod's, those that run before and beside included.
func (o Object) Containers() []any {
	spec := o.PodSpec()
	return append(slices.Clone(List(spec, "initContainers")), List(spec, "containers")...)
}

// Environment is the environment of the first container of a workload, as NAME=value: from
// ConfigMaps, and its own. The caller gives the values from the node or from a secret, in given,
// which wins over everything; a name with "-" is left out.
func (all Objects) Environment(t testing.TB, workload Object, given map[string]string) []string {
	t.Helper()
	container := List(workload.PodSpec(), "containers")[0]
	values := map[string]string{}
	for _, source := range List(container, "envFrom") {
		if name := Text(source, "configMapRef", "name"); name != "" {
			data, _ := all.Find(t, "ConfigMap", suffix.ReplaceAllString(name, ""))["data"].(map[string]any)
			for key, value := range data {
				values[key] = fmt.Sprint(value)
			}
		}
	}
	for _, entry := range List(container, "env") {
		name := Text(entry, "name")
		if At(entry, "valueFrom") != nil && given[name] == "" {
			t.Fatalf("%s %s takes %s from the cluster: the test has to give it", workload.Kind(), workload.Name(), name)
		}
		values[name] = Text(entry, "value")
	}
	maps.Copy(values, given)
	var environment []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if values[name] != "-" {
			environment = append(environment, name+"="+values[name])
		}
	}
	return environment
}
