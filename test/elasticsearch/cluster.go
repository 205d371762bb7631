package elasticsearch

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"out_es/test/support"
)

// Cluster is several real nodes of one cluster, each a process of its own. Methods that name a node
// count from 0.
type Cluster struct {
	dir   string // holds a data folder for each node
	nodes []*Server
}

// StartCluster starts so many nodes and returns when all have found each other. Options.DataDir and
// Port are ours to choose. The context bounds the start only.
//
// Possible errors: those of Start.
func StartCluster(ctx context.Context, size int, options Options) (*Cluster, error) {
	dir, err := os.MkdirTemp("", "out_es-cluster-")
	if err != nil {
		return nil, fmt.Errorf("elasticsearch: a folder for the cluster: %w", err)
	}
	c := &Cluster{dir: dir, nodes: make([]*Server, size)}
	ports, err := support.FreePorts(size)
	if err == nil {
		err = c.startAll(ctx, ports, options)
	}
	if err == nil {
		err = c.AwaitAll(ctx)
	}
	if err != nil {
		_ = c.Stop()
		return nil, err
	}
	return c, nil
}

// startAll starts the nodes at once, since none answers before most are there.
func (c *Cluster) startAll(ctx context.Context, ports []int, options Options) error {
	var names, seeds []string
	for i, port := range ports {
		names = append(names, nodeName(i))
		seeds = append(seeds, net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	}
	failures := make([]error, len(ports))
	var all sync.WaitGroup
	for i := range ports {
		o := options
		o.DataDir, o.Port = filepath.Join(c.dir, nodeName(i)), 0
		o.Settings = map[string]string{
			"discovery.type":               "",
			"discovery.seed_hosts":         strings.Join(seeds, ","),
			"cluster.initial_master_nodes": strings.Join(names, ","),
			"node.name":                    nodeName(i),
			"transport.port":               strconv.Itoa(ports[i]),
		}
		maps.Copy(o.Settings, options.Settings)
		all.Go(func() { c.nodes[i], failures[i] = Start(ctx, o) })
	}
	all.Wait()
	return errors.Join(failures...)
}

func nodeName(i int) string { return "node-" + strconv.Itoa(i) }

// AwaitAll waits until every node has joined and every shard has all its copies.
func (c *Cluster) AwaitAll(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	path := fmt.Sprintf("/_cluster/health?wait_for_nodes=%d&wait_for_status=green&timeout=100s", len(c.nodes))
	for _, node := range c.nodes {
		if _, err := node.Do(ctx, http.MethodGet, path, nil); err != nil {
			return fmt.Errorf("elasticsearch: the cluster is not whole: %w; the end of its log:\n%s", err, node.LogTail(10))
		}
	}
	return nil
}

// Node is one of them.
func (c *Cluster) Node(i int) *Server { return c.nodes[i] }

// URLs are the nodes' addresses, which survive Restart.
func (c *Cluster) URLs() []string {
	var urls []string
	for _, node := range c.nodes {
		urls = append(urls, node.URL())
	}
	return urls
}

// Kill ends one node as a power cut would.
func (c *Cluster) Kill(i int) error { return c.nodes[i].Kill() }

// Restart starts a node that was killed, with its data, at its address, and returns when it
// answers.
func (c *Cluster) Restart(ctx context.Context, i int) error {
	node, err := Start(ctx, c.nodes[i].Options())
	if err == nil {
		c.nodes[i] = node
	}
	return err
}

// Stop ends all nodes and removes their data.
func (c *Cluster) Stop() error {
	failures := make([]error, len(c.nodes))
	var all sync.WaitGroup
	for i, node := range c.nodes {
		if node != nil {
			all.Go(func() { failures[i] = node.Kill() }) // one that leaves in order waits for the others
		}
	}
	all.Wait()
	return errors.Join(append(failures, os.RemoveAll(c.dir))...)
}

// ClusterForTest is ForTest for a cluster: it skips the test where a tool is missing.
func ClusterForTest(t testing.TB, size int, options Options) *Cluster {
	t.Helper()
	cluster, err := StartCluster(t.Context(), size, options)
	var missing *MissingToolError
	if errors.As(err, &missing) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cluster.Stop(); err != nil {
			t.Error(err)
		}
	})
	return cluster
}
