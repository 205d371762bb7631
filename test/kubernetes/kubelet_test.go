package kubernetes

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"out_es/test/deploy"
	"out_es/test/support"
)

// kubelet is a stand-in for the part of a kubelet that the agent uses: GET /pods by TLS, for
// accounts that the real API server knows (TokenReview) and permits (SubjectAccessReview), as a
// kubelet with webhook authorization does.
type kubelet struct {
	server   *httptest.Server
	asked    atomic.Int32 // and answered
	refused  atomic.Int32
	resource string // that it asks the API server about
}

// newKubelet starts one for a node. Kubernetes asks for the subresource pods of the node since
// 1.33, and for proxy before.
func (c *Cluster) newKubelet(t *testing.T, node, subresource string) *kubelet {
	t.Helper()
	administrator := c.client(t, adminToken, true)
	k := &kubelet{resource: subresource}
	k.server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		_, who, err := administrator.do("POST", "/apis/authentication.k8s.io/v1/tokenreviews", fmt.Sprintf(`{"apiVersion":"authentication.k8s.io/v1","kind":"TokenReview","spec":{"token":%q}}`, token))
		review := parse(t, who)
		user := deploy.Text(review, "status", "user", "username")
		if err != nil || deploy.At(review, "status", "authenticated") != true || r.Method != "GET" || r.URL.Path != "/pods" {
			k.refused.Add(1)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, may, _ := administrator.do("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", fmt.Sprintf(`{"apiVersion":"authorization.k8s.io/v1","kind":"SubjectAccessReview","spec":{"user":%q,
			"groups":["system:serviceaccounts","system:authenticated"],"resourceAttributes":{"verb":"get","resource":"nodes","subresource":%q,"name":%q}}}`, user, k.resource, node))
		if deploy.At(parse(t, may), "status", "allowed") != true {
			k.refused.Add(1)
			w.WriteHeader(http.StatusForbidden)
			return
		}
		_, pods, err := administrator.do("GET", "/api/v1/pods?fieldSelector=spec.nodeName%3D"+node, "")
		if err != nil {
			t.Error(err)
		}
		k.asked.Add(1)
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, pods)
	}))
	k.server.TLS = &tls.Config{Certificates: []tls.Certificate{selfSigned(t)}}
	k.server.StartTLS()
	t.Cleanup(k.server.Close)
	return k
}

func parse(t *testing.T, text string) any {
	objects, err := deploy.Parse([]byte(text))
	if err != nil || len(objects) == 0 {
		t.Errorf("the API server says %q: %v", text, err)
		return nil
	}
	return objects[0]
}

// selfSigned makes a certificate as kubeadm's kubelets do.
func selfSigned(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "node-1@1"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// authorities writes a file with the API server's authority and the kubelet's.
func (k *kubelet) authorities(t *testing.T, c *Cluster) string {
	t.Helper()
	ours, err := os.ReadFile(c.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	path := c.file("authorities.crt")
	write(t, path, string(ours)+string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: k.server.Certificate().Raw})))
	return path
}

// askKubelet runs the agent with components/kubelet on the pods of node 1.
func (s *stack) askKubelet(t *testing.T) {
	const component, proxy = "kubernetes/components/kubelet", "kubernetes/components/kubelet-proxy"
	for _, c := range []struct {
		name       string
		components []string
		asksFor    string // the subresource that the kubelet knows
		verify     string
		known      bool // whether the kubelet's certificate is of an authority that the agent trusts
		labels     bool
	}{
		{"since Kubernetes 1.33", []string{component}, "pods", "on", true, true},
		{"before 1.33", []string{component, proxy}, "proxy", "on", true, true},
		{"before 1.33 without kubelet-proxy", []string{component}, "proxy", "on", true, false},
		{"a certificate of its own", []string{component}, "pods", "on", false, false},
		{"a certificate of its own and no check", []string{component}, "pods", "off", false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			other := s.with(t, c.components...).anotherNode(t)
			var manifests []string
			for _, o := range other.objects {
				if strings.HasPrefix(o.Name(), "out-es-agent-kubelet") {
					manifests = append(manifests, o.Kind())
					s.cluster.Kubectl(t, o.JSON(t), "apply", "--server-side", "-f", "-")
				}
			}
			if len(manifests) != 2 {
				t.Fatalf("the component makes %q", manifests)
			}
			k := s.cluster.newKubelet(t, "node-1", c.asksFor)
			other.given = map[string]string{"KUBELET_HOST": "127.0.0.1", "KUBELET_PORT": port(k.server.URL), "KUBE_TLS_VERIFY": c.verify}
			if c.known {
				other.given["KUBE_CA_FILE"] = k.authorities(t, s.cluster)
			}
			files := other.node.containers(t, 1, perNode)
			pods, namespaces := s.cluster.requests(t, "pods"), s.cluster.requests(t, "namespaces")
			agent := other.start(t, "DaemonSet", "out-es-agent", t.TempDir())
			mark := "of " + strings.ReplaceAll(c.name, " ", "-")
			cri(t, files[7], "F", mark)
			lines(t, files, 3)
			readAll(t, agent, 3*perNode+1)
			var document map[string]any
			support.Eventually(t, time.Minute, "the line is there", func() bool {
				all, _ := s.found(t, containerLogs)
				for _, d := range all {
					if strings.HasPrefix(deploy.Text(d, "log"), mark) {
						document = d
					}
				}
				return document != nil
			})
			label, namespace := deploy.Text(document, "kubernetes", "labels", "app.kubernetes.io/name"), deploy.Text(document, "kubernetes_namespace", "labels", "team")
			pods, namespaces = s.cluster.requests(t, "pods")-pods, s.cluster.requests(t, "namespaces")-namespaces
			t.Logf("the kubelet answered %d times and refused %d; the API server was asked for pods %d times, for namespaces %d times", k.asked.Load(), k.refused.Load(), pods, namespaces)
			if (label == "shop") != c.labels || pods != 0 {
				t.Errorf("the document has the label %q, and the API server was asked for pods %d times", label, pods)
			}
			if c.labels && (k.asked.Load() != perNode || namespaces != shops || namespace != "web") {
				t.Errorf("the kubelet was asked %d times, the API server for namespaces %d times (label %q)", k.asked.Load(), namespaces, namespace)
			}
			agent.Stop(t)
		})
	}
}
