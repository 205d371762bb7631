package deploy

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// stackFolders are those of folders that run in the stack's namespace, which others may use, too.
func stackFolders() []string {
	return slices.DeleteFunc(slices.Clone(folders), func(folder string) bool { return !strings.Contains(folder, "overlays") })
}

// own reports whether a label selector can match the stack's own pods only.
func own(selector any) bool {
	labels, _ := At(selector, "matchLabels").(map[string]any)
	if labels == nil {
		labels, _ = selector.(map[string]any)
	}
	for key, value := range labels {
		text, _ := value.(string)
		if key == "app.kubernetes.io/part-of" && text == "out-es" || strings.HasPrefix(key, "out-es/") || strings.HasPrefix(text, "out-es-") {
			return true
		}
	}
	return false
}

// TestSelectorsTakeOwnPodsOnly: kube-prometheus lives in the namespace monitoring, too, and its
// pods are called app.kubernetes.io/name: prometheus.
func TestSelectorsTakeOwnPodsOnly(t *testing.T) {
	for _, folder := range stackFolders() {
		_, objects := Render(t, folder)
		for _, o := range objects {
			var selectors []any
			switch o.Kind() {
			case "NetworkPolicy":
				selectors = []any{At(o, "spec", "podSelector")}
			case "Service", "PodDisruptionBudget", "Deployment", "DaemonSet", "StatefulSet":
				selectors = []any{At(o, "spec", "selector")}
			}
			for _, constraint := range List(o.PodSpec(), "topologySpreadConstraints") {
				selectors = append(selectors, At(constraint, "labelSelector"))
			}
			anti := At(o.PodSpec(), "affinity", "podAntiAffinity")
			for _, term := range List(anti, "requiredDuringSchedulingIgnoredDuringExecution") {
				selectors = append(selectors, At(term, "labelSelector"))
			}
			for _, term := range List(anti, "preferredDuringSchedulingIgnoredDuringExecution") {
				selectors = append(selectors, At(term, "podAffinityTerm", "labelSelector"))
			}
			for _, selector := range selectors {
				if !own(selector) {
					t.Errorf("%s: %s %s selects %v, which others' pods may carry", folder, o.Kind(), o.Name(), selector)
				}
			}
			if labels, _ := At(o, "spec", "template", "metadata", "labels").(map[string]any); labels != nil && labels["app.kubernetes.io/part-of"] != "out-es" {
				t.Errorf("%s: the pods of %s %s do not carry app.kubernetes.io/part-of: out-es, so the policies leave them open: %v", folder, o.Kind(), o.Name(), labels)
			}
		}
	}
}

// TestNamesAreOwn: an object with a common name would replace a neighbour's. The namespace is not
// ours to make or to delete.
func TestNamesAreOwn(t *testing.T) {
	for _, folder := range stackFolders() {
		_, objects := Render(t, folder)
		for _, o := range objects {
			if o.Kind() == "Namespace" {
				t.Errorf("%s holds the namespace %s: deleting it would delete what others have in it", folder, o.Name())
			}
			if !strings.HasPrefix(o.Name(), "out-es") && !strings.Contains(o.Name(), "-logging") && !strings.HasPrefix(o.Name(), "es-logging") {
				t.Errorf("%s: %s %s is a name that others may use", folder, o.Kind(), o.Name())
			}
		}
	}
	objects := RenderWith(t, "kubernetes/overlays/development", "kubernetes/components/namespace")
	if Text(objects.Find(t, "Namespace", "monitoring"), "metadata", "labels", "pod-security.kubernetes.io/enforce") != "privileged" {
		t.Error("components/namespace makes a namespace that the agent's hostPaths are refused in")
	}
}

// TestStackMovesToAnotherNamespace: one line in a kustomization of one's own.
func TestStackMovesToAnotherNamespace(t *testing.T) {
	for _, folder := range stackFolders() {
		for _, o := range RenderFile(t, "namespace: logs\n", folder) {
			if text := fmt.Sprint(o); strings.Contains(text, "monitoring") && !strings.Contains(text, "monitoring.coreos.com") {
				t.Errorf("%s: %s %s still names the namespace monitoring", folder, o.Kind(), o.Name())
			}
		}
	}
	t.Setenv("NAMESPACE", "logs")
	if text := string(Run(t, nil, Folder("kubernetes/overlays/production/secrets.example.sh"))); strings.Contains(text, "monitoring") || !strings.Contains(text, "namespace: logs") {
		t.Error("secrets.example.sh knows one namespace only")
	}
}

// packet is the input of a network policy's decision.
type packet struct {
	from, to map[string]string // labels of pods, nil for other than pods of this namespace
	protocol string
	port     int
}

// allowed reports whether the policies of a namespace allow a packet in the direction Egress (of
// from) or Ingress (of to). A peer outside the namespace is matched by a rule without peers only;
// none of the cases below needs more.
func allowed(objects Objects, direction string, p packet) bool {
	subject, peer := p.from, p.to
	if direction == "Ingress" {
		subject, peer = p.to, p.from
	}
	isolated := false
	for _, o := range objects {
		if o.Kind() != "NetworkPolicy" || !slices.Contains(List(o, "spec", "policyTypes"), any(direction)) || !matches(At(o, "spec", "podSelector"), subject) {
			continue
		}
		isolated = true
		rules, peers := List(o, "spec", strings.ToLower(direction)), map[string]string{"Egress": "to", "Ingress": "from"}[direction]
		for _, rule := range rules {
			if meets(rule, peers, peer) && opens(rule, p) {
				return true
			}
		}
	}
	return !isolated
}

func meets(rule any, peers string, peer map[string]string) bool {
	list := List(rule, peers)
	if len(list) == 0 {
		return true
	}
	return peer != nil && slices.ContainsFunc(list, func(one any) bool {
		return At(one, "podSelector") != nil && At(one, "namespaceSelector") == nil && matches(At(one, "podSelector"), peer)
	})
}

func opens(rule any, p packet) bool {
	ports := List(rule, "ports")
	return len(ports) == 0 || slices.ContainsFunc(ports, func(one any) bool { return Text(one, "protocol") == p.protocol && At(one, "port") == p.port })
}

func matches(selector any, labels map[string]string) bool {
	wanted, _ := At(selector, "matchLabels").(map[string]any)
	for key, value := range wanted {
		if labels[key] != value {
			return false
		}
	}
	return labels != nil
}

// podLabels are those of a workload's pods.
func podLabels(o Object) map[string]string {
	labels, _ := At(o, "spec", "template", "metadata", "labels").(map[string]any)
	all := map[string]string{}
	for key, value := range labels {
		all[key], _ = value.(string)
	}
	return all
}

// TestPoliciesLetThroughWhatIsNeeded applies the rendered policies to packets, as a network plugin
// would: none can run here.
func TestPoliciesLetThroughWhatIsNeeded(t *testing.T) {
	_, objects := Render(t, "kubernetes/overlays/development")
	labels := map[string]map[string]string{"other": {"app.kubernetes.io/name": "prometheus"}, "outside": nil}
	for _, o := range objects {
		if all := podLabels(o); len(all) > 0 {
			labels[o.Name()] = all
		}
	}
	for _, c := range []struct {
		from, to, protocol string
		ports              []int
		want               bool
	}{
		// Wherever the cluster's DNS is: kube-system, NodeLocal DNS on 169.254.20.10, OpenShift's
		// pods on 5353.
		{"out-es-agent", "outside", "UDP", []int{53, 5353}, true},
		{"es-logging", "outside", "TCP", []int{53, 5353}, true},
		{"out-es-set-up", "outside", "UDP", []int{53}, true},
		// API servers behind the service, of kubeadm, of minikube and of MicroK8s.
		{"out-es-agent", "outside", "TCP", []int{443, 6443, 8443, 16443}, true},
		{"out-es-events", "outside", "TCP", []int{443, 6443, 8443, 16443}, true},
		{"prometheus-logging", "outside", "TCP", []int{443, 6443, 8443, 16443}, true},
		{"es-logging", "outside", "TCP", []int{443, 6443, 8443, 16443}, false},
		{"out-es-agent", "outside", "TCP", []int{80, 9200, 22}, false},
		{"out-es-agent", "es-logging", "TCP", []int{9200}, true},
		{"out-es-events", "es-logging", "TCP", []int{9200}, true},
		{"kibana-logging", "es-logging", "TCP", []int{9200}, true},
		{"out-es-set-up", "es-logging", "TCP", []int{9200}, true},
		{"out-es-set-up", "kibana-logging", "TCP", []int{5601}, true},
		{"es-logging", "es-logging", "TCP", []int{9200, 9300}, false}, // 9200 of a node of its own is not asked for
		{"out-es-agent", "es-logging", "TCP", []int{9300}, false},
		{"prometheus-logging", "out-es-agent", "TCP", []int{2020, 2021}, true},
		{"other", "out-es-agent", "TCP", []int{2020, 2021}, true}, // kube-prometheus' own, in this namespace
		{"other", "es-logging", "TCP", []int{9200}, false},
		{"other", "outside", "TCP", []int{80}, true}, // neighbours' pods are unaffected
		{"outside", "other", "TCP", []int{9090}, true},
	} {
		for _, port := range c.ports {
			want := c.want
			if c.from == "es-logging" && c.to == "es-logging" {
				want = port == 9300
			}
			p := packet{labels[c.from], labels[c.to], c.protocol, port}
			got := (p.from == nil || allowed(objects, "Egress", p)) && (p.to == nil || allowed(objects, "Ingress", p))
			if got != want {
				t.Errorf("from %s to %s, %s %d: allowed is %t, want %t", c.from, c.to, c.protocol, port, got, want)
			}
		}
	}
	// The kubelet of the agent's node is asked where components/kubelet says so.
	for _, components := range [][]string{nil, {"kubernetes/components/kubelet"}} {
		objects := RenderWith(t, "kubernetes/overlays/development", components...)
		agent := podLabels(objects.Find(t, "DaemonSet", "out-es-agent"))
		if got := allowed(objects, "Egress", packet{from: agent, protocol: "TCP", port: 10250}); got != (components != nil) {
			t.Errorf("with %q: the kubelet may be asked is %t", components, got)
		}
	}
	for _, folder := range stackFolders() {
		_, objects := Render(t, folder)
		// Of the set-up, which is everywhere; the others' are the same.
		setUp := podLabels(objects.Find(t, "Deployment", "out-es-set-up"))
		if allowed(objects, "Egress", packet{from: setUp, protocol: "TCP", port: 25}) {
			t.Errorf("%s leaves its pods open", filepath.Base(folder))
		}
	}
}
