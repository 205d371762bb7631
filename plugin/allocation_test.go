package plugin_test

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"

	"out_es/plugin"
	"out_es/test/support"
)

// flushAllocations bounds the allocations of a flush of one request, whatever the number of its
// records: the exchange (plugin/elastic's ceiling), contexts, the memory of the retry loop.
// Measured: 15.
const flushAllocations = 22

// perRecord bounds the allocations for one more record: none, except for slices that double as they
// grow.
const perRecord = 0.05

func TestARecordCostsNoAllocation(t *testing.T) {
	for name, more := range map[string]section{
		"plain":                         {"Compress": "off"},
		"gzip":                          {"Compress": "gzip"},
		"generated ids":                 {"Generate_ID": "on"},
		"ids and index from the record": {"Id_Key": "$pod", "Index": "logs-$namespace"},
		"a field that changes":          {"Index": "logs-$pod-$kubernetes['labels']['app']-%Y.%m.%d"},
		"a field that is missing":       {"Index": "logs-$kubernetes['labels']['team']['name']|none"},
		"data stream of the record":     {"Data_Stream": "on", "Data_Stream_Dataset": "$kubernetes['labels']['app']", "Data_Stream_Namespace": "$namespace"},
		"data stream, tag":              {"Data_Stream": "on", "Include_Tag_Key": "on"},
	} {
		t.Run(name, func(t *testing.T) {
			few, many := flushCost(t, more, 20), flushCost(t, more, 2000)
			t.Logf("20 records: %v allocations, 2000 records: %v", few, many)
			if few > flushAllocations || (many-few)/1980 > perRecord {
				t.Errorf("20 records: %v allocations, 2000 records: %v", few, many)
			}
		})
	}
}

// flushCost is the number of allocations of a flush of n records.
func flushCost(t *testing.T, more section, n int) float64 {
	t.Helper()
	s := section{"Hosts": quietServer(t, n), "Bulk_Size": "50M"}
	for name, value := range more {
		s[name] = value
	}
	p, err := plugin.New(s.lookup, silent())
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	p.AwaitStartupCheck() // its allocations are not a flush's
	var data []byte
	for i := range n {
		data = append(data, event(object{
			"n", i, "log", "GET /healthz HTTP/1.1 200 - a line as long as they are", "stream", "stdout", "namespace", "kube-system", "pod", fmt.Sprintf("pod-%d", i),
			"kubernetes", object{"labels", object{"app", "web", "tier", "front"}, "restarts", 3},
		})...)
	}
	return support.Allocations(20, func() {
		if outcome := p.Flush("kube.var.log.containers.web", data); outcome != plugin.OK {
			t.Fatalf("outcome %v", outcome)
		}
	})
}

// quietServer accepts n documents with every request and allocates nothing for
// it: Allocations counts for the whole process.
func quietServer(t *testing.T, n int) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	items := strings.TrimSuffix(strings.Repeat(`{"create":{"status":201}},`, n), ",")
	body := `{"errors":false,"items":[` + items + `]}`
	answer := []byte(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body))
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go serveQuietly(connection, answer)
		}
	}()
	return listener.Addr().String()
}

func serveQuietly(connection net.Conn, answer []byte) {
	defer connection.Close()
	reader := bufio.NewReader(connection)
	for {
		length, err := contentLength(reader)
		if err != nil {
			return
		}
		if _, err := reader.Discard(length); err != nil {
			return
		}
		if _, err := connection.Write(answer); err != nil {
			return
		}
	}
}

// contentLength reads a request's header.
func contentLength(reader *bufio.Reader) (length int, err error) {
	const header = "Content-Length: "
	for {
		line, err := reader.ReadSlice('\n')
		if err != nil || len(line) <= 2 {
			return length, err
		}
		if len(line) > len(header) && string(line[:len(header)]) == header {
			for _, digit := range line[len(header) : len(line)-2] {
				length = length*10 + int(digit-'0')
			}
		}
	}
}
