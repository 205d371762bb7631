package kubernetes

import (
	"os"
	"slices"
	"strings"
	"testing"

	"out_es/test/deploy"
)

// applied are all folders that a user would apply, with Kubernetes' warnings: the agent's hostPaths
// and its user, and nothing else.
var applied = map[string][]string{
	"kubernetes/overlays/development": {"hostPath"}, "kubernetes/overlays/logstash": {"hostPath"}, "kubernetes/overlays/production": {"hostPath"}, "kubernetes/overlays/kube-prometheus": {"hostPath"},
	"kubernetes/overlays/eck": {"hostPath"}, "kubernetes/overlays/external": {"hostPath"}, "kubernetes/overlays/helm": nil,
	"kubernetes/examples/myapp": nil, "metrics/mtail": nil, "metrics/grok_exporter": nil,
}

// ready returns a cluster that is prepared for the first apply.
func ready(t *testing.T) *Cluster {
	t.Helper()
	c := Start(t)
	for file := range strings.SplitSeq(os.Getenv("KUBERNETES_CRDS"), ",") {
		c.Kubectl(t, "", "apply", "--server-side", "-f", file)
	}
	// As strict as a namespace can warn.
	c.Namespace(t, "default", `{"pod-security.kubernetes.io/warn":"restricted","pod-security.kubernetes.io/enforce":"restricted"}`)
	c.Kubectl(t, "", "apply", "--server-side", "-f", deploy.Folder("kubernetes/components/namespace/namespace.yaml"))
	c.Kubectl(t, "", "wait", "--for=condition=established", "--timeout=30s", "crd/elasticsearches.elasticsearch.k8s.elastic.co", "crd/kibanas.kibana.k8s.elastic.co",
		"crd/podmonitors.monitoring.coreos.com", "crd/prometheusrules.monitoring.coreos.com")
	return c
}

// warnings are the lines in which the API server warns.
func warnings(said string) []string {
	var all []string
	for line := range strings.Lines(said) {
		if strings.HasPrefix(line, "Warning:") {
			all = append(all, strings.TrimSpace(line))
		}
	}
	return all
}

func TestAPIServerAcceptsEverything(t *testing.T) {
	c := ready(t)
	for folder, expected := range applied {
		t.Run(folder, func(t *testing.T) {
			text, objects := deploy.Render(t, folder)
			said := c.Kubectl(t, string(text), "apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-")
			if n := strings.Count(said, "serverside-applied (server dry run)"); n != len(objects) {
				t.Errorf("%d of %d objects were accepted:\n%s", n, len(objects), said)
			}
			got := warnings(said)
			if len(got) != len(expected) {
				t.Errorf("it warns of %q, want %d warnings", got, len(expected))
			}
			for i := range min(len(got), len(expected)) {
				if !strings.Contains(got[i], "would violate PodSecurity") || !strings.Contains(got[i], expected[i]) || !strings.Contains(got[i], `"fluent-bit"`) {
					t.Errorf("it warns of %q", got[i])
				}
			}
		})
	}
	// A violation must be rejected, or the above shows nothing.
	text, _ := deploy.Render(t, "kubernetes/overlays/development")
	broken := strings.ReplaceAll(string(text), "terminationGracePeriodSeconds", "terminationGraceSeconds")
	if out, err := c.kubectl(t.Context(), broken, "apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-"); err == nil {
		t.Errorf("a misspelt field is accepted: %s", out)
	}
}

// TestAccountsMayDoWhatTheyNeedAndNothingMore compares each account's rights with those of any
// account.
func TestAccountsMayDoWhatTheyNeedAndNothingMore(t *testing.T) {
	c := ready(t)
	text, _ := deploy.Render(t, "kubernetes/overlays/development")
	c.Kubectl(t, string(text), "apply", "--server-side", "-f", "-")
	c.Kubectl(t, "", "-n", "monitoring", "create", "serviceaccount", "nobody")
	for account, needs := range map[string][]string{
		"out-es-agent":       {"namespaces [] [] [get list watch]", "pods [] [] [get list watch]"},
		"out-es-events":      {"events [] [] [list watch]"},
		"prometheus-logging": {"pods [] [] [get list watch]"},
		"es-logging":         nil, "kibana-logging": nil, "out-es-set-up": nil,
	} {
		for _, namespace := range []string{"default", "kube-system", "monitoring"} {
			var extra []string
			anybody := c.may(t, "nobody", namespace)
			for _, rule := range c.may(t, account, namespace) {
				if !slices.Contains(anybody, rule) {
					extra = append(extra, rule)
				}
			}
			slices.Sort(extra)
			if !slices.Equal(extra, needs) {
				t.Errorf("%s may do %q in %s, and needs %q", account, extra, namespace, needs)
			}
		}
	}
	// A namespace is no part of a namespace, nor are the events of all of them.
	for _, question := range [][]string{{"out-es-agent", "get", "namespaces"}, {"out-es-agent", "list", "pods"}, {"out-es-events", "watch", "events"}} {
		if out := c.Kubectl(t, "", "auth", "can-i", question[1], question[2], "--all-namespaces", "--as=system:serviceaccount:monitoring:"+question[0]); !strings.Contains(out, "yes") {
			t.Errorf("%q: %s", question, out)
		}
	}
	for _, question := range [][]string{{"out-es-agent", "get", "secrets"}, {"out-es-agent", "create", "pods"}, {"out-es-events", "get", "pods"}, {"out-es-events", "delete", "events"}} {
		if out, err := c.kubectl(t.Context(), "", "auth", "can-i", question[1], question[2], "--all-namespaces", "--as=system:serviceaccount:monitoring:"+question[0]); err == nil {
			t.Errorf("%q: %s", question, out)
		}
	}
}

// may lists an account's rights in a namespace, a line a rule with single spaces.
func (c *Cluster) may(t testing.TB, account, namespace string) []string {
	t.Helper()
	said := c.Kubectl(t, "", "auth", "can-i", "--list", "--no-headers", "-n", namespace, "--as=system:serviceaccount:monitoring:"+account)
	var rules []string
	for line := range strings.Lines(said) {
		if fields := strings.Fields(line); len(fields) > 0 && fields[0] != "Warning:" {
			rules = append(rules, strings.Join(fields, " "))
		}
	}
	return rules
}
