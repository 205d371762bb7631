package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"out_es/test/elasticsearch"
)

// report prints the numbers of records and documents, and the indices, and shows one document of
// each kind in full.
func report(ctx context.Context, out io.Writer, found documents, expected int, took time.Duration) error {
	counts, err := found.client.Indices(ctx, found.pattern())
	if err != nil {
		return err
	}
	stored := 0
	for _, count := range counts {
		stored += count
	}
	fmt.Fprintf(out, "\n%s records went in, %s documents are in Elasticsearch, %.0f s in all:\n\n", thousands(expected), thousands(stored), took.Seconds())
	indices := slices.Sorted(maps.Keys(counts))
	width := 0
	for _, index := range indices {
		width = max(width, len(index))
	}
	for _, index := range indices {
		fmt.Fprintf(out, "  %-*s %9s\n", width, index, thousands(counts[index]))
	}
	documents, err := found.samples(ctx)
	if err != nil {
		return err
	}
	for _, document := range documents {
		shown, err := pretty(document)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "\nOne of %s in full:\n\n%s\n", document.Index, shown)
	}
	return nil
}

// pretty renders a document indented, its fields in the order and spelling they were sent in.
func pretty(d elasticsearch.Document) (string, error) {
	index, id := strconv.Quote(d.Index), strconv.Quote(d.ID)
	var shown bytes.Buffer
	whole := fmt.Appendf(nil, `{"_index":%s,"_id":%s,"_source":%s}`, index, id, d.Source)
	if err := json.Indent(&shown, whole, "", "  "); err != nil {
		return "", fmt.Errorf("document %s of %s is not JSON: %w", d.ID, d.Index, err)
	}
	return shown.String(), nil
}

// explainKept names the addresses to try while everything is left up.
func explainKept(out io.Writer, server *elasticsearch.Server, a *agent, found documents, state string) {
	url := server.RedactedURL()
	fmt.Fprintf(out, "\nEverything stays up until Ctrl-C (KEEP is set). Try:\n\n")
	fmt.Fprintf(out, "  curl -s '%s/_cat/indices/%s?v&h=index,docs.count,store.size'\n", url, found.pattern())
	fmt.Fprintf(out, "  curl -s '%s/%s/_search?q=level:error&size=3&pretty'\n", url, found.containers())
	fmt.Fprintf(out, "  curl -s '%s/%s/_count?q=code:404&pretty'\n", url, found.web())
	if a.metrics != "" {
		fmt.Fprintf(out, "  curl -s '%s%s' | grep es_go\n", a.metrics, metricsPath)
		fmt.Fprintf(out, "  curl -s '%s/api/v1/health'\n", a.metrics)
	}
	fmt.Fprintf(out, "\nLogs: %s, %s\n", filepath.Join(state, agentLog), filepath.Join(state, elasticsearchLog))
}

// thousands writes 12345 as 12,345.
func thousands(n int) string {
	digits := strconv.Itoa(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
