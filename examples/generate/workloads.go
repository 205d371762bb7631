package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// workloads are those of the cluster. Each field of the JSON ones has one type throughout, as
// Elasticsearch wants it.
func workloads() []workload {
	return []workload{
		{"shop", "checkout", "checkout", sayCheckout},
		{"shop", "catalogue", "catalogue", sayCatalogue},
		{"billing", "invoices", "invoices", sayInvoices},
		{"ingress-nginx", "ingress-nginx-controller", "controller", sayIngress},
		{"kube-system", "coredns", "coredns", sayCoreDNS},
		{"monitoring", "metrics-agent", "agent", sayMetricsAgent},
		{"data", "importer", "importer", sayImporter},
		{"data", "scheduler", "scheduler", sayScheduler},
	}
}

// jsonLine renders a JSON log line; the struct's order is the line's.
func jsonLine(fields any) string {
	var line strings.Builder
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(fields); err != nil {
		panic(err) // a struct of strings and numbers always encodes
	}
	return strings.TrimSuffix(line.String(), "\n")
}

// decimal writes a number of thousandths, hundredths and so on, always with its digits behind the
// point.
func decimal(units, digits int) json.RawMessage {
	scale := 1
	for range digits {
		scale *= 10
	}
	return fmt.Appendf(nil, "%d.%0*d", units/scale, digits, units%scale)
}

func level(r random) string {
	switch n := r.IntN(100); {
	case n < 2:
		return "error"
	case n < 9:
		return "warn"
	case n < 30:
		return "debug"
	}
	return "info"
}

// sayCheckout is a service that logs JSON, errors to standard error.
func sayCheckout(r random, at time.Time) entry {
	messages := map[string][]string{
		"debug": {"cache hit", "connection reused", "basket loaded"},
		"info":  {"order placed", "payment authorised", "basket updated", "stock reserved"},
		"warn":  {"payment provider is slow", "stock is low", "retrying the reservation"},
		"error": {"payment refused", "reservation failed: deadline exceeded"},
	}
	severity := level(r)
	line := jsonLine(struct {
		Level      string          `json:"level"`
		Timestamp  string          `json:"ts"`
		Caller     string          `json:"caller"`
		Message    string          `json:"msg"`
		OrderID    string          `json:"order_id"`
		Amount     json.RawMessage `json:"amount"`
		Currency   string          `json:"currency"`
		DurationMS json.RawMessage `json:"duration_ms"`
		TraceID    string          `json:"trace_id"`
	}{
		severity, at.Format(time.RFC3339Nano), fmt.Sprintf("checkout/handler.go:%d", r.between(40, 400)),
		pick(r, messages[severity]), r.text(hexDigits, 12), decimal(r.between(199, 49_999), 2),
		pick(r, []string{"EUR", "SEK", "JPY"}), decimal(r.between(300, 900_000), 3), r.text(hexDigits, 32),
	})
	if severity == "error" {
		return stderr(line)
	}
	return stdout(line)
}

// sayCatalogue logs JSON with words in many scripts, nested objects, and now and then a line too
// long for the runtime.
func sayCatalogue(r random, at time.Time) entry {
	products := []string{"Käsespätzle", "Crème brûlée", "寿司の盛り合わせ", "Смородиновый чай", "ชาเย็น", "☕ dark roast", "Ærter", "खीर", "🍜 ramen"}
	query := pick(r, products)
	line := jsonLine(struct {
		Level     string `json:"level"`
		Timestamp string `json:"ts"`
		Message   string `json:"msg"`
		Query     string `json:"query"`
		Hits      int    `json:"hits"`
		HTTP      struct {
			Method string `json:"method"`
			Path   string `json:"path"`
			Status int    `json:"status"`
		} `json:"http"`
	}{
		level(r), at.Format(time.RFC3339Nano), "search for \"" + query + "\"", query, r.between(0, 240),
		struct {
			Method string `json:"method"`
			Path   string `json:"path"`
			Status int    `json:"status"`
		}{"GET", "/api/v2/search", pick(r, []int{200, 200, 200, 304, 404})},
	})
	if at.Nanosecond()%400 == 0 { // about one in 400 lines
		return stdout("catalogue dump: " + strings.Repeat(strings.Join(products, ", ")+"; ", 110))
	}
	return stdout(line)
}

// sayIngress is nginx in front of the cluster: its own access format, with the upstream's part.
func sayIngress(r random, at time.Time) entry {
	if r.percent(2) {
		return stderr(fmt.Sprintf(`%s [error] 31#31: *%d upstream timed out (110: Operation timed out) while reading response header from upstream, client: %s, server: shop.example.com, request: "POST /checkout HTTP/2.0", upstream: "http://10.244.%d.%d:8080/checkout"`,
			at.Format("2006/01/02 15:04:05"), r.between(1000, 999_999), client(r), r.between(0, 7), r.between(2, 250)))
	}
	took := float64(r.between(1, 2400)) / 1000
	return stdout(fmt.Sprintf(`%s - - [%s] "%s %s HTTP/2.0" %d %d "-" "%s" %d %.3f [shop-%s-80] [] 10.244.%d.%d:8080 %d %.3f 200 %s`,
		client(r), at.Format("02/Jan/2006:15:04:05 -0700"), pick(r, []string{"GET", "GET", "POST"}), path(r), status(r), r.between(120, 90_000),
		pick(r, agents), r.between(90, 1200), took, pick(r, []string{"checkout", "catalogue"}), r.between(0, 7), r.between(2, 250),
		r.between(120, 90_000), took, r.text(hexDigits, 32)))
}

func sayCoreDNS(r random, at time.Time) entry {
	names := []string{"checkout.shop.svc.cluster.local.", "api.example.com.", "elasticsearch.logging.svc.cluster.local.", "db.billing.svc.cluster.local.", "mirror.example.org."}
	if r.percent(3) {
		return stdout(fmt.Sprintf(`[ERROR] plugin/errors: 2 %s A: read udp 10.244.0.%d:%d->10.96.0.10:53: i/o timeout`, pick(r, names), r.between(2, 20), r.between(32768, 60999)))
	}
	return stdout(fmt.Sprintf(`[INFO] 10.244.%d.%d:%d - %d "%s IN %s udp %d false 512" %s qr,aa,rd %d 0.%09ds`,
		r.between(0, 7), r.between(2, 250), r.between(32768, 60999), r.between(1, 65535), pick(r, []string{"A", "AAAA"}), pick(r, names),
		r.between(40, 72), pick(r, []string{"NOERROR", "NOERROR", "NXDOMAIN"}), r.between(90, 220), r.between(90_000, 4_000_000)))
}

func sayMetricsAgent(r random, at time.Time) entry {
	severity := level(r)
	return stderr(fmt.Sprintf(`ts=%s caller=scrape.go:%d level=%s component="scrape manager" target=http://10.244.%d.%d:9100/metrics msg="%s" samples=%d duration=%dms`,
		at.Format("2006-01-02T15:04:05.000Z"), r.between(80, 1400), severity, r.between(0, 7), r.between(2, 250),
		pick(r, []string{"scrape done", "append failed, out of order sample", "target is up", "tab\there"}), r.between(12, 4000), r.between(1, 900)))
}
