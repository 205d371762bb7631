package document_test

import (
	"encoding/binary"
	"fmt"

	"github.com/tinylib/msgp/msgp"
)

// chunkBytes is the size at which Fluent Bit ends a chunk (FLB_INPUT_CHUNK_FS_MAX_SIZE).
const chunkBytes = 2_048_000

// lines are typical of containers: access logs, plain text, JSON in a string, a stack trace, and
// text beyond ASCII.
var lines = []string{
	`10.42.3.17 - - [23/Nov/2026:09:14:22 +0000] "GET /api/v1/orders/48213?expand=items,customer HTTP/1.1" 200 5316 "-" "okhttp/4.12.0" rt=0.031 uct=0.001 uht=0.030`,
	`2026-11-23T09:14:22.117Z INFO  [worker-7] shipping.Dispatcher - order 48213 handed to carrier, 3 parcels, 12.4 kg, promised for 2026-11-25`,
	`{"level":"info","ts":1795425262.117,"caller":"cart/service.go:214","msg":"cart stored","user":"u-19283","items":4,"ms":12}`,
	`I1123 09:14:22.117384       1 controller.go:231] reconciled deployment shop/checkout in 11.2ms: 3 of 3 replicas are available`,
	"java.lang.IllegalStateException: no carrier\n\tat shipping.Dispatcher.pick(Dispatcher.java:88)\n\tat shipping.Dispatcher.run(Dispatcher.java:41)",
	`Zahlung über 48,20 € von „Äpfel & Söckchen“ angenommen, Beleg geht an buchhaltung@example.com, Vorgang 77-4411-2026, Währung EUR`,
}

// appendKubernetes appends the i-th event as made by tail and the kubernetes filter: about 800
// bytes of JSON, most of them metadata of the pod.
func appendKubernetes(b []byte, i, pod int) []byte {
	b = appendHead(b, 1795425262+uint32(i/500), uint32(i%500)*2_000_000+117_384)
	b = msgp.AppendMapHeader(b, 5)
	b = appendPairs(b, "log", lines[i%len(lines)], "stream", "stdout", "_p", "F", "time", fmt.Sprintf("2026-11-23T09:14:22.%09dZ", i))
	b = msgp.AppendMapHeader(msgp.AppendString(b, "kubernetes"), 10)
	b = appendPairs(b,
		"pod_name", fmt.Sprintf("checkout-5d8f7c9b64-%05d", pod),
		"namespace_name", "shop",
		"pod_id", "0b6b1c1e-6a52-4b0f-9d5e-3f6f0f6d2a11",
		"host", "node-3.example.internal",
		"pod_ip", "10.42.3.17",
		"container_name", "checkout",
		"docker_id", "7a1f3c5e9b2d4068a1c3e5f7092b4d6f8a0c2e4061839b5d7f1a3c5e7092b4d6",
		"container_image", "registry.example.com/shop/checkout:2.31.4")
	b = msgp.AppendMapHeader(msgp.AppendString(b, "labels"), 3)
	b = appendPairs(b, "app.kubernetes.io/name", "checkout", "app.kubernetes.io/part-of", "shop", "pod-template-hash", "5d8f7c9b64")
	b = msgp.AppendMapHeader(msgp.AppendString(b, "annotations"), 2)
	return appendPairs(b, "prometheus.io/scrape", "true", "prometheus.io/port", "9090")
}

// appendHead appends the start of an event, up to its record: [[time, {}].
func appendHead(b []byte, seconds, nanos uint32) []byte {
	b = append(b, 0x92, 0x92, 0xd7, 0)
	b = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, seconds), nanos)
	return append(b, 0x80)
}

func appendPairs(b []byte, pairs ...string) []byte {
	for _, text := range pairs {
		b = msgp.AppendString(b, text)
	}
	return b
}

// kubernetesChunk is as full as Fluent Bit's chunks. Chunks are per tag, so a chunk of container
// logs has one pod.
func kubernetesChunk() (data []byte, events int) { return fullChunk(func(int) int { return 0 }) }

// mixedChunk has another pod in every event, unlike any container's log.
func mixedChunk() (data []byte, events int) { return fullChunk(func(i int) int { return i }) }

func fullChunk(pod func(i int) int) (data []byte, events int) {
	for len(data) < chunkBytes {
		data = appendKubernetes(data, events, pod(events))
		events++
	}
	return data, events
}
