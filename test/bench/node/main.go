// Command node measures the node agent of deploy/kubernetes, its own files with all filters, at a
// steady number of records a second, for docs/sizing.md. The API server is a stand-in, the sink is
// that of test/bench, and forty containers write: for a while, then while the sink is away, and
// until the sink has all records.
//
//	go run ./test/bench/node -plugin ./out_es.so -rate 1000
//
// A spool that is full by then is the case that the limit on memory is for:
//
//	go run ./test/bench/node -rate 10000 -containers 1 -spool 64M -outage 45s
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"out_es/test/bench/sink"
	"out_es/test/support"
)

const configuration = "deploy/kubernetes/base/agent/fluent-bit.yaml"

// The length of each phase. Before the first, Fluent Bit asks the API server, and the plugin
// returns the memory of its start.
const (
	warmUp = 10 * time.Second
	steady = 15 * time.Second
	tick   = 100 * time.Millisecond
)

func main() {
	plugin := flag.String("plugin", "./out_es.so", "the shared object")
	program := flag.String("fluent-bit", "fluent-bit", "the agent's program")
	var l load
	flag.IntVar(&l.rate, "rate", 1000, "records a second")
	flag.IntVar(&l.containers, "containers", 40, "containers that write them")
	flag.StringVar(&l.spool, "spool", "8G", "SPOOL_LIMIT")
	flag.DurationVar(&l.outage, "outage", 15*time.Second, "how long the sink is away")
	flag.Parse()
	if err := run(*program, *plugin, l); err != nil {
		fmt.Fprintln(os.Stderr, "node:", err)
		os.Exit(1)
	}
}

// load is what the agent has to bear.
type load struct {
	rate, containers int
	spool            string
	outage           time.Duration
}

func run(program, plugin string, l load) error {
	server, err := sink.Start(sink.Answers{})
	if err != nil {
		return err
	}
	defer server.Go()
	api := httptest.NewServer(http.HandlerFunc(describe))
	defer api.Close()
	folder, err := os.MkdirTemp("", "out_es-node-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	containers, err := newContainers(filepath.Join(folder, "containers"), l.containers, l.rate)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	agent, err := start(ctx, program, plugin, folder, []string{"KUBE_URL=" + api.URL, "ES_HOSTS=http://" + server.Address(), "SPOOL_LIMIT=" + l.spool})
	if err != nil {
		return err
	}
	if err := containers.writeFor(warmUp, agent.sample); err != nil {
		return fmt.Errorf("%w; the end of the agent's log:\n%s", err, agent.log.Tail(20))
	}
	for _, phase := range []struct {
		name   string
		before func()
		write  func() error
	}{
		{"steady", func() {}, func() error { return containers.writeFor(steady, agent.sample) }},
		{"outage", server.Go, func() error { return containers.writeFor(l.outage, agent.sample) }},
		{"drain", func() { err = server.Come() }, func() error {
			return containers.writeFor(time.Minute, func() error {
				if server.Count().Documents >= containers.lines-3*l.rate {
					return errDrained
				}
				return agent.sample()
			})
		}},
	} {
		began := agent.look(server)
		phase.before()
		agent.most, agent.anonymous = 0, 0
		if err = phase.write(); err != nil && !errors.Is(err, errDrained) {
			return fmt.Errorf("%s: %w; the end of the agent's log:\n%s", phase.name, err, agent.log.Tail(20))
		}
		fmt.Printf("%6d records/s, %s: %s\n", l.rate, phase.name, agent.since(began, agent.look(server)))
	}
	return nil
}

// errDrained ends the last phase: all but the records of the last three seconds have come.
var errDrained = errors.New("all has come")

// start runs the agent as its DaemonSet does, with these variables besides.
func start(ctx context.Context, program, plugin, folder string, environment []string) (*agent, error) {
	ports, err := support.FreePorts(2)
	if err != nil {
		return nil, err
	}
	token := filepath.Join(folder, "token")
	if err := os.WriteFile(token, []byte("token"), 0o600); err != nil {
		return nil, err
	}
	a := &agent{}
	a.cmd = exec.CommandContext(ctx, program, "-e", plugin, "-c", configuration)
	a.cmd.Env = append(append(os.Environ(), environment...), "LISTEN=127.0.0.1", fmt.Sprint("HTTP_PORT=", ports[0]), fmt.Sprint("EXPORTER_PORT=", ports[1]),
		"HOST_LOG="+folder, "STATE_DIR="+folder, "JOURNAL_PATH="+folder, "JOURNAL_FROM_TAIL=on", "NODE_NAME=node-1", "POD_NAMESPACE=monitoring",
		"KUBE_TOKEN_FILE="+token, "KUBE_CA_FILE="+token, "DATA_STREAM_NAMESPACE=default", "SPOOL_LIMIT_NODE=1G")
	a.cmd.Stdout, a.cmd.Stderr = &a.log, &a.log
	return a, a.cmd.Start()
}
