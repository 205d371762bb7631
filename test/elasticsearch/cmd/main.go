// Command cmd runs the real Elasticsearch, or OpenSearch, until it is interrupted, for use in a
// shell:
//
//	go run ./test/elasticsearch/cmd -port 9200 -data /var/tmp/es
//
// It prints one line on standard output, ES_URL=http://127.0.0.1:9200, once the server takes
// writes.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"

	"out_es/test/elasticsearch"
	"out_es/test/elasticsearch/interrupt"
)

func main() {
	options := elasticsearch.Options{Progress: os.Stderr}
	flag.StringVar(&options.Version, "version", "", "one of "+strings.Join(elasticsearch.Versions(), ", ")+" (default: ES_VERSION, else the first)")
	flag.IntVar(&options.Port, "port", 0, "port of HTTP on 127.0.0.1 (default: a free one)")
	flag.StringVar(&options.DataDir, "data", "", "folder that keeps the data (default: a temporary one, removed at the end)")
	flag.StringVar(&options.Heap, "heap", elasticsearch.DefaultHeap, "heap of the JVM, as in -Xmx")
	log := flag.String("log", "", "file for the server's log, - for standard error (default: none)")
	flag.Parse()

	ctx, stop := interrupt.Context()
	defer stop()
	if err := run(ctx, options, *log); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run keeps the server up until the context ends.
func run(ctx context.Context, options elasticsearch.Options, log string) error {
	switch log {
	case "":
	case "-":
		options.Log = os.Stderr
	default:
		file, err := os.Create(log)
		if err != nil {
			return fmt.Errorf("the log file: %w", err)
		}
		defer file.Close()
		options.Log = file
	}
	server, err := elasticsearch.Start(ctx, options)
	if err != nil {
		return err
	}
	fmt.Printf("ES_URL=%s\n", server.URL())
	select {
	case <-ctx.Done():
	case <-server.Ended():
	}
	return server.Stop()
}
