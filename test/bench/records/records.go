// Package records makes the records for measurements: a container's log with the kubernetes
// filter's metadata of its pod, about 800 bytes as a document, and flat ones with a given number of
// fields. The same number gives the same bytes on every machine.
package records

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// Maker appends the record i of the pod-th file to b, as one line of JSON with
// its newline.
type Maker func(b []byte, pod, i int) []byte

// said are typical lines of containers: access logs, plain text, JSON in a string, a stack trace,
// and text beyond ASCII. Each has three places for the variable parts of a line: a number, another,
// and a trace's id.
var said = []string{
	`10.42.3.17 - - [23/Nov/2026:09:14:22 +0000] \"GET /api/v1/orders/%d?expand=items HTTP/1.1\" 200 %d \"-\" \"okhttp/4.12.0\" trace=%s`,
	`2026-11-23T09:14:22.117Z INFO  [worker-7] shipping.Dispatcher - order %d handed to carrier, 3 parcels, %d g, trace %s`,
	`{\"level\":\"info\",\"ts\":1795425262.117,\"caller\":\"cart/service.go:214\",\"msg\":\"cart stored\",\"user\":\"u-%d\",\"us\":%d,\"trace\":\"%s\"}`,
	`I1123 09:14:22.117384       1 controller.go:231] reconciled deployment shop/checkout %d in %d us: 3 of 3 replicas are available (%s)`,
	`java.lang.IllegalStateException: no carrier for %d after %d ms, %s\n\tat shipping.Dispatcher.pick(Dispatcher.java:88)\n\tat shipping.Dispatcher.run(Dispatcher.java:41)`,
	`Zahlung %d über %d Cent von „Äpfel & Söckchen“ angenommen, Beleg geht an buchhaltung@example.com, Vorgang %s, Währung EUR`,
}

// mix is splitmix64: numbers that lie close to one another become unlike, the
// same on every machine.
func mix(n uint64) uint64 {
	n += 0x9e3779b97f4a7c15
	n = (n ^ n>>30) * 0xbf58476d1ce4e5b9
	n = (n ^ n>>27) * 0x94d049bb133111eb
	return n ^ n>>31
}

// Kubernetes is a Maker: tail and the kubernetes filter make such records. A
// file of them is compressed by gzip to about a tenth, as real ones are.
func Kubernetes(b []byte, pod, i int) []byte {
	drawn := mix(uint64(pod)<<32 + uint64(i))
	b = fmt.Appendf(b, `{"time":"2026-11-23T09:%02d:%02d.%09dZ","stream":"stdout","_p":"F","log":"`, i/60_000%60, i/1000%60, drawn%1_000_000+uint64(i%1000)*1_000_000)
	b = fmt.Appendf(b, said[drawn%uint64(len(said))], drawn>>8%1_000_000, drawn>>28%100_000, fmt.Sprintf("%016x%016x", drawn, mix(drawn)))
	b = fmt.Appendf(b, `","kubernetes":{"pod_name":"checkout-5d8f7c9b64-%05d","namespace_name":"shop","pod_id":"0b6b1c1e-6a52-4b0f-9d5e-3f6f0f6d%04x"`, pod, pod)
	b = append(b, `,"host":"node-3.example.internal","pod_ip":"10.42.3.17","container_name":"checkout",`...)
	b = append(b, `"docker_id":"7a1f3c5e9b2d4068a1c3e5f7092b4d6f8a0c2e4061839b5d7f1a3c5e7092b4d6",`...)
	b = append(b, `"container_image":"registry.example.com/shop/checkout:2.31.4",`...)
	b = append(b, `"labels":{"app.kubernetes.io/name":"checkout","app.kubernetes.io/part-of":"shop","pod-template-hash":"5d8f7c9b64"},`...)
	return append(b, `"annotations":{"prometheus.io/scrape":"true","prometheus.io/port":"9090"}}}`+"\n"...)
}

// Flat returns a Maker of records with that many fields, texts and numbers in
// turn, about 24 bytes each.
func Flat(fields int) Maker {
	return func(b []byte, pod, i int) []byte {
		b = append(b, `{"time":"2026-11-23T09:14:22.117384000Z"`...)
		for f := 1; f < fields; f++ {
			b = fmt.Appendf(b, `,"field_%03d":`, f)
			if f%2 == 0 {
				b = strconv.AppendUint(b, mix(uint64(i*fields+f))%1_000_000, 10)
			} else {
				b = fmt.Appendf(b, `"value %06x"`, mix(uint64(i*fields+f))%(1<<24))
			}
		}
		return append(b, "}\n"...)
	}
}

// Large returns a Maker of records with one text of that many bytes.
func Large(textBytes int) Maker {
	return func(b []byte, pod, i int) []byte {
		b = append(b, `{"time":"2026-11-23T09:14:22.117384000Z","log":"`...)
		for n := 0; n < textBytes; n += 16 {
			b = fmt.Appendf(b, "%015x ", n)
		}
		return append(b, "\"}\n"...)
	}
}

// Write makes folder, writes count records to that many files in it, and returns the number of
// bytes.
//
// Possible errors: those of the file system.
func Write(folder string, count, files int, make Maker) (bytes int64, err error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return 0, err
	}
	for pod := range files {
		n, err := writeFile(filepath.Join(folder, Name(pod)), count*(pod+1)/files-count*pod/files, pod, make)
		if err != nil {
			return 0, err
		}
		bytes += n
	}
	return bytes, nil
}

// Name is the name of the pod-th file, as the kubelet links them in
// /var/log/containers.
func Name(pod int) string {
	return fmt.Sprintf("checkout-5d8f7c9b64-%05d_shop_checkout-7a1f3c5e%04x.log", pod, pod)
}

func writeFile(path string, count, pod int, make Maker) (bytes int64, err error) {
	file, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	buffered := bufio.NewWriterSize(file, 1<<20) // remembers the first error until Flush
	var line []byte
	for i := range count {
		line = make(line[:0], pod, i)
		bytes += int64(len(line))
		_, _ = buffered.Write(line)
	}
	if err := buffered.Flush(); err != nil {
		file.Close()
		return 0, err
	}
	return bytes, file.Close()
}
