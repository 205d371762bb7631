// Package deploy renders deploy/ as kustomize does, and returns its parts: tests run the very
// configuration files that a cluster would get, with the very environment.
package deploy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"testing"

	"go.yaml.in/yaml/v4"
)

// Folder is deploy/ of this repository, with parts joined to it.
func Folder(parts ...string) string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(append([]string{filepath.Dir(file), "..", "..", "deploy"}, parts...)...)
}

// Tool returns the path of a program that `make test-deploy` built, or skips the test.
func Tool(t testing.TB, name string) string {
	t.Helper()
	folder := os.Getenv("DEPLOY_TOOLS")
	if folder == "" {
		t.Skip("DEPLOY_TOOLS is not set: `make test-deploy` builds the tools and sets it")
	}
	path := filepath.Join(folder, name)
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%s is missing in DEPLOY_TOOLS: %v", name, err)
	}
	return path
}

// HelmChart returns a copy of Fluent Bit's own chart, such as charts/fluent-bit of a checkout of
// fluent/helm-charts, or skips the test.
func HelmChart(t testing.TB) string {
	t.Helper()
	chart := os.Getenv("HELM_CHART")
	if _, err := exec.LookPath("helm"); chart == "" || err != nil {
		t.Skip("HELM_CHART does not name a copy of Fluent Bit's chart, or helm is not on PATH (go install helm.sh/helm/v3/cmd/helm@latest)")
	}
	return chart
}

// Run runs a program to its end and returns its standard output; the test fails, with its standard
// error, if the program fails.
func Run(t testing.TB, input []byte, program string, arguments ...string) []byte {
	t.Helper()
	var out, complaint bytes.Buffer
	command := exec.CommandContext(t.Context(), program, arguments...)
	command.Stdin, command.Stdout, command.Stderr = bytes.NewReader(input), &out, &complaint
	if err := command.Run(); err != nil {
		t.Fatalf("%s %q: %v\n%s%s", filepath.Base(program), arguments, err, complaint.Bytes(), out.Bytes())
	}
	return out.Bytes()
}

// Render returns the output of `kustomize build` for a folder of deploy/, as text and as objects.
func Render(t testing.TB, folder string) ([]byte, Objects) {
	t.Helper()
	text := Run(t, nil, Tool(t, "kustomize"), "build", Folder(folder))
	objects, err := Parse(text)
	if err != nil {
		t.Fatalf("%s: %v", folder, err)
	}
	return text, objects
}

// RenderWith is Render of an overlay with further components, as in a user's own kustomization.
func RenderWith(t testing.TB, overlay string, components ...string) Objects {
	t.Helper()
	return RenderFile(t, "", overlay, components...)
}

// RenderFile is RenderWith for a kustomization that holds head, too, such as another namespace.
func RenderFile(t testing.TB, head, overlay string, components ...string) Objects {
	t.Helper()
	dir := t.TempDir()
	text := head + "resources:\n" // kustomize takes relative paths only
	for i, folder := range append([]string{overlay}, components...) {
		path, err := filepath.Rel(dir, Folder(folder))
		if err != nil {
			t.Fatal(err)
		}
		if i == 1 {
			text += "components:\n"
		}
		text += "  - " + path + "\n"
	}
	if err := os.WriteFile(filepath.Join(dir, "kustomization.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	objects, err := Parse(Run(t, nil, Tool(t, "kustomize"), "build", dir))
	if err != nil {
		t.Fatalf("%s with %q: %v", overlay, components, err)
	}
	return objects
}

// Objects are Kubernetes objects.
type Objects []Object

// Object is one, as YAML says it.
type Object map[string]any

// Parse reads a stream of YAML documents.
func Parse(text []byte) (Objects, error) {
	var all Objects
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var one map[string]any
		err := decoder.Decode(&one)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("deploy: %w", err)
		}
		if one != nil {
			all = append(all, Object(one))
		}
	}
}

// Kind and Name are the object's own.
func (o Object) Kind() string { return Text(o, "kind") }

// Name is metadata.name.
func (o Object) Name() string { return Text(o, "metadata", "name") }

// At follows keys (string) and positions (int), and returns nil where there is nothing.
func At(value any, path ...any) any {
	for _, step := range path {
		switch key := step.(type) {
		case string:
			switch m := value.(type) {
			case map[string]any:
				value = m[key]
			case Object:
				value = m[key]
			default:
				return nil
			}
		case int:
			list, _ := value.([]any)
			if key >= len(list) {
				return nil
			}
			value = list[key]
		}
	}
	return value
}

// Text is At for a string.
func Text(value any, path ...any) string {
	text, _ := At(value, path...).(string)
	return text
}

// List is At for a list.
func List(value any, path ...any) []any {
	list, _ := At(value, path...).([]any)
	return list
}

// suffix is kustomize's suffix of the name of a generated ConfigMap.
var suffix = regexp.MustCompile(`-[a-z0-9]{10}$`)

// Find returns the object of a kind and name, the hash of a generated one left out.
func (all Objects) Find(t testing.TB, kind, name string) Object {
	t.Helper()
	for _, o := range all {
		if o.Kind() == kind && (o.Name() == name || suffix.ReplaceAllString(o.Name(), "") == name) {
			return o
		}
	}
	t.Fatalf("there is no %s %s", kind, name)
	return nil
}

// WriteConfigMap writes a ConfigMap's files into a new folder, as a volume would have them.
func (all Objects) WriteConfigMap(t testing.TB, name string) string {
	t.Helper()
	dir := t.TempDir()
	data, _ := all.Find(t, "ConfigMap", name)["data"].(map[string]any)
	for file, text := range data {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(fmt.Sprint(text)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// JSON is the object as kubectl takes it.
func (o Object) JSON(t testing.TB) string {
	t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
