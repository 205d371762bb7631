// Package elasticsearch starts real servers for tests, from their jars on Maven Central: no
// installer, no container. Versions: Elasticsearch 9.5.3, 8.19.21 and 7.17.29, OpenSearch 3.8.0 and
// 2.19.1. They start in two to ten seconds, answer on 127.0.0.1 only, and end with the program that
// started them, even if it is killed. StartCluster joins several nodes to one cluster.
//
// docs/compatibility.md has the features of the embedded servers. All have HTTP, indices,
// templates, data streams, search and bulk; with Options.Security those of SecuredVersion have TLS,
// users and roles, too. Elasticsearch 8 and 9 have no GET / and no native zstd library: an index
// with the codec best_compression is created and then never accepts a document. logsdb wants
// "index.codec": "default".
//
// It needs a JDK (21 or newer, for some servers 17), and Maven the first time. Unix only.
package elasticsearch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// startPatience bounds a node's start, which takes seconds; on a machine where everything is slow,
// a minute.
const startPatience = 2 * time.Minute

// Server is an Elasticsearch to test against: one that Start started, or the one that ES_URL names.
// Its Client's methods are its own. Safe for concurrent use.
type Server struct {
	*Client
	options   Options
	ours      bool // Start started it
	temporary bool // DataDir is ours to remove
	admin     string
	// securityIndex holds users and roles.
	securityIndex string
	ended         <-chan struct{}

	mu      sync.Mutex
	process *process // nil when it isn't ours, or has been stopped or killed
}

// Use returns the server that ES_URL names, which Stop leaves alone, or starts one if ES_URL isn't
// set. Possible errors: those of Start; ES_URL names nothing that answers, or refuses us.
func Use(ctx context.Context, options Options) (*Server, error) {
	address := os.Getenv("ES_URL")
	if address == "" {
		return Start(ctx, options)
	}
	client, err := Connect(address)
	if err != nil {
		return nil, fmt.Errorf("elasticsearch: ES_URL: %w", err)
	}
	_, err = client.Do(ctx, http.MethodGet, "/_cluster/health", nil)
	var status *StatusError
	if errors.As(err, &status) && status.Status != http.StatusUnauthorized && status.Status != http.StatusForbidden {
		err = nil // it answers; some offerings have no cluster to ask about
	}
	if err != nil {
		return nil, fmt.Errorf("%w; that is where ES_URL points: correct it, or unset it to have a server started", err)
	}
	return &Server{Client: client, options: options.resolved()}, nil
}

// Start starts a server and returns when it answers and takes writes, with the data of an earlier
// run if DataDir has some. The context bounds the start only: the server runs until Stop, Kill or
// the end of this program.
//
// Possible errors: a *MissingToolError; a version this package doesn't know; the jars can't be
// fetched; the port is taken; the node doesn't start, with the end of its log.
func Start(ctx context.Context, options Options) (*Server, error) {
	options = options.resolved()
	d, err := findDistribution(options.Version, options.Security != nil)
	if err != nil {
		return nil, err
	}
	java, err := hostJDKs().find(d.minJava)
	if err != nil {
		return nil, err
	}
	home, err := homeFolder(d)
	if err != nil {
		return nil, err
	}
	if err := prepare(ctx, d, java, home, options.Progress); err != nil {
		return nil, err
	}
	archive := classArchive(ctx, d, java, home, options)
	options.Version = d.version
	return start(ctx, node{distribution: d, java: java, home: home, classes: archive}, options)
}

// Missing returns a *MissingToolError for each program that Start would miss; none when ES_URL is
// set. An unknown version is an error among them.
func Missing(options Options) []error {
	if os.Getenv("ES_URL") != "" {
		return nil
	}
	d, err := findDistribution(options.resolved().Version, options.Security != nil)
	if err != nil {
		return []error{err}
	}
	var missing []error
	if _, err := hostJDKs().find(d.minJava); err != nil {
		missing = append(missing, err)
	}
	if home, err := homeFolder(d); err != nil {
		missing = append(missing, err)
	} else if !isPrepared(home) {
		if _, err := findMaven(); err != nil {
			missing = append(missing, err)
		}
	}
	return missing
}

// node is a distribution that lies ready on this machine.
type node struct {
	distribution distribution
	java         jdk
	home         string
	classes      []string // JVM arguments about the class archive
}

// arguments are the JVM's and the launcher's, in order.
func (n node) arguments(options Options, dataDir string, temporary bool) ([]string, error) {
	jvm, err := jvmArguments(n.home, n.java)
	if err != nil {
		return nil, err
	}
	arguments := append([]string{
		"-Xmx" + options.Heap,
		"-XX:+UseSerialGC",        // few cores, small heap
		"-XX:TieredStopAtLevel=1", // halves the CPU time of a start; Options.JVM can say 4
		"-Xlog:disable",           // no warnings about the class archive
		"-XX:-UsePerfData",        // leaves files in the temporary folder
		"-Djava.io.tmpdir=" + filepath.Join(dataDir, "tmp"),
	}, n.classes...)
	arguments = append(arguments, jvm...)
	if temporary {
		arguments = append(arguments, "-Dout_es.temporary="+dataDir)
	}
	config := filepath.Join(dataDir, "config")
	arguments = append(arguments, "-Dout_es.config="+config)
	arguments = append(arguments, options.JVM...)
	arguments = append(arguments, filepath.Join(n.home, "Node.java"))
	var security map[string]string
	if secured := n.distribution.secured; secured != nil {
		if security, err = secured.configure(config, n.home, options.Security); err != nil {
			return nil, fmt.Errorf("elasticsearch: the configuration of its security: %w", err)
		}
	}
	return append(arguments, options.settings(n.home, dataDir, security)...), nil
}

// start runs a prepared node and waits until it is of use.
func start(ctx context.Context, n node, options Options) (*Server, error) {
	if err := options.checkPort(); err != nil {
		return nil, err
	}
	dataDir, temporary, err := options.dataFolder()
	if err != nil {
		return nil, err
	}
	server := &Server{options: options, ours: true, temporary: temporary}
	server.admin, server.securityIndex = n.distribution.users()
	server.options.DataDir = dataDir
	arguments, err := n.arguments(options, dataDir, temporary)
	if err == nil {
		server.process, err = startJVM(n.java.java(), dataDir, arguments, options.Log)
	}
	if err == nil {
		server.ended = server.process.done
		err = server.awaitReady(ctx)
	}
	if err != nil {
		server.Kill()
		return nil, err
	}
	return server, nil
}

// connect returns a client of the node, as its admin where it has security.
func (s *Server) connect(address string) (*Client, error) {
	security := s.options.Security
	if security == nil {
		return Connect("http://" + address)
	}
	client, err := Connect("https://" + address)
	if err != nil {
		return nil, err
	}
	return client.trusting(security.Authority).As(s.admin, security.Password), nil
}

// awaitReady waits for the launcher's word that HTTP answers, and then until every primary shard
// takes writes.
func (s *Server) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	select {
	case address := <-s.process.address:
		client, err := s.connect(address)
		if err != nil {
			return err
		}
		s.Client = client
		s.options.Port = client.port()
	case <-s.process.done:
		return fmt.Errorf("elasticsearch: the node ended before it answered (%v); its last lines:\n%s", s.process.err, s.process.journal.tail(30))
	case <-ctx.Done():
		return fmt.Errorf("elasticsearch: the node did not answer (%w); its last lines:\n%s", ctx.Err(), s.process.journal.tail(30))
	}
	if err := s.awaitSecurity(ctx); err != nil {
		return fmt.Errorf("elasticsearch: the node answers but knows no users: %w; its last lines:\n%s", err, s.process.journal.tail(30))
	}
	if _, err := s.Do(ctx, http.MethodGet, "/_cluster/health?wait_for_status=yellow&timeout=60s", nil); err != nil {
		return fmt.Errorf("elasticsearch: the node answers but does not take writes: %w; its last lines:\n%s", err, s.process.journal.tail(30))
	}
	return nil
}

// Options are those the server was started with, DataDir and Port filled in: after Stop or Kill,
// Start(ctx, s.Options()) is the same server again, with its data unless the folder was a temporary
// one.
func (s *Server) Options() Options { return s.options }

// Ended returns a channel that is closed when the process has ended, for whatever reason. It is
// nil, and so blocks for ever, for a server that isn't ours.
func (s *Server) Ended() <-chan struct{} { return s.ended }

// PID is the server's process id, or 0 when it isn't running or isn't ours.
func (s *Server) PID() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return 0
	}
	return s.process.cmd.Process.Pid
}

// LogTail returns the last n lines of the node's log; nothing when it isn't running or isn't ours.
func (s *Server) LogTail(n int) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return ""
	}
	return s.process.journal.tail(n)
}

// Stop closes the server in good order and waits for its end; a second Stop, or one of a server
// that isn't ours, does nothing. Possible errors: it did not close, or had died before, with the
// end of its log.
func (s *Server) Stop() error { return s.end((*process).stop) }

// Kill ends the server as a power cut would (SIGKILL) and waits for its end. Of a server that isn't
// ours it is an error.
func (s *Server) Kill() error {
	if !s.ours {
		return fmt.Errorf("elasticsearch: %s was not started by us and is not killed", s.RedactedURL())
	}
	return s.end((*process).kill)
}

func (s *Server) end(how func(*process) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	if s.process != nil {
		err = how(s.process)
		s.process = nil
	}
	if s.temporary {
		err = errors.Join(err, os.RemoveAll(s.options.DataDir))
	}
	return err
}
