package main

import (
	"encoding/json"
	"fmt"
	"io"
)

// metadataName is the name under which the kubernetes filter looks a pod up in
// kube_meta_preload_cache_dir.
func (p pod) metadataName() string { return p.namespace + "_" + p.name + ".meta" }

// writeMetadata writes the API server's answer about the pod, as far as the kubernetes filter reads
// it.
func (p pod) writeMetadata(w io.Writer) {
	image := "registry.example.com/" + p.namespace + "/" + p.container + ":1.0.0"
	answer := map[string]any{
		"kind": "Pod", "apiVersion": "v1",
		"metadata": map[string]any{
			"name": p.name, "namespace": p.namespace, "uid": p.uid(),
			"labels": map[string]string{
				"app.kubernetes.io/name": p.workload.name, "app.kubernetes.io/part-of": p.namespace, "pod-template-hash": p.templateHash(),
			},
		},
		"spec": map[string]any{
			"nodeName":   "node-1",
			"containers": []any{map[string]any{"name": p.container, "image": image}},
		},
		"status": map[string]any{
			"podIP": "10.244.0.10",
			"containerStatuses": []any{map[string]any{
				"name": p.container, "image": image, "containerID": "containerd://" + p.containerID,
			}},
		},
	}
	text, err := json.MarshalIndent(answer, "", "  ")
	if err != nil {
		panic(err) // maps of strings always encode
	}
	fmt.Fprintf(w, "%s\n", text)
}

// uid is derived from the container's id, so that no random number of the lines moves.
func (p pod) uid() string {
	id := p.containerID
	return fmt.Sprintf("%s-%s-4%s-8%s-%s", id[:8], id[8:12], id[13:16], id[17:20], id[20:32])
}

// templateHash is the part of the pod's name that its ReplicaSet gave.
func (p pod) templateHash() string { return p.name[len(p.workload.name)+1 : len(p.name)-6] }
