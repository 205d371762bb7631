package kubernetes

import (
	"strings"
	"testing"

	"out_es/test/deploy"
)

// neighbours are other users' objects in the namespace, with names and labels that this stack once
// used itself.
const neighbours = `
apiVersion: v1
kind: ServiceAccount
metadata: {name: prometheus-k8s, namespace: monitoring}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: elasticsearch, namespace: monitoring}
data: {theirs: "yes"}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: default-deny, namespace: monitoring}
spec: {podSelector: {matchLabels: {app: theirs}}, policyTypes: [Ingress]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: prometheus, namespace: monitoring}
spec: {podSelector: {matchLabels: {app.kubernetes.io/name: prometheus}}, policyTypes: [Ingress]}
---
apiVersion: v1
kind: Service
metadata: {name: prometheus-k8s, namespace: monitoring}
spec: {selector: {app.kubernetes.io/name: prometheus}, ports: [{port: 9090}]}
`

// TestStackLeavesTheNamespaceToOthers applies and deletes each overlay in a namespace that others
// use.
func TestStackLeavesTheNamespaceToOthers(t *testing.T) {
	c := ready(t)
	c.Kubectl(t, neighbours, "apply", "--server-side", "-f", "-")
	state := func() string {
		return c.Kubectl(t, "", "-n", "monitoring", "get", "networkpolicy/default-deny", "networkpolicy/prometheus", "service/prometheus-k8s", "configmap/elasticsearch",
			"serviceaccount/prometheus-k8s", "-o", `jsonpath={range .items[*]}{.kind} {.metadata.name} {.metadata.resourceVersion}{"\n"}{end}`) +
			c.Kubectl(t, "", "get", "namespace", "monitoring", "-o", "jsonpath={.metadata.resourceVersion} {.status.phase}")
	}
	before := state()
	for folder := range applied {
		if !strings.Contains(folder, "overlays") {
			continue
		}
		text, _ := deploy.Render(t, folder)
		c.Kubectl(t, string(text), "apply", "--server-side", "-f", "-")
		c.Kubectl(t, string(text), "delete", "--wait=false", "-f", "-")
		if after := state(); after != before {
			t.Errorf("%s: others' objects were\n%s\nand are\n%s", folder, before, after)
		}
		left := c.Kubectl(t, "", "-n", "monitoring", "get", "networkpolicies,services,configmaps", "-o", "name")
		for line := range strings.Lines(left) {
			if strings.Contains(line, "out-es") || strings.Contains(line, "-logging") {
				t.Errorf("%s leaves %s behind", folder, strings.TrimSpace(line))
			}
		}
	}
}

// TestSecretsOfTheExampleAreNotOverwritten: a second run makes other passwords, which must not
// replace those in use.
func TestSecretsOfTheExampleAreNotOverwritten(t *testing.T) {
	c := ready(t)
	secrets := func() string {
		return string(deploy.Run(t, nil, deploy.Folder("kubernetes/overlays/production/secrets.example.sh")))
	}
	c.Kubectl(t, secrets(), "create", "-f", "-")
	state := func() string {
		return c.Kubectl(t, "", "-n", "monitoring", "get", "secrets", "-o", `jsonpath={range .items[*]}{.metadata.name} {.metadata.resourceVersion}{"\n"}{end}`)
	}
	before, passwords := state(), c.Kubectl(t, "", "-n", "monitoring", "get", "secrets", "-o", "jsonpath={.items[*].data}")
	for _, way := range []string{"create", "apply"} {
		if out, err := c.kubectl(t.Context(), secrets(), way, "-f", "-"); err == nil {
			t.Errorf("kubectl %s takes the secrets of a second run: %s", way, out)
		}
	}
	if after := c.Kubectl(t, "", "-n", "monitoring", "get", "secrets", "-o", "jsonpath={.items[*].data}"); after != passwords {
		t.Error("the passwords are others after a second run")
	}
	if strings.Count(before, "\n") != 5 || !strings.HasPrefix(before, "es-logging-admin ") {
		t.Errorf("the secrets are %s", before)
	}
	for line := range strings.Lines(before) {
		name, _, _ := strings.Cut(line, " ")
		first := c.Kubectl(t, "", "-n", "monitoring", "get", "secret", name, "-o", "jsonpath={.immutable} {.data}")
		if !strings.HasPrefix(first, "true ") {
			t.Errorf("the secret %s can be overwritten", name)
		}
	}
}
