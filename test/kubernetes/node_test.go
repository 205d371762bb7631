package kubernetes

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"out_es/test/deploy"
)

// node plays the kubelet of one node: it knows where logs lie, and writes them as one would.
type node struct {
	log     string // /var/log of a node
	cluster *Cluster
}

// containerID is a runtime's id of a pod's container.
func containerID(pod, container string) string {
	return fmt.Sprintf("%064x", []byte(pod+container))[:64]
}

// pod creates a pod in the API server, as its manifest or as a plain one, and tells the server that
// it runs, with this machine's address.
func (n *node) pod(t *testing.T, manifest map[string]any) {
	t.Helper()
	text, err := json.Marshal(manifest)
	if err != nil {
		t.Fatal(err)
	}
	n.cluster.Kubectl(t, string(text), "apply", "--server-side", "-f", "-")
	namespace, name := deploy.Text(manifest, "metadata", "namespace"), deploy.Text(manifest, "metadata", "name")
	n.cluster.Kubectl(t, "", "-n", namespace, "patch", "pod", name, "--subresource=status", "--type=merge",
		"-p", `{"status":{"phase":"Running","podIP":"127.0.0.1","podIPs":[{"ip":"127.0.0.1"}],"hostIP":"127.0.0.1"}}`)
}

// plainPod is one with a container, on this node.
func plainPod(namespace, name, container string, labels, annotations map[string]any) map[string]any {
	return map[string]any{
		"apiVersion": "v1", "kind": "Pod",
		"metadata": map[string]any{"namespace": namespace, "name": name, "labels": labels, "annotations": annotations},
		"spec": map[string]any{"nodeName": "node-1", "automountServiceAccountToken": false, "containers": []any{
			map[string]any{"name": container, "image": "registry.example.com/" + container + ":1"}}},
	}
}

// file opens a container's log as the kubelet does: the file in /var/log/pods, and a link in
// /var/log/containers.
func (n *node) file(t *testing.T, namespace, pod, container string) *os.File {
	t.Helper()
	uid := n.cluster.Kubectl(t, "", "-n", namespace, "get", "pod", pod, "-o", "jsonpath={.metadata.uid}")
	return n.fileOf(t, namespace, pod, container, uid, containerID(pod, container))
}

// fileOf is file for a pod with this uid, and a container with this id.
func (n *node) fileOf(t *testing.T, namespace, pod, container, uid, id string) *os.File {
	t.Helper()
	target := filepath.Join(n.log, "pods", namespace+"_"+pod+"_"+uid, container, "0.log")
	link := filepath.Join(n.log, "containers", fmt.Sprintf("%s_%s_%s-%s.log", pod, namespace, container, id))
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(target, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	if _, err := os.Lstat(link); err != nil {
		if err := os.Symlink(target, link); err != nil {
			t.Fatal(err)
		}
	}
	return file
}

// cri writes lines in the format of containerd and CRI-O. flag is F for a whole line, P for one
// that the runtime cut.
func cri(t *testing.T, file *os.File, flag string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if _, err := fmt.Fprintf(file, "%s stdout %s %s\n", time.Now().UTC().Format(time.RFC3339Nano), flag, line); err != nil {
			t.Fatal(err)
		}
	}
}

// docker writes lines in the format of Docker's json-file driver.
func docker(t *testing.T, file *os.File, lines ...string) {
	t.Helper()
	for _, line := range lines {
		text, _ := json.Marshal(map[string]string{"log": line + "\n", "stream": "stdout", "time": time.Now().UTC().Format(time.RFC3339Nano)})
		if _, err := file.Write(append(text, '\n')); err != nil {
			t.Fatal(err)
		}
	}
}

// sidecar runs the commands of the example pod myapp, with another path of the file: the
// application, and the side-car, with its output in the kubelet's place. It returns when the
// side-car has printed that many lines.
func (n *node) sidecar(t *testing.T, pod map[string]any, lines int) {
	t.Helper()
	dir := t.TempDir()
	command := func(container any) *exec.Cmd {
		var arguments []string
		for _, argument := range deploy.List(container, "command") {
			arguments = append(arguments, strings.ReplaceAll(argument.(string), "/var/log/myapp.log", filepath.Join(dir, "myapp.log")))
		}
		return exec.CommandContext(t.Context(), arguments[0], arguments[1:]...)
	}
	streamer, application := command(deploy.At(pod, "spec", "initContainers", 0)), command(deploy.At(pod, "spec", "containers", 0))
	out, err := streamer.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []*exec.Cmd{streamer, application} {
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
	}
	defer func() {
		for _, c := range []*exec.Cmd{application, streamer} {
			_ = c.Process.Kill()
			_ = c.Wait()
		}
	}()
	file := n.file(t, "default", "myapp", "log")
	for scanner := bufio.NewScanner(out); lines > 0 && scanner.Scan(); lines-- {
		cri(t, file, "F", scanner.Text())
	}
	if lines > 0 {
		t.Fatalf("the side-car ended %d lines too early", lines)
	}
}
