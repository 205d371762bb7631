// Package kubernetes runs the stack of deploy/ on a real API server: kube-apiserver and etcd, built
// from Go modules by `make e2e-kubernetes`. There is no kubelet: pods are created and the files
// that one would write are written by the tests.
package kubernetes

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"out_es/test/support"
)

// Cluster is an API server with its etcd.
type Cluster struct {
	URL    string // of the API server
	CAFile string // that its certificate is checked with
	dir    string
	admin  string // the administrator's kubeconfig
	server *os.Process
}

// adminToken is the administrator's, on a server that lives for minutes on 127.0.0.1.
const adminToken = "administrator"

// program returns the path of one of the programs that `make e2e-kubernetes` built, or skips the
// test.
func program(t testing.TB, name string) string {
	t.Helper()
	folder := os.Getenv("KUBERNETES_PROGRAMS")
	if folder == "" {
		t.Skip("KUBERNETES_PROGRAMS is not set: `make e2e-kubernetes` builds kube-apiserver, kube-controller-manager, etcd, kubectl and prometheus, and sets it")
	}
	path := filepath.Join(folder, name)
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%s is missing in KUBERNETES_PROGRAMS: %v", name, err)
	}
	return path
}

// Start starts an empty cluster. The test's end stops it.
func Start(t testing.TB) *Cluster {
	t.Helper()
	etcd, apiserver := program(t, "etcd"), program(t, "kube-apiserver")
	c := &Cluster{dir: t.TempDir()}
	key, public := c.file("sa.key"), c.file("sa.pub")
	mustRun(t, "openssl", "genrsa", "-out", key, "2048")
	mustRun(t, "openssl", "rsa", "-in", key, "-pubout", "-out", public)
	write(t, c.file("tokens.csv"), adminToken+`,administrator,1,"system:masters"`+"\n")

	client, peer, port := support.FreePort(t), support.FreePort(t), support.FreePort(t)
	c.background(t, etcd, "--data-dir", c.file("etcd"), "--listen-client-urls", "http://127.0.0.1:"+client, "--advertise-client-urls",
		"http://127.0.0.1:"+client, "--listen-peer-urls", "http://127.0.0.1:"+peer, "--unsafe-no-fsync")
	c.server = c.background(t, apiserver, "--etcd-servers", "http://127.0.0.1:"+client, "--service-account-issuer", "https://kubernetes.default.svc",
		"--service-account-key-file", public, "--service-account-signing-key-file", key, "--authorization-mode", "RBAC",
		"--token-auth-file", c.file("tokens.csv"), "--cert-dir", c.file("certificates"), "--bind-address", "127.0.0.1",
		"--secure-port", port, "--service-cluster-ip-range", "10.0.0.0/24", "--allow-privileged")
	c.URL, c.CAFile = "https://127.0.0.1:"+port, c.file("certificates", "apiserver.crt")
	c.admin = c.Kubeconfig(t, adminToken)
	for end := time.Now().Add(time.Minute); ; time.Sleep(200 * time.Millisecond) {
		out, err := c.kubectl(t.Context(), "", "get", "--raw", "/readyz")
		if err == nil {
			return c
		}
		if time.Now().After(end) {
			t.Fatalf("the API server is not ready after a minute: %s", out)
		}
	}
}

func (c *Cluster) file(parts ...string) string {
	return filepath.Join(append([]string{c.dir}, parts...)...)
}

// background starts a program that the test's end kills.
func (c *Cluster) background(t testing.TB, path string, arguments ...string) *os.Process {
	t.Helper()
	var log bytes.Buffer
	command := exec.Command(path, arguments...)
	command.Stdout, command.Stderr = &log, &log
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
		if t.Failed() {
			text := log.String()
			t.Logf("the end of %s's log:\n%s", filepath.Base(path), text[max(0, len(text)-3000):])
		}
	})
	return command.Process
}

// Kubeconfig writes one for whoever has the token.
func (c *Cluster) Kubeconfig(t testing.TB, token string) string {
	t.Helper()
	file, err := os.CreateTemp(c.dir, "kubeconfig-")
	if err != nil {
		t.Fatal(err)
	}
	file.Close()
	write(t, file.Name(), fmt.Sprintf(`apiVersion: v1
kind: Config
clusters: [{name: it, cluster: {server: %q, certificate-authority: %q}}]
users: [{name: me, user: {token: %q}}]
contexts: [{name: it, context: {cluster: it, user: me}}]
current-context: it
`, c.URL, c.CAFile, token))
	return file.Name()
}

func (c *Cluster) kubectl(ctx context.Context, input string, arguments ...string) (string, error) {
	command := exec.CommandContext(ctx, filepath.Join(os.Getenv("KUBERNETES_PROGRAMS"), "kubectl"), append([]string{"--kubeconfig", c.admin}, arguments...)...)
	command.Stdin = strings.NewReader(input)
	out, err := command.CombinedOutput()
	return string(out), err
}

// Kubectl runs kubectl as the administrator and returns all it says; the test fails where it fails.
func (c *Cluster) Kubectl(t testing.TB, input string, arguments ...string) string {
	t.Helper()
	out, err := c.kubectl(t.Context(), input, arguments...)
	if err != nil {
		t.Fatalf("kubectl %q: %v\n%s", arguments, err, out)
	}
	return out
}

// TokenFile writes a token of a service account of the namespace monitoring.
func (c *Cluster) TokenFile(t testing.TB, account string) string {
	t.Helper()
	path := c.file("token-" + account)
	write(t, path, strings.TrimSpace(c.Kubectl(t, "", "-n", "monitoring", "create", "token", account)))
	return path
}

// Namespace creates one, with the account that the controller manager would give it.
func (c *Cluster) Namespace(t testing.TB, name, labels string) {
	t.Helper()
	c.Kubectl(t, fmt.Sprintf(`{"apiVersion":"v1","kind":"Namespace","metadata":{"name":%q,"labels":%s}}`, name, labels), "apply", "-f", "-")
	c.Kubectl(t, fmt.Sprintf(`{"apiVersion":"v1","kind":"ServiceAccount","metadata":{"name":"default","namespace":%q}}`, name), "apply", "-f", "-")
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func mustRun(t testing.TB, name string, arguments ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), name, arguments...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}
