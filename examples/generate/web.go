package main

import (
	"fmt"
	"io"
	"time"
)

// webBegin is the time of the first access log; their times are to the second, as a web server
// writes them.
var webBegin = time.Date(2017, time.July, 7, 16, 30, 0, 0, time.UTC)

const (
	webSpan   = time.Hour
	clfTime   = "02/Jan/2006:15:04:05 -0700"
	pingEvery = 10 * time.Second
)

var agents = []string{
	"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
	"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15",
	"Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36",
	"curl/8.5.0",
	"ExampleBot/2.1 (+https://bot.example.org/about)",
}

// client draws an address from the private and the documentation ranges.
func client(r random) string {
	network := pick(r, []string{"10.1.8", "10.1.9", "192.0.2", "198.51.100", "203.0.113"})
	return fmt.Sprintf("%s.%d", network, r.between(1, 254))
}

func path(r random) string {
	return pick(r, []string{
		"/", "/favicon.ico", "/login", "/cart", "/checkout", "/api/v2/search?q=tea&page=2", "/static/app.3f9c2b.js",
		"/images/caf%C3%A9.jpg", "/search?q=%E5%AF%BF%E5%8F%B8", fmt.Sprintf("/products/%d", r.between(1, 4000)),
	})
}

func status(r random) int {
	return pick(r, []int{200, 200, 200, 200, 200, 200, 301, 304, 304, 404, 403, 500, 502})
}

// accessLines writes that many lines in the combined format, a few of them the nonsense that every
// public server gets.
func accessLines(seed uint64, count int) func(io.Writer) {
	return func(w io.Writer) {
		r := newRandom(seed, 1)
		at := webBegin
		mean := webSpan / time.Duration(max(count, 1))
		for range count {
			at = at.Add(r.step(mean))
			if r.percent(1) {
				fmt.Fprintf(w, "%s - - [%s] \"%s\" 400 150 \"-\" \"-\"\n", client(r), at.Format(clfTime), pick(r, []string{`\x16\x03\x01\x02\x00`, "-", "SSH-2.0-Go"}))
				continue
			}
			referer := pick(r, []string{"-", "-", "https://www.example.com/", "https://shop.example.com/cart", "https://search.example.net/?q=caf%C3%A9"})
			fmt.Fprintf(w, "%s - - [%s] \"%s %s HTTP/1.1\" %d %d \"%s\" \"%s\"\n", client(r), at.Format(clfTime),
				pick(r, []string{"GET", "GET", "GET", "POST", "HEAD"}), path(r), status(r), r.between(0, 60_000), referer, pick(r, agents))
		}
	}
}

// pingLines writes that many health checks in the common format. Two probes often ask in the same
// second, and their lines are then the same to the last byte: the hard case for generated document
// ids.
func pingLines(seed uint64, count int) func(io.Writer) {
	return func(w io.Writer) {
		r := newRandom(seed, 2)
		at := webBegin.Add(2 * time.Second)
		for range count {
			fmt.Fprintf(w, "10.1.8.10 - - [%s] \"GET /ping HTTP/1.1\" 200 68\n", at.Format(clfTime))
			if !r.percent(20) {
				at = at.Add(pingEvery)
			}
		}
	}
}
