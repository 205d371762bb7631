package deploy

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// oldest and newest are the versions of Kubernetes that manifests are held to: 1.29 is the first
// that runs native side-cars by itself.
const oldest, newest = "1.29", "1.37"

// folders are all folders that a user would apply.
var folders = []string{
	"kubernetes/overlays/development", "kubernetes/overlays/logstash", "kubernetes/overlays/production", "kubernetes/overlays/kube-prometheus", "kubernetes/overlays/eck",
	"kubernetes/overlays/external", "kubernetes/overlays/helm", "kubernetes/examples/myapp", "metrics/mtail", "metrics/grok_exporter",
}

func TestManifestsFitTheOldestAndTheNewestKubernetes(t *testing.T) {
	kubeconform := Tool(t, "kubeconform")
	schemas := os.Getenv("DEPLOY_SCHEMAS")
	for _, folder := range folders {
		text, objects := Render(t, folder)
		for _, version := range []string{oldest, newest} {
			out := Run(t, text, kubeconform, "-strict", "-summary", "-output", "json",
				"-schema-location", filepath.Join(schemas, version, "{{.ResourceKind}}{{.KindSuffix}}.json"),
				"-schema-location", filepath.Join(schemas, "custom", "{{.ResourceKind}}-{{.Group}}-{{.ResourceAPIVersion}}.json"))
			var answer struct{ Summary struct{ Valid, Skipped int } }
			if err := json.Unmarshal(out, &answer); err != nil {
				t.Fatal(err)
			}
			if answer.Summary.Valid != len(objects) || answer.Summary.Skipped != 0 {
				t.Errorf("%s, Kubernetes %s: %d of %d objects are valid, %d skipped", folder, version, answer.Summary.Valid, len(objects), answer.Summary.Skipped)
			}
		}
	}
}

// TestSchemasAreStrict breaks a manifest, so that the test above can fail.
func TestSchemasAreStrict(t *testing.T) {
	kubeconform := Tool(t, "kubeconform")
	text, _ := Render(t, "kubernetes/overlays/eck")
	for _, fault := range []string{"terminationGracePeriodSeconds|terminationGraceSeconds", "elasticsearchRef:|elasticsearchReference:", "apps/v1|apps/v1beta1"} {
		from, to, _ := strings.Cut(fault, "|")
		if !strings.Contains(string(text), from) {
			t.Fatalf("the overlay has no %s", from)
		}
		command := exec.CommandContext(t.Context(), kubeconform, "-strict",
			"-schema-location", filepath.Join(os.Getenv("DEPLOY_SCHEMAS"), newest, "{{.ResourceKind}}{{.KindSuffix}}.json"),
			"-schema-location", filepath.Join(os.Getenv("DEPLOY_SCHEMAS"), "custom", "{{.ResourceKind}}-{{.Group}}-{{.ResourceAPIVersion}}.json"))
		command.Stdin = strings.NewReader(strings.ReplaceAll(string(text), from, to))
		if out, err := command.CombinedOutput(); err == nil {
			t.Errorf("%s in place of %s is accepted: %s", to, from, out)
		}
	}
}

func TestKubeScoreFindsNothingCritical(t *testing.T) {
	score := Tool(t, "kube-score")
	for _, folder := range folders {
		text, _ := Render(t, folder)
		command := exec.CommandContext(t.Context(), score, "score", "--output-format", "ci", "-")
		command.Stdin = strings.NewReader(string(text))
		out, _ := command.CombinedOutput() // its exit code counts warnings, too
		if !strings.Contains(string(out), "[OK]") {
			t.Fatalf("%s: kube-score found nothing to judge: %s", folder, out)
		}
		for line := range strings.Lines(string(out)) {
			if strings.HasPrefix(line, "[CRITICAL]") {
				t.Errorf("%s: %s", folder, line)
			}
		}
	}
}

func TestImagesHaveTags(t *testing.T) {
	for _, folder := range folders {
		_, objects := Render(t, folder)
		for _, o := range objects {
			if o.Kind() == "Elasticsearch" || o.Kind() == "Kibana" {
				continue // the operator chooses by version
			}
			for _, container := range o.Containers() {
				image := Text(container, "image")
				if _, tag, _ := strings.Cut(filepath.Base(image), ":"); tag == "" || tag == "latest" {
					t.Errorf("%s: %s %s: image %q has no tag", folder, o.Kind(), o.Name(), image)
				}
			}
		}
	}
}

// TestOneImageOfThePlugin: the values for Helm, which only a copy of the chart renders, and the
// compose file name the image of the overlays.
func TestOneImageOfThePlugin(t *testing.T) {
	_, objects := Render(t, "kubernetes/overlays/external")
	image := Text(List(objects.Find(t, "DaemonSet", "out-es-agent").PodSpec(), "containers")[0], "image")
	for _, file := range []string{"helm/values.yaml", "helm/values-events.yaml"} {
		text, err := os.ReadFile(Folder(file))
		if err != nil {
			t.Fatal(err)
		}
		values, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := Text(values[0], "image", "repository") + ":" + Text(values[0], "image", "tag"); got != image {
			t.Errorf("%s has the image %s, the overlays %s", file, got, image)
		}
	}
	if text, err := os.ReadFile(Folder("compose/compose.yaml")); err != nil || !strings.Contains(string(text), "image: "+image+"\n") {
		t.Errorf("compose.yaml has another image than %s, %v", image, err)
	}
}

// TestConfigurationAndSecretsExist follows every reference that isn't optional.
func TestConfigurationAndSecretsExist(t *testing.T) {
	examples := map[string]Objects{}
	production, err := Parse(Run(t, nil, Folder("kubernetes/overlays/production/secrets.example.sh")))
	if err != nil {
		t.Fatal(err)
	}
	examples["kubernetes/overlays/production"], examples["kubernetes/overlays/kube-prometheus"] = production, production
	for _, name := range []string{"eck", "external"} {
		text, err := os.ReadFile(Folder("kubernetes/overlays", name, "secret.example.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		if examples["kubernetes/overlays/"+name], err = Parse(text); err != nil {
			t.Fatal(err)
		}
	}
	// The ECK operator makes these.
	operator := []string{"es-logging-es-http-certs-public", "es-logging-es-elastic-user", "kibana-logging-kb-http-certs-public"}
	for _, folder := range folders {
		_, objects := Render(t, folder)
		there := slices.Concat(objects, examples[folder])
		for _, o := range objects {
			for _, r := range references(o) {
				if r.kind == "Secret" && strings.HasSuffix(folder, "eck") && slices.Contains(operator, r.name) {
					continue
				}
				target := slices.IndexFunc(there, func(o Object) bool { return o.Kind() == r.kind && o.Name() == r.name })
				if target < 0 {
					t.Errorf("%s: %s %s needs the %s %s, which is nowhere", folder, o.Kind(), o.Name(), r.kind, r.name)
					continue
				}
				if r.key != "" && At(there[target], "data", r.key) == nil && At(there[target], "stringData", r.key) == nil {
					t.Errorf("%s: %s %s needs the key %s of the %s %s", folder, o.Kind(), o.Name(), r.key, r.kind, r.name)
				}
			}
		}
	}
}

type reference struct{ kind, name, key string }

func references(o Object) []reference {
	var all []reference
	add := func(kind, name, key string, optional any) {
		if name != "" && optional != true {
			all = append(all, reference{kind, name, key})
		}
	}
	for _, volume := range List(o.PodSpec(), "volumes") {
		add("ConfigMap", Text(volume, "configMap", "name"), "", nil)
		add("Secret", Text(volume, "secret", "secretName"), "", At(volume, "secret", "optional"))
	}
	for _, container := range o.Containers() {
		for _, source := range List(container, "envFrom") {
			add("ConfigMap", Text(source, "configMapRef", "name"), "", At(source, "configMapRef", "optional"))
			add("Secret", Text(source, "secretRef", "name"), "", At(source, "secretRef", "optional"))
		}
		for _, entry := range List(container, "env") {
			key := At(entry, "valueFrom", "secretKeyRef")
			add("Secret", Text(key, "name"), Text(key, "key"), At(key, "optional"))
		}
	}
	return all
}

// TestProbesOutliveElasticsearch: a restart of the agent brings no Elasticsearch back, so its
// probes ask for nothing that depends on it.
func TestProbesOutliveElasticsearch(t *testing.T) {
	_, objects := Render(t, "kubernetes/overlays/production")
	for _, o := range []Object{objects.Find(t, "DaemonSet", "out-es-agent"), objects.Find(t, "Deployment", "out-es-events")} {
		container := List(o.PodSpec(), "containers")[0]
		for _, probe := range []string{"livenessProbe", "readinessProbe"} {
			if path := Text(container, probe, "httpGet", "path"); path != "/" && path != "/api/v1/uptime" {
				t.Errorf("the %s of %s asks %q", probe, o.Name(), path)
			}
		}
		// Grace and a request, 30 and 60 s; where a flush ends in the spool 5 s, and 1.5 to close
		// it.
		if grace := At(o.PodSpec(), "terminationGracePeriodSeconds"); grace != map[string]int{"DaemonSet": 30, "Deployment": 100}[o.Kind()] {
			t.Errorf("%s has %v s to end", o.Name(), grace)
		}
	}
}
