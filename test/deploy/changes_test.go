package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// ownFolder renders a user's kustomization in dir: an overlay, and the component secrets, the
// folder that secrets.example.sh makes.
func ownFolder(t testing.TB, dir, overlay string) Objects {
	t.Helper()
	path, err := filepath.Rel(dir, Folder(overlay))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "kustomization.yaml"), []byte("resources: ["+path+"]\ncomponents: [secrets]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	objects, err := Parse(Run(t, nil, Tool(t, "kustomize"), "build", dir))
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

// WithSecrets renders the production overlay with generated secrets, and returns the folder, too.
// Each call of again renders it anew.
func WithSecrets(t testing.TB) (dir string, again func() Objects) {
	t.Helper()
	dir = t.TempDir()
	Run(t, nil, Folder("kubernetes/overlays/production/secrets.example.sh"), filepath.Join(dir, "secrets"))
	return dir, func() Objects { return ownFolder(t, dir, "kubernetes/overlays/production") }
}

// templatesOf are the pod templates, by kind and name of their workloads.
func templatesOf(objects Objects) map[string]any {
	all := map[string]any{}
	for _, o := range objects {
		if template := At(o, "spec", "template"); template != nil {
			all[o.Kind()+" "+o.Name()] = template
		}
	}
	return all
}

// TestChangesRollWhatReadsThem: a Secret, a ConfigMap and a value of the environment, each changed
// alone.
func TestChangesRollWhatReadsThem(t *testing.T) {
	dir, again := WithSecrets(t)
	before := templatesOf(again())
	if after := templatesOf(again()); !reflect.DeepEqual(before, after) {
		t.Error("what is rendered twice is not the same: a second apply would roll everything")
	}
	agent, events, setUp, es, kibana := "DaemonSet out-es-agent", "Deployment out-es-events", "Deployment out-es-set-up", "StatefulSet es-logging", "Deployment kibana-logging"
	for _, c := range []struct {
		file, from, to string
		rolls          []string
	}{
		{"secrets/out-es-credentials/env", "ES_PASSWORD=", "ES_PASSWORD=x", []string{agent, events, setUp}},
		{"secrets/es-logging-admin/env", "ELASTIC_PASSWORD=", "ELASTIC_PASSWORD=x", []string{kibana, setUp, es}},
		{"secrets/es-logging-ca/ca.crt", "-----END", "\n-----END", []string{agent, events, setUp}},
		{"secrets/es-logging-certs/tls.key", "-----END", "\n-----END", []string{es}},
	} {
		path := filepath.Join(dir, c.file)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		fewer(t, path, c.from, c.to)
		var rolled []string
		for name, template := range templatesOf(again()) {
			if !reflect.DeepEqual(template, before[name]) {
				rolled = append(rolled, name)
			}
		}
		slices.Sort(rolled)
		slices.Sort(c.rolls)
		if !slices.Equal(rolled, c.rolls) {
			t.Errorf("a changed %s rolls %q, want %q", c.file, rolled, c.rolls)
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// Of configuration: each ConfigMap that a workload names carries the hash of its content.
	_, objects := Render(t, "kubernetes/overlays/production")
	hashed := regexp.MustCompile(`-[a-z0-9]{10}$`)
	for _, o := range objects {
		for _, r := range references(o) {
			if r.kind == "ConfigMap" && !hashed.MatchString(r.name) {
				t.Errorf("%s %s reads the ConfigMap %s: a change of it rolls nothing", o.Kind(), o.Name(), r.name)
			}
		}
	}
}

// TestSecretsAreMadeOnce: the folder of a first run stays.
func TestSecretsAreMadeOnce(t *testing.T) {
	dir, again := WithSecrets(t)
	before := again()
	command := exec.CommandContext(t.Context(), Folder("kubernetes/overlays/production/secrets.example.sh"), filepath.Join(dir, "secrets"))
	if out, err := command.CombinedOutput(); err == nil || !strings.Contains(string(out), "stays as it is") {
		t.Errorf("a second run says %v: %s", err, out)
	}
	if !reflect.DeepEqual(before, again()) {
		t.Error("a second run changes the secrets")
	}
	n := 0
	for _, o := range before {
		if o.Kind() == "Secret" {
			n++
			if o["immutable"] != true {
				t.Errorf("the secret %s can be changed in place, which rolls nothing", o.Name())
			}
		}
	}
	if n != 5 {
		t.Errorf("%d secrets, want 5", n)
	}
	info, err := os.Stat(filepath.Join(dir, "secrets"))
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder is %v, %v", info.Mode(), err)
	}
}

// TestSetUpRunsAgainOnAChange: its inputs are in its pod, and none of them in the container that
// stays.
func TestSetUpRunsAgainOnAChange(t *testing.T) {
	for _, folder := range stackFolders() {
		_, objects := Render(t, folder)
		o := objects.Find(t, "Deployment", "out-es-set-up")
		first, stays := List(o.PodSpec(), "initContainers"), List(o.PodSpec(), "containers")
		if len(first) != 1 || len(stays) != 1 || len(List(first[0], "envFrom")) != 3 {
			t.Errorf("%s: the set-up has %d containers that run first and %d that stay: %v", folder, len(first), len(stays), first)
			continue
		}
		if At(stays[0], "env") != nil || At(stays[0], "envFrom") != nil || At(stays[0], "volumeMounts") != nil {
			t.Errorf("%s: the container that stays knows %v", folder, stays[0])
		}
	}
}
