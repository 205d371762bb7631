package exchange

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"testing"

	"out_es/plugin/callback"
)

// BenchmarkExchange makes requests as large as those of 20 records, beside net/http
// (docs/adr/0023).
func BenchmarkExchange(b *testing.B) {
	const size = 16_000
	answer := []byte("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n" + string(bytes.Repeat([]byte("x"), 500)))
	s := serve(b, func(s *server, c net.Conn, r *bufio.Reader) {
		for {
			for {
				line, err := r.ReadSlice('\n')
				if err != nil {
					return
				}
				if len(line) == 2 {
					break
				}
			}
			_, _ = r.Discard(size)
			_, _ = c.Write(answer)
		}
	})
	body := bytes.Repeat([]byte("x"), size)
	head := AppendLength([]byte("POST /_bulk HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\n"), size)
	ours := func(b *testing.B, ctx context.Context) {
		p, scratch := newPool(b, s.address), make([]byte, 4096)
		request := Request{Method: "POST", Head: head, Body: body}
		b.ReportAllocs()
		for b.Loop() {
			answer, err := p.Do(ctx, &request)
			if err != nil {
				b.Fatal(err)
			}
			for err == nil {
				_, err = answer.Read(scratch)
			}
			_ = answer.Close()
		}
	}
	b.Run("ours", func(b *testing.B) { ours(b, b.Context()) })
	b.Run("ours, on the host's thread", func(b *testing.B) { ours(b, callback.Context(b.Context(), newHost())) })
	b.Run("net/http", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			r, err := http.NewRequest(http.MethodPost, "http://"+s.address+"/_bulk", bytes.NewReader(body))
			if err != nil {
				b.Fatal(err)
			}
			r.Header.Set("Content-Length", strconv.Itoa(size))
			response, err := http.DefaultTransport.RoundTrip(r)
			if err != nil {
				b.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, response.Body)
			_ = response.Body.Close()
		}
	})
}
