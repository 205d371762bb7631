// Command node measures the node agent of deploy/kubernetes, its own files with all filters, at a steady number of records a second:
// what docs/sizing.md is checked against. The API server is played, the sink is that of test/bench, and ten containers write.
//
//	go run ./test/bench/node -plugin ./out_es.so -rate 1000
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

const (
	configuration = "deploy/kubernetes/base/agent/fluent-bit.yaml"
	warmUp        = 15 * time.Second // Fluent Bit asks the API server, and the plugin gives back what its start took
	measured      = 25 * time.Second
	tick          = 100 * time.Millisecond
)

func main() {
	plugin := flag.String("plugin", "./out_es.so", "the shared object")
	program := flag.String("fluent-bit", "fluent-bit", "the agent's program")
	rate := flag.Int("rate", 1000, "records a second")
	flag.Parse()
	if err := run(*program, *plugin, *rate); err != nil {
		fmt.Fprintln(os.Stderr, "node:", err)
		os.Exit(1)
	}
}

func run(program, plugin string, rate int) error {
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
	containers, err := newContainers(filepath.Join(folder, "containers"), rate)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	agent, err := start(ctx, program, plugin, folder, []string{"KUBE_URL=" + api.URL, "ES_HOSTS=http://" + server.Address()})
	if err != nil {
		return err
	}
	if err := containers.writeFor(warmUp, func() error { return nil }); err != nil {
		return err
	}
	before, sent, began := agent.cpu(), server.Count().Documents, time.Now()
	err = containers.writeFor(measured, agent.sample)
	took, used, count := time.Since(began), agent.cpu()-before, server.Count()
	documents := count.Documents - sent
	if err == nil && documents == 0 {
		err = errors.New("no documents came")
	}
	if err != nil {
		return fmt.Errorf("%w; the end of the agent's log:\n%s", err, agent.log.Tail(20))
	}
	fmt.Printf("%d records a second, %d bytes each as documents: CPU %.1f %% of a core, %.1f µs a record; resident %.1f MB, at most %.1f\n", rate,
		count.Body/int64(count.Documents), 100*used.Seconds()/took.Seconds(), used.Seconds()*1e6/float64(documents), agent.mean(), float64(agent.most)/1e6)
	return nil
}

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
		"KUBE_TOKEN_FILE="+token, "KUBE_CA_FILE="+token, "DATA_STREAM_NAMESPACE=default")
	a.cmd.Stdout, a.cmd.Stderr = &a.log, &a.log
	return a, a.cmd.Start()
}
