package elastic_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"out_es/plugin/bulk"
	"out_es/plugin/elastic"
)

// TestConnectionsThatFail has for each fault its class, by which deliver decides whether the
// documents may have arrived, and the setting to check.
func TestConnectionsThatFail(t *testing.T) {
	secure := newTLSServer(t, nil)
	expired := newTLSServer(t, expiredCertificate(t))
	plain := newServer(t, accept(1))
	hangUp := func(after func(*bufio.Reader)) string {
		return "http://" + listen(t, func(c net.Conn) {
			after(bufio.NewReader(c))
			_ = c.Close()
		})
	}
	for name, c := range map[string]struct {
		host   string
		class  bulk.Class
		remedy string
	}{
		"nobody listens":                   {"http://" + unused(t), bulk.Unreachable, "Hosts"},
		"a name that is none":              {"http://es.invalid:9200", bulk.Unreachable, "Hosts"},
		"an authority that is not trusted": {secure.URL, bulk.Unreachable, "TLS_CA_File"},
		"a certificate for another name":   {strings.Replace(secure.URL, "127.0.0.1", "localhost", 1), bulk.Unreachable, "Hosts"},
		"a certificate that has expired":   {expired.URL, bulk.Unreachable, "clock"},
		"https to a plain port":            {strings.Replace(plain.URL, "http:", "https:", 1), bulk.Unreachable, "http://"},
		"http to a TLS port":               {strings.Replace(secure.URL, "https:", "http:", 1), bulk.Misconfigured, "https://"},
		"hung up behind the header":        {hangUp(func(r *bufio.Reader) { _, _ = readHeader(r) }), bulk.Ambiguous, ""},
		"hung up behind the body":          {hangUp(readRequest), bulk.Ambiguous, "https://"},
		"an answer that is no HTTP":        {"http://" + listen(t, func(c net.Conn) { readRequest(bufio.NewReader(c)); _, _ = io.WriteString(c, "SSH-2.0\r\n\r\n") }), bulk.Ambiguous, ""},
		"hung up in the middle of a header": {"http://" + listen(t, func(c net.Conn) {
			readRequest(bufio.NewReader(c))
			_, _ = io.WriteString(c, "HTTP/1.1 20")
			_ = c.Close()
		}), bulk.Ambiguous, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, failure := send(t, newClient(t, elastic.Options{}, c.host), newRequest(t, bulk.Plain, 1, 10))
			if failure == nil || failure.Class != c.class {
				t.Fatalf("%+v", failure)
			}
			if !strings.Contains(failure.Remedy, c.remedy) {
				t.Errorf("%v: remedy %q", failure, failure.Remedy)
			}
			if failure.Class != bulk.Misconfigured && failure.Err == nil {
				t.Error("it has no cause")
			}
		})
	}
}

// readRequest reads a request to its end.
func readRequest(r *bufio.Reader) {
	if length, err := readHeader(r); err == nil {
		_, _ = io.CopyN(io.Discard, r, int64(length))
	}
}

// newTLSServer is a server that accepts one document. No certificate means
// that of httptest, for 127.0.0.1 and example.com.
func newTLSServer(t *testing.T, certificate *tls.Certificate) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(accept(1))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // its handshakes are meant to fail
	if certificate != nil {
		server.TLS = &tls.Config{Certificates: []tls.Certificate{*certificate}}
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

func expiredCertificate(t *testing.T) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(-time.Hour),
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{certificate}, PrivateKey: key}
}

func TestAConnectionThatBreaksWithinTheAnswer(t *testing.T) {
	text := answer(10)
	address := listen(t, func(c net.Conn) {
		readRequest(bufio.NewReader(c))
		_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(text), text[:len(text)-5])
		_ = c.Close()
	})
	statuses, failure := send(t, newClient(t, elastic.Options{}, "http://"+address), newRequest(t, bulk.Plain, 10, 10))
	if failure == nil || failure.Class != bulk.Ambiguous || !slices.Equal(statuses, slices.Repeat([]int{201}, 9)) {
		t.Errorf("%v, %v", statuses, failure)
	}
}

// A kept-alive connection that died in the meantime: the server has read nothing of the request,
// and it goes out on a new one.
func TestAConnectionThatDiedWhileIdle(t *testing.T) {
	closed := make(chan struct{}, 100)
	address := listen(t, func(c net.Conn) {
		readRequest(bufio.NewReader(c))
		_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(answer(1)), answer(1))
		_ = c.Close()
		closed <- struct{}{}
	})
	client := newClient(t, elastic.Options{}, "http://"+address)
	for range 20 {
		statuses, failure := send(t, client, newRequest(t, bulk.Plain, 1, 100_000))
		// The close may be noticed only after the body was begun: then it is ambiguous, and never
		// anything worse.
		if failure == nil && len(statuses) == 1 {
			<-closed
		} else if failure == nil || failure.Class != bulk.Ambiguous && failure.Class != bulk.Unreachable {
			t.Fatalf("%v, %+v", statuses, failure)
		}
	}
}

func TestServersThatAreSlow(t *testing.T) {
	text := answer(10)
	hang := func(header string) string {
		return "http://" + listen(t, func(c net.Conn) {
			readRequest(bufio.NewReader(c))
			_, _ = io.WriteString(c, header) // and nothing more
		})
	}
	mute := listen(t, func(net.Conn) {})
	for name, c := range map[string]struct {
		host    string
		options elastic.Options
		class   bulk.Class
		items   int
		remedy  string
	}{
		"no answer":            {hang(""), elastic.Options{}, bulk.Ambiguous, 0, "Request_Timeout"},
		"half a header":        {hang("HTTP/1.1 200 OK\r\nContent-"), elastic.Options{}, bulk.Ambiguous, 0, "Request_Timeout"},
		"half an answer":       {hang("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + text[:len(text)-5]), elastic.Options{}, bulk.Ambiguous, 9, "Request_Timeout"},
		"half an error":        {hang("HTTP/1.1 503 Unavailable\r\nContent-Length: 1000\r\n\r\n<html>"), elastic.Options{}, bulk.Unavailable, 0, ""},
		"no handshake":         {"https://" + mute, elastic.Options{ConnectTimeout: 50 * time.Millisecond}, bulk.Unreachable, 0, "Connect_Timeout"},
		"a long one, no hurry": {"https://" + mute, elastic.Options{ConnectTimeout: time.Minute}, bulk.Unreachable, 0, "Request_Timeout"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
			defer cancel()
			statuses, failure := sendWithin(ctx, t, newClient(t, c.options, c.host), newRequest(t, bulk.Plain, 10, 10))
			if failure == nil || failure.Class != c.class || len(statuses) != c.items {
				t.Fatalf("%d items, %+v", len(statuses), failure)
			}
			if !strings.Contains(failure.Remedy, c.remedy) {
				t.Errorf("%v: remedy %q", failure, failure.Remedy)
			}
		})
	}
}

// A complete answer counts although the connection stays open behind it.
func TestAnAnswerThatIsNeverEnded(t *testing.T) {
	address := listen(t, func(c net.Conn) {
		readRequest(bufio.NewReader(c))
		text := answer(2)
		_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n", len(text), text)
	})
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	statuses, failure := sendWithin(ctx, t, newClient(t, elastic.Options{}, "http://"+address), newRequest(t, bulk.Plain, 2, 10))
	if failure != nil || len(statuses) != 2 {
		t.Errorf("%v, %v", statuses, failure)
	}
}

func TestSecretsStayOut(t *testing.T) {
	status := func(status int) string {
		return newServer(t, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, ownError)
		}).URL
	}
	for name, host := range map[string]string{
		"nobody listens": "http://" + unused(t), "no such name": "http://es.invalid:9200", "401": status(401), "403": status(403), "302": status(302), "503": status(503),
		"no HTTP": "http://" + listen(t, func(c net.Conn) { _, _ = io.WriteString(c, "hello\n"); _ = c.Close() }),
	} {
		inURL := strings.Replace(host, "://", "://elastic:SECRET@", 1)
		for how, client := range map[string]*elastic.Client{
			"in the URL": newClient(t, elastic.Options{}, inURL),
			"password":   newClient(t, elastic.Options{User: "elastic", Password: "SECRET"}, host),
			"API key":    newClient(t, elastic.Options{APIKey: "id:SECRET"}, host),
		} {
			_, failure := send(t, client, newRequest(t, bulk.Plain, 1, 10))
			if failure == nil {
				t.Fatalf("%s: no failure", name)
			}
			if text := fmt.Sprintf("%v %+v %v", failure, *failure, failure.Err); strings.Contains(text, "SECRET") {
				t.Errorf("%s, %s: %s", name, how, text)
			}
		}
	}
}
