// Command run shows the plugin at work, end to end. `make run` calls it:
//
//	go run ./test/run -plugin ./out_es.so
//
// It starts the real Elasticsearch (unless ES_URL names one), runs Fluent Bit with
// examples/fluent-bit.conf and the plugin over the sample logs, waits until every record is a
// document, reports the indices, and stops all that it started. KEEP=1 leaves everything up until
// Ctrl-C. FLUENT_BIT names another fluent-bit than the one on PATH; without any, the official image
// takes its place if a Docker engine answers, else the project's own host, test/host, with recorded
// records.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"out_es/test/elasticsearch"
	"out_es/test/elasticsearch/interrupt"
)

// settings are from the command line and the environment.
type settings struct {
	plugin   string        // path of the shared object
	conf     string        // Fluent Bit's configuration, classic or YAML
	examples string        // folder that holds logs/, EXAMPLES_DIR to the configuration
	patience time.Duration // time without progress after which the run has failed
	keep     bool
	out      io.Writer
}

func main() {
	var s settings
	flag.StringVar(&s.plugin, "plugin", "./out_es.so", "the plugin, as `make` builds it")
	flag.StringVar(&s.conf, "conf", filepath.Join("examples", "fluent-bit.conf"), "Fluent Bit's configuration")
	flag.StringVar(&s.examples, "examples", "examples", "folder with logs/containers and logs/web; examples/generate writes larger ones")
	flag.DurationVar(&s.patience, "patience", time.Minute, "give up when no new document appears for this long")
	flag.Parse()
	s.keep = os.Getenv("KEEP") != "" && os.Getenv("KEEP") != "0"
	s.out = os.Stdout

	ctx, stop := interrupt.Context()
	err := run(ctx, s)
	interrupted := ctx.Err() != nil
	stop()
	switch {
	case err == nil:
	case interrupted:
		fmt.Fprintln(os.Stderr, "Stopped.")
		os.Exit(130) // as a shell reports Ctrl-C
	default:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run starts everything, waits, reports, and stops all that it started, however it returns.
func run(ctx context.Context, s settings) (err error) {
	began := time.Now()
	if err := checkTools(&s); err != nil {
		return err
	}
	state, err := os.MkdirTemp("", "out_es-run-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(state)

	server, err := startElasticsearch(ctx, s, state)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()

	prefix := indexPrefix(began)
	agent, err := startAgent(ctx, s, state, server.URL(), prefix)
	if err != nil {
		return err
	}
	defer agent.kill()

	expected := agent.records
	if expected == 0 {
		if expected, err = countRecords(s.examples); err != nil {
			return err
		}
	}
	found := documents{client: server.Client, prefix: prefix}
	if err := watch(ctx, s, agent, found, expected); err != nil {
		return err
	}
	if err := report(ctx, s.out, found, expected, time.Since(began)); err != nil {
		return err
	}
	if agent.records > 0 {
		explainFluentBit(s.out)
	}
	if !s.keep {
		fmt.Fprintf(s.out, "\nKEEP=1 make run leaves everything up, and says how to look further.\n")
	}
	if s.keep {
		explainKept(s.out, server, agent, found, state)
		<-ctx.Done()
	}
	return nil
}

// startElasticsearch starts the embedded server with a log in the state folder, or takes the one
// ES_URL names.
func startElasticsearch(ctx context.Context, s settings, state string) (*elasticsearch.Server, error) {
	log, err := os.Create(filepath.Join(state, elasticsearchLog))
	if err != nil {
		return nil, err
	}
	began := time.Now()
	waiting := newWaiting(s.out, "starting Elasticsearch")
	server, err := elasticsearch.Use(ctx, elasticsearch.Options{Log: log, Progress: waiting})
	waiting.end()
	if err != nil {
		return nil, err
	}
	if server.PID() == 0 {
		fmt.Fprintf(s.out, "Elasticsearch at %s, as ES_URL says\n", server.RedactedURL())
	} else {
		fmt.Fprintf(s.out, "Elasticsearch %s at %s, started in %.1f s\n", server.Options().Version, server.URL(), time.Since(began).Seconds())
	}
	return server, nil
}

// indexPrefix is empty for a server of our own, which is new and empty. One that ES_URL names may
// hold an earlier run's documents, which must not be counted: there every run has indices of its
// own.
func indexPrefix(now time.Time) string {
	if os.Getenv("ES_URL") == "" {
		return ""
	}
	return "run-" + now.UTC().Format("20060102-150405.000") + "-"
}
