package kubernetes

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"out_es/test/deploy"
	"out_es/test/support"
)

// stackWorkloads are those of the external overlay.
var stackWorkloads = []string{"daemonset/out-es-agent", "deployment/out-es-events", "deployment/out-es-set-up"}

// own is a user's own kustomization, which is changed and applied.
type own struct {
	dir      string
	resource string
}

func newOwn(t *testing.T, overlay string) *own {
	t.Helper()
	o := &own{dir: t.TempDir()}
	path, err := filepath.Rel(o.dir, deploy.Folder("kubernetes/overlays", overlay))
	if err != nil {
		t.Fatal(err)
	}
	o.resource = path
	o.credentials(t, "first")
	return o
}

// credentials changes the secret that the agent and the collector read.
func (o *own) credentials(t *testing.T, key string) {
	t.Helper()
	write(t, filepath.Join(o.dir, "credentials.env"), "ES_API_KEY="+key+"\n")
}

// apply applies it with these further parts of a kustomization.
func (o *own) apply(t *testing.T, c *Cluster, further ...string) {
	t.Helper()
	text := "resources: [" + o.resource + "]\nsecretGenerator: [{name: out-es-credentials, namespace: monitoring, envs: [credentials.env]}]\n" + strings.Join(further, "\n") + "\n"
	write(t, filepath.Join(o.dir, "kustomization.yaml"), text)
	c.Kubectl(t, string(deploy.Run(t, nil, deploy.Tool(t, "kustomize"), "build", o.dir)), "apply", "-f", "-")
}

// changed are the workloads of which pods are others than before.
func changed(before, after map[string][]string) (names []string) {
	for name, pods := range after {
		if !slices.Equal(pods, before[name]) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// TestChangesUpgradesAndRollbacks runs on the real API server with the real controllers and three
// nodes. A second apply rolls nothing; a changed secret and a changed value roll their readers; a
// new version goes node by node, and back; a canary is on its node.
func TestChangesUpgradesAndRollbacks(t *testing.T) {
	c := ready(t)
	nodes := c.controllers(t, "node-1", "node-2", "node-3")
	mine := newOwn(t, "external")
	canary, err := filepath.Rel(mine.dir, deploy.Folder("kubernetes/components/canary"))
	if err != nil {
		t.Fatal(err)
	}
	canary = "components: [" + canary + "]"

	// First installation: no node, one, all.
	mine.apply(t, c, canary)
	c.rolledOut(t, stackWorkloads...)
	for n, labelled := range []string{"", "node-2", "node-3"} {
		if labelled != "" {
			c.Kubectl(t, "", "label", "node", labelled, "out-es/agent=on")
		}
		support.Eventually(t, 30*time.Second, fmt.Sprint(n, " agents run"), func() bool { return len(c.pods(t)["out-es-agent"]) == n })
	}
	mine.apply(t, c)
	c.rolledOut(t, stackWorkloads...)
	first := c.pods(t)
	if len(first["out-es-agent"]) != 3 || len(first["out-es-events"]) != 1 || len(first["out-es-set-up"]) != 1 {
		t.Fatalf("the pods are %v", first)
	}

	step := func(name string, want []string, apply func()) {
		t.Helper()
		before := c.pods(t)
		nodes.reset()
		apply()
		c.rolledOut(t, stackWorkloads...)
		if got := changed(before, c.pods(t)); !slices.Equal(got, want) {
			t.Errorf("%s rolls %q, want %q", name, got, want)
		}
		if most := nodes.mostAway("out-es-agent"); most > 1 {
			t.Errorf("%s: %d agents of 3 were away at once", name, most)
		}
	}
	all := []string{"out-es-agent", "out-es-events", "out-es-set-up"}
	step("the same again", nil, func() { mine.apply(t, c) })
	step("another key", all, func() { mine.credentials(t, "second"); mine.apply(t, c) })
	step("another key, again", nil, func() { mine.apply(t, c) })
	retention := "configMapGenerator: [{name: out-es-environment, namespace: monitoring, behavior: merge, literals: [RETENTION=7d]}]"
	step("another retention", all, func() { mine.apply(t, c, retention) })
	upgrade := retention + "\nimages: [{name: out-es, newTag: 0.2.0}]"
	step("a new version", []string{"out-es-agent", "out-es-events"}, func() { mine.apply(t, c, upgrade) })
	wantImages(t, c, "out-es:0.2.0")
	step("the version before", []string{"out-es-agent", "out-es-events"}, func() {
		c.Kubectl(t, "", "-n", "monitoring", "rollout", "undo", "daemonset/out-es-agent")
		c.Kubectl(t, "", "-n", "monitoring", "rollout", "undo", "deployment/out-es-events")
	})
	wantImages(t, c, imageOf(first["out-es-agent"][0]))
	keys := c.Kubectl(t, "", "-n", "monitoring", "get", "secrets", "-o", `jsonpath={range .items[*]}{.data.ES_API_KEY}{"\n"}{end}`)
	if n := len(strings.Fields(keys)); n != 2 {
		t.Errorf("there are %d secrets, want that of before and that of after", n)
	}
}

// TestHelmInstallsUpgradesAndRollsBack is the same for the chart, by helm itself.
func TestHelmInstallsUpgradesAndRollsBack(t *testing.T) {
	chart := deploy.HelmChart(t)
	c := ready(t)
	nodes := c.controllers(t, "node-1", "node-2", "node-3")
	text, _ := deploy.Render(t, "kubernetes/overlays/helm")
	c.Kubectl(t, string(text), "apply", "-f", "-")
	c.Kubectl(t, "", "-n", "monitoring", "create", "secret", "generic", "out-es-credentials", "--from-literal=ES_API_KEY=first")
	environment := append(os.Environ(), "KUBECONFIG="+c.admin, "PATH="+os.Getenv("KUBERNETES_PROGRAMS")+":"+os.Getenv("PATH"), "CHART="+chart,
		"HELM_CACHE_HOME="+t.TempDir(), "HELM_CONFIG_HOME="+t.TempDir(), "HELM_DATA_HOME="+t.TempDir())
	run := func(program string, arguments ...string) {
		t.Helper()
		command := exec.CommandContext(t.Context(), program, arguments...)
		command.Env = environment
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("%s %q: %v\n%s", program, arguments, err, out)
		}
	}
	install := func(further ...string) { t.Helper(); run(deploy.Folder("helm/install.sh"), further...) }
	install()
	c.rolledOut(t, stackWorkloads...)
	first := c.pods(t)
	if len(first["out-es-agent"]) != 3 || len(first["out-es-events"]) != 1 {
		t.Fatalf("the pods are %v", first)
	}
	both := []string{"out-es-agent", "out-es-events"}
	for _, step := range []struct {
		name string
		want []string
		do   func()
	}{
		{"the same again", nil, func() { install() }},
		{"another key", both, func() {
			c.Kubectl(t, "", "-n", "monitoring", "patch", "secret", "out-es-credentials", "-p", `{"stringData":{"ES_API_KEY":"second"}}`)
			install()
		}},
		{"a file more", both, func() { install("--set", `config.extraFiles.added\.yaml=x`) }},
		{"a new version", both, func() { install("--set", "image.tag=0.2.0") }},
		{"the version before", both, func() {
			run("helm", "rollback", "out-es-agent", "--namespace", "monitoring")
			run("helm", "rollback", "out-es-events", "--namespace", "monitoring")
		}},
	} {
		before := c.pods(t)
		nodes.reset()
		step.do()
		c.rolledOut(t, stackWorkloads...)
		if got := changed(before, c.pods(t)); !slices.Equal(got, step.want) {
			t.Errorf("%s rolls %q, want %q", step.name, got, step.want)
		}
		if most := nodes.mostAway("out-es-agent"); most > 1 {
			t.Errorf("%s: %d agents of 3 were away at once", step.name, most)
		}
	}
	wantImages(t, c, imageOf(first["out-es-agent"][0]))
}

// imageOf is the image of a pod as Cluster.pods tells it.
func imageOf(pod string) string {
	_, image, _ := strings.Cut(pod, " ")
	return image
}

// wantImages checks the image of every agent.
func wantImages(t *testing.T, c *Cluster, want string) {
	t.Helper()
	for _, pod := range c.pods(t)["out-es-agent"] {
		if got := imageOf(pod); got != want {
			t.Errorf("an agent is %s, want %s", got, want)
		}
	}
}
