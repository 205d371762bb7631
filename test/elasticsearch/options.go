package elasticsearch

import (
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// Options say which server to start and how. The zero value is the default version on a free port,
// with its data in a temporary folder.
type Options struct {
	Version  string            // one of Versions; empty: ES_VERSION, else DefaultVersion
	DataDir  string            // empty: a temporary folder, removed by Stop and by Kill
	Port     int               // of HTTP on 127.0.0.1; 0: a free one
	Heap     string            // as in -Xmx, "512m" or "1g"; empty: DefaultHeap
	Settings map[string]string // Elasticsearch's own, such as "http.max_content_length": "1mb"; they win over ours; an empty one takes ours away
	Security *Security         // nil: none. Else the server of SecuredVersion, with TLS and one user
	JVM      []string          // further arguments of the JVM, last and so winning over ours
	Log      io.Writer         // gets the node's log; nil: only its end is kept, for error messages
	Progress io.Writer         // gets a line for each step that takes a while; nil: none
}

// DefaultHeap is enough for a few hundred thousand small documents.
const DefaultHeap = "512m"

// resolved fills empty fields, except DataDir and Port.
func (o Options) resolved() Options {
	if o.Version == "" {
		o.Version = os.Getenv("ES_VERSION")
	}
	if o.Version == "" {
		o.Version = DefaultVersion
	}
	if o.Heap == "" {
		o.Heap = DefaultHeap
	}
	if o.Progress == nil {
		o.Progress = io.Discard
	}
	return o
}

// dataFolder returns DataDir as an absolute path that exists, or a new temporary folder. It holds
// data/, logs/, config/ and tmp/.
func (o Options) dataFolder() (dir string, temporary bool, err error) {
	temporary = o.DataDir == ""
	if temporary {
		dir, err = os.MkdirTemp("", "out_es-elasticsearch-")
	} else {
		dir, err = filepath.Abs(o.DataDir)
	}
	for _, folder := range []string{"tmp", "config"} {
		if err == nil {
			err = os.MkdirAll(filepath.Join(dir, folder), 0o755)
		}
	}
	if err != nil {
		return "", false, fmt.Errorf("elasticsearch: a folder for its data: %w", err)
	}
	return dir, temporary, nil
}

// checkPort says plainly that a port is taken, which the node would say in fifty lines.
func (o Options) checkPort() error {
	if o.Port == 0 {
		return nil
	}
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(o.Port)))
	if err != nil {
		return fmt.Errorf("elasticsearch: port %d can't be had (%w); choose another, or 0 for a free one", o.Port, err)
	}
	return listener.Close()
}

// settings are the node's, as the launcher takes them: key=value, sorted. security are those of a
// server with security.
func (o Options) settings(home, dataDir string, security map[string]string) []string {
	all := map[string]string{
		"path.home":      home,
		"path.data":      filepath.Join(dataDir, "data"),
		"path.logs":      filepath.Join(dataDir, "logs"),
		"cluster.name":   "out_es-test",
		"node.name":      "out_es-test",
		"discovery.type": "single-node",
		"network.host":   "127.0.0.1",
		"http.port":      strconv.Itoa(o.Port),
		"transport.port": "0",
		// A developer's disk is often fuller than a server's may be, and tests delete by wildcard.
		"cluster.routing.allocation.disk.threshold_enabled": "false",
		"action.destructive_requires_name":                  "false",
		// The collector runs late in a small heap: garbage would count, and end requests with 429.
		"indices.breaker.total.use_real_memory": "false",
		// Elasticsearch lifts the flood-stage block of a test whenever it looks at disks.
		"cluster.info.update.interval": "1h",
	}
	maps.Copy(all, security)
	maps.Copy(all, o.Settings)
	var arguments []string
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if all[key] != "" {
			arguments = append(arguments, key+"="+all[key])
		}
	}
	return arguments
}
