package elastic_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"out_es/plugin/bulk"
	"out_es/plugin/elastic"
	"out_es/test/support"
)

// A server that answers before it has read the request, as Elasticsearch does with 413, and
// continues reading. Send must return, and nothing may read the body after that: the next request
// is written into the same memory.
func TestAnAnswerThatComesBeforeTheRequestWasRead(t *testing.T) {
	const size = 20 << 20
	ownTooLarge := `{"error":{"type":"content_too_long","reason":"entity content is too long"},"status":413}`
	for name, c := range map[string]struct {
		answer string
		class  bulk.Class
	}{
		"413 without a body":  {"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n", bulk.Oversized},
		"413 with one":        {fmt.Sprintf("HTTP/1.1 413 Too Large\r\nContent-Length: %d\r\n\r\n%s", len(ownTooLarge), ownTooLarge), bulk.Oversized},
		"413 with a long one": {"HTTP/1.1 413 Too Large\r\nContent-Length: 100000\r\n\r\n" + strings.Repeat("x", 100_000), bulk.Oversized},
		"401 with a page":     {fmt.Sprintf("HTTP/1.1 401 No\r\nContent-Length: %d\r\n\r\n%s", len(page), page), bulk.Misconfigured},
		"200 all the same":    {fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(answer(1)), answer(1)), bulk.Delivered},
		"an answer, hung up":  {"HTTP/1.1 503 No\r\nConnection: close\r\n\r\n", bulk.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			overwritten, zeros := make(chan struct{}), make(chan int)
			address := listen(t, func(connection net.Conn) {
				reader := bufio.NewReader(connection)
				if _, err := readHeader(reader); err == nil {
					_, _ = io.WriteString(connection, c.answer)
				}
				if strings.Contains(c.answer, "Connection: close") {
					_ = connection.(*net.TCPConn).CloseWrite()
				}
				<-overwritten
				rest, _ := io.ReadAll(reader)
				zeros <- bytes.Count(rest, []byte{0})
			})
			client := newClient(t, elastic.Options{}, "http://"+address)
			request := newRequest(t, bulk.Plain, 1, size)
			body, err := request.Seal()
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			_, failure := sendWithin(ctx, t, client, request)
			if ctx.Err() != nil {
				t.Error("Send waited for the server")
			}
			clear(body)
			close(overwritten)
			if n := <-zeros; n > 0 {
				t.Errorf("%d bytes were sent after Send had returned", n)
			}
			class := bulk.Delivered
			if failure != nil {
				class = failure.Class
			}
			if class != c.class {
				t.Errorf("%+v", failure)
			}
		})
	}
}

// counted is a server that counts the connections it accepts.
func counted(t *testing.T, handle http.HandlerFunc) (address string, connections *atomic.Int32) {
	t.Helper()
	connections = new(atomic.Int32)
	server := httptest.NewUnstartedServer(handle)
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	return server.URL, connections
}

func TestConnectionsAreUsedAgain(t *testing.T) {
	for name, handle := range map[string]http.HandlerFunc{
		"accepted": accept(10),
		"with a line end behind": func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			_, _ = io.WriteString(w, answer(10)+"\n\n")
		},
		"an error": func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.WriteHeader(503)
			_, _ = io.WriteString(w, ownError)
		},
		"a page": func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			_, _ = io.WriteString(w, page)
		},
		"a large answer, in chunks": func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			_, _ = io.WriteString(w, answer(5_000))
		},
	} {
		t.Run(name, func(t *testing.T) {
			address, connections := counted(t, handle)
			client := newClient(t, elastic.Options{}, address)
			request := newRequest(t, bulk.Gzip, 10, 1000)
			for range 100 {
				_, _ = send(t, client, request)
				refill(t, request, 10, 1000)
			}
			if n := connections.Load(); n != 1 {
				t.Errorf("%d connections for 100 requests", n)
			}
		})
	}
}

func TestAClientIsUsedInParallel(t *testing.T) {
	address, connections := counted(t, accept(10))
	client := newClient(t, elastic.Options{}, address, address)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			request := newRequest(t, bulk.Gzip, 10, 100_000)
			for range 20 {
				statuses, failure := send(t, client, request)
				if failure != nil || len(statuses) != 10 {
					t.Errorf("%v, %v", statuses, failure)
				}
				refill(t, request, 10, 100_000)
			}
		})
	}
	all.Wait()
	if n := connections.Load(); n > 16 {
		t.Errorf("%d connections for 8 at a time", n)
	}
}

func TestCloseDropsIdleConnections(t *testing.T) {
	ended := make(chan struct{}, 10)
	server := httptest.NewUnstartedServer(accept(1))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			ended <- struct{}{}
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	client := newClient(t, elastic.Options{}, server.URL)
	if _, failure := send(t, client, newRequest(t, bulk.Plain, 1, 10)); failure != nil {
		t.Fatal(failure)
	}
	client.Close()
	<-ended
}

// sendAllocations bounds the allocations of a request of any size. Measured: 16, and 39 for a long
// one, which is written on a goroutine while its answer is awaited.
const sendAllocations = 45

func TestTheCostOfARequestDoesNotGrowWithIt(t *testing.T) {
	for _, n := range []int{1, 5000} {
		healthy := answer(n)
		text := []byte(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(healthy), healthy))
		address := listen(t, func(c net.Conn) { // allocates nothing itself
			reader := bufio.NewReader(c)
			for {
				length, err := readHeader(reader)
				if err != nil {
					return
				}
				_, _ = reader.Discard(length)
				_, _ = c.Write(text)
			}
		})
		client := newClient(t, elastic.Options{}, "http://"+address)
		request := newRequest(t, bulk.Plain, n, n*100)
		each := func(bulk.Item) {}
		allocations := support.Allocations(50, func() {
			if items, failure := client.Send(t.Context(), request, each); failure != nil || items != n {
				t.Fatal(items, failure)
			}
		})
		t.Logf("%d documents: %v allocations", n, allocations)
		if allocations > sendAllocations {
			t.Errorf("%d documents: %v allocations", n, allocations)
		}
	}
}

// A request that its sender cancelled says nothing about the host.
func TestARequestGivenUpDoesNotCostTheHostItsTurn(t *testing.T) {
	alive, requests := recorder(t, 1)
	mute := "http://" + listen(t, func(net.Conn) {})
	client := newClient(t, elastic.Options{}, mute, alive)
	for range 4 { // mute gets at least one
		ctx, cancel := context.WithCancel(context.Background())
		timer := time.AfterFunc(50*time.Millisecond, cancel)
		_, failure := sendWithin(ctx, t, client, newRequest(t, bulk.Plain, 1, 10))
		if failure != nil && failure.Elsewhere {
			t.Errorf("%+v", failure)
		}
		timer.Stop()
		cancel()
	}
	if len(*requests) != 2 {
		t.Errorf("%d of 4 requests went to one of two hosts", len(*requests))
	}
}

func TestAFailureNamesTheHostAndWhetherOthersAreUp(t *testing.T) {
	alive, _ := recorder(t, 1)
	dead := "http://" + unused(t)
	client := newClient(t, elastic.Options{}, "http://user:SECRET@"+strings.TrimPrefix(dead, "http://")+"/path", alive)
	var seen []*bulk.Failure
	for range 4 {
		if _, failure := send(t, client, newRequest(t, bulk.Plain, 1, 10)); failure != nil {
			seen = append(seen, failure)
		}
	}
	if len(seen) != 1 || seen[0].Host != dead || !seen[0].Elsewhere || !strings.Contains(seen[0].Error(), "unreachable at "+dead+": ") {
		t.Errorf("%+v", seen)
	}
	_, failure := send(t, newClient(t, elastic.Options{}, dead), newRequest(t, bulk.Plain, 1, 10))
	if failure == nil || failure.Elsewhere {
		t.Errorf("the only host: %+v", failure)
	}
}

// A host that drops packets, here in the middle of TLS's handshake, must not use up the time of a
// flush (Retry_Budget) while another host is up.
func TestAHostThatSwallowsPacketsCostsAShareOfTheBudget(t *testing.T) {
	authority := support.NewAuthority(t, "ours")
	alive := secureServer(t, &tls.Config{Certificates: []tls.Certificate{authority.Issue(support.Subject{Hosts: []string{"127.0.0.1"}}).TLS(t)}})
	options := elastic.Options{
		TLS: elastic.TLS{SkipVerify: true}, ConnectTimeout: time.Minute, Budget: 6 * time.Second,
	}
	client := newClient(t, options, "https://"+listen(t, func(net.Conn) {}), alive)
	failures := 0
	for range 3 {
		began := time.Now()
		failure := post(t, client)
		if took := time.Since(began); took >= options.Budget {
			t.Errorf("it took %s", took)
		}
		if failure != nil {
			failures++
			if failure.Class != bulk.Unreachable || !failure.Elsewhere || !strings.Contains(failure.Remedy, "Connect_Timeout") {
				t.Errorf("%+v", failure)
			}
		}
	}
	if failures != 1 {
		t.Errorf("%d of 3 requests failed", failures)
	}
}

// A connection that the server closed before anything was written is no possible duplicate.
func TestAConnectionClosedWhileIdleIsNotAmbiguous(t *testing.T) {
	for scheme, start := range map[string]func(*httptest.Server){"http": (*httptest.Server).Start, "https": (*httptest.Server).StartTLS} {
		server := httptest.NewUnstartedServer(accept(1))
		server.Config.ErrorLog = log.New(io.Discard, "", 0)
		start(server)
		t.Cleanup(server.Close)
		client := newClient(t, elastic.Options{TLS: elastic.TLS{SkipVerify: true}}, server.URL)
		for range 20 {
			if failure := post(t, client); failure != nil {
				t.Fatalf("%s: %+v", scheme, failure)
			}
			server.CloseClientConnections() // returns once they are closed
		}
	}
}
