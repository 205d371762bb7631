package source_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"testing"

	"github.com/tinylib/msgp/msgp"

	"out_es/plugin/deliver"
	"out_es/plugin/fluentbit"
	"out_es/plugin/report"
	"out_es/plugin/settings"
	"out_es/plugin/source"
)

// BenchmarkAddress is the road from a chunk to the lines of a request, for
// addresses that need more or less of the record. It is for comparisons:
//
//	go test -run '^$' -bench Address -count 10 ./plugin/source
//
// "pod" chunks are of one pod, as a container's file has it; "mixed" ones have
// another pod in every event.
func BenchmarkAddress(b *testing.B) {
	for _, c := range []struct {
		name string
		data []byte
	}{{"pod", podEvents(1)}, {"mixed", podEvents(1000)}} {
		for _, row := range []struct {
			name    string
			options map[string]string
		}{
			{"index", nil},
			{"date", map[string]string{"Index": "logs-%Y.%m.%d"}},
			{"field", map[string]string{"Index": "logs-$stream"}},
			{"nested", map[string]string{"Index": "logs-$kubernetes['namespace_name']-%Y.%m.%d"}},
			{"deep", map[string]string{"Index": "logs-$kubernetes['labels']['app.kubernetes.io/name']"}},
			{"missing", map[string]string{"Index": "logs-$kubernetes['labels']['team']|none"}},
			{"stream", map[string]string{"Data_Stream": "on", "Data_Stream_Dataset": "$kubernetes['container_name']", "Data_Stream_Namespace": "$kubernetes['namespace_name']"}},
			{"id", map[string]string{"Id_Key": "$time"}},
			{"generated", map[string]string{"Generate_ID": "on"}},
		} {
			b.Run(c.name+"/"+row.name, func(b *testing.B) { benchmarkFill(b, c.data, row.options) })
		}
	}
}

func benchmarkFill(b *testing.B, data []byte, options map[string]string) {
	host := fluentbit.Standalone("es_go.0", io.Discard)
	s, faults := settings.Read(func(name string) string {
		if name == "Hosts" {
			return "localhost"
		}
		if name == "Compress" {
			return "off"
		}
		return options[name]
	})
	if err := faults.Err(); err != nil {
		b.Fatal(err)
	}
	shared := &source.Shared{Options: s.Source, Report: report.New(host, s.Report)}
	src := shared.New(shared.NewScratch())
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		src.Open("kube.var.log.containers.checkout", data, nil)
		src.Request().Reset()
		if err := src.Fill(src.Request(), deliver.Limits{}); err != nil {
			b.Fatal(err)
		}
	}
	if n := len(src.Request().Positions()); n != 1000 {
		b.Fatalf("%d events", n)
	}
}

// podEvents are 1,000 events of about 800 bytes as tail and the kubernetes
// filter make them.
func podEvents(pods int) (b []byte) {
	for i := range 1000 {
		b = append(b, 0x92, 0x92, 0xd7, 0)
		b = binary.BigEndian.AppendUint32(b, 1795425262+uint32(i/500))
		b = binary.BigEndian.AppendUint32(b, uint32(i)*2_000)
		b = append(b, 0x80)
		b = msgp.AppendMapHeader(b, 5)
		b = appendTexts(b, "log", `10.42.3.17 - - [23/Nov/2026:09:14:22 +0000] "GET /api/v1/orders/48213?expand=items,customer HTTP/1.1" 200 5316 "-" "okhttp/4.12.0" rt=0.031`,
			"stream", "stdout", "_p", "F", "time", fmt.Sprintf("2026-11-23T09:14:22.%09dZ", i))
		b = msgp.AppendMapHeader(msgp.AppendString(b, "kubernetes"), 10)
		b = appendTexts(b, "pod_name", fmt.Sprintf("checkout-5d8f7c9b64-%05d", i%pods), "namespace_name", "shop",
			"pod_id", "0b6b1c1e-6a52-4b0f-9d5e-3f6f0f6d2a11", "host", "node-3.example.internal", "pod_ip", "10.42.3.17", "container_name", "checkout",
			"docker_id", "7a1f3c5e9b2d4068a1c3e5f7092b4d6f8a0c2e4061839b5d7f1a3c5e7092b4d6", "container_image", "registry.example.com/shop/checkout:2.31.4")
		b = msgp.AppendMapHeader(msgp.AppendString(b, "labels"), 3)
		b = appendTexts(b, "app.kubernetes.io/name", "checkout", "app.kubernetes.io/part-of", "shop", "pod-template-hash", "5d8f7c9b64")
		b = msgp.AppendMapHeader(msgp.AppendString(b, "annotations"), 2)
		b = appendTexts(b, "prometheus.io/scrape", "true", "prometheus.io/port", "9090")
	}
	return b
}

func appendTexts(b []byte, texts ...string) []byte {
	for _, text := range texts {
		b = msgp.AppendString(b, text)
	}
	return b
}
