package plugin_test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"out_es/plugin"
	"out_es/plugin/fluentbit/fluentbittest"
	"out_es/test/support"
)

// blackHole is a port whose SYNs are lost: its queue of connections is full, and the kernel drops
// further ones, as a firewall does. The client re-sends them until it runs out of time.
type blackHole struct {
	url  string
	fd   int
	full []net.Conn
}

func newBlackHole(t *testing.T) *blackHole {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	b := &blackHole{fd: fd, url: fmt.Sprintf("http://127.0.0.1:%d", name.(*syscall.SockaddrInet4).Port)}
	t.Cleanup(b.end)
	for range 20 {
		connection, err := net.DialTimeout("tcp", strings.TrimPrefix(b.url, "http://"), 300*time.Millisecond)
		if err != nil {
			return b // the queue is full
		}
		b.full = append(b.full, connection)
	}
	t.Skip("this kernel accepts connections beyond the queue of a listener")
	return nil
}

func (b *blackHole) end() {
	for _, connection := range b.full {
		_ = connection.Close()
	}
	if b.full = nil; b.fd >= 0 {
		_ = syscall.Close(b.fd)
		b.fd = -1
	}
}

// heal makes it a server.
func (b *blackHole) heal(t *testing.T, handler http.Handler) {
	t.Helper()
	file := os.NewFile(uintptr(b.fd), "listener")
	listener, err := net.FileListener(file) // a copy
	if err != nil {
		t.Fatal(err)
	}
	b.fd = -1
	_ = file.Close()
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
	t.Cleanup(func() { _ = server.Close() })
	go func() { _ = server.Serve(listener) }()
	b.end() // the connections that filled its queue
}

// deliverAll flushes chunks, several at a time, as often as Fluent Bit would, and returns how many
// answers were RETRY.
func deliverAll(t *testing.T, p *plugin.Plugin, chunks int) (retries int) {
	t.Helper()
	var mu sync.Mutex
	var all sync.WaitGroup
	next := 0
	for range 4 {
		all.Go(func() {
			for {
				mu.Lock()
				n := next
				next++
				mu.Unlock()
				if n >= chunks {
					return
				}
				for end := time.Now().Add(time.Minute); p.Flush(fmt.Sprint("tag", n), numbered(3)) != plugin.OK; {
					mu.Lock()
					retries++
					mu.Unlock()
					if time.Now().After(end) {
						t.Errorf("chunk %d comes back for a minute", n)
						return
					}
					time.Sleep(10 * time.Millisecond)
				}
			}
		})
	}
	all.Wait()
	return retries
}

// closings are the lines of the cluster's gate.
func closings(host *fluentbittest.Recorder) int {
	return len(lines(host, "records are kept"))
}

// A host whose SYNs are lost costs its share of a flush's budget beside one that is up: no chunk
// goes back, and the gate stays open.
func TestLostSYNsBesideAHealthyHost(t *testing.T) {
	for name, options := range map[string]section{
		"the usual budget":         {"Retry_Budget": "5s"},
		"several at the same time": {"Retry_Budget": "5s", "Bulk_Size": "1K"},
		"with a spool":             {"Retry_Budget": "5s", "Spool_Path": "", "Alias": "es"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newElasticsearch(t)
			hole := newBlackHole(t)
			more := section{"Hosts": hole.url + ", " + e.URL, "Generate_ID": "on", "Retry_Initial": "500ms", "Retry_Max": "30s"}
			for option, value := range options {
				more[option] = value
			}
			if _, spooled := options["Spool_Path"]; spooled {
				more["Spool_Path"] = t.TempDir()
			}
			p, host := instance(t, e, more)
			const chunks = 40
			retries := deliverAll(t, p, chunks)
			support.Eventually(t, time.Minute, "all arrive", func() bool { return len(e.numbers()) == 3*chunks })
			p.Close()
			if retries > 0 || closings(host) > 0 {
				t.Errorf("%d answers were RETRY, lines %v", retries, host.Lines())
			}
			if told := lines(host, hole.url); len(told) == 0 {
				t.Errorf("the host is not named: %v", host.Lines())
			}
			if lost := host.Count("requests_total", "unreachable"); lost > 12 {
				t.Errorf("%d requests met the lost host", lost)
			}
		})
	}
}

// Without a budget for a second request the chunk goes back, and the gate of the cluster stays open
// all the same: other flushes pass.
func TestLostSYNsWithoutABudget(t *testing.T) {
	e := newElasticsearch(t)
	hole := newBlackHole(t)
	p, host := instance(t, e, section{
		"Hosts": hole.url + ", " + e.URL, "Retry_Budget": "0", "Connect_Timeout": "1s", "Retry_Initial": "5m", "Retry_Max": "5m",
	})
	const chunks = 20
	retries := deliverAll(t, p, chunks)
	p.Close()
	if n := len(e.numbers()); n != 3*chunks || retries > 12 || closings(host) > 0 {
		t.Errorf("%d of %d documents, %d answers were RETRY, lines %v", n, 3*chunks, retries, host.Lines())
	}
}

// Alone, such a host is an outage as any other: one flush tries, the gate closes, and everything
// arrives once when it accepts connections again.
func TestLostSYNsOfTheOnlyHost(t *testing.T) {
	e := newElasticsearch(t)
	hole := newBlackHole(t)
	p, host := instance(t, e, section{
		"Hosts": hole.url, "Connect_Timeout": "1s", "Retry_Budget": "0", "Retry_Initial": "200ms", "Retry_Max": "1s", "Generate_ID": "on",
	})
	for n := range 50 {
		if outcome := p.Flush(fmt.Sprint("tag", n), numbered(3)); outcome != plugin.Retry {
			t.Fatalf("outcome %v", outcome)
		}
	}
	if tries := host.Count("requests_total", "unreachable"); tries == 0 || tries > 10 || closings(host) != 1 {
		t.Errorf("%d requests for 50 flushes, lines %v", tries, host.Lines())
	}
	hole.heal(t, e)
	deliverAll(t, p, 50)
	p.Close()
	if n := len(e.numbers()); n != 150 {
		t.Errorf("%d of 150 documents", n)
	}
	if told := lines(host, "Connect_Timeout"); len(told) == 0 {
		t.Errorf("no line has the setting: %v", host.Lines())
	}
}
