// Package e2e holds the shared parts of the end-to-end tests. They run the plugin for real, in
// Fluent Bit and in our own host, against the real Elasticsearch, and are divided by subject:
//
//   - agents: the real Fluent Bit from start to end, and agents and servers that are killed
//   - delivery: retries and faults, the C ABI, clusters of several nodes
//   - documents: the documents in Elasticsearch, and their indices
//   - security: TLS, credentials, proxies, and secrets in logs
//   - spool: chunks on disk
//   - tool: out-es, beside agents and before Elasticsearch
//
// A package has one Elasticsearch, which starts with the first test that asks for it.
package e2e

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"out_es/test/elasticsearch"
	"out_es/test/support"
)

// plugin is the shared object under test, shared the Elasticsearch of all tests of a package.
var (
	plugin string
	shared struct {
		once   sync.Once
		server *elasticsearch.Server
		err    error
	}
)

// Main runs a package's tests: its TestMain. It ends the program.
func Main(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (int, error) {
	dir, err := os.MkdirTemp("", "out_es-e2e-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	if plugin, err = build(dir); err != nil {
		return 1, err
	}
	code := m.Run()
	if shared.server != nil {
		err = shared.server.Stop()
	}
	return code, errors.Join(err, stopSecured())
}

// Plugin is the path of the shared object under test.
func Plugin() string { return plugin }

// build returns the plugin that OUT_ES_SO names, or makes one.
func build(dir string) (string, error) {
	if made := os.Getenv("OUT_ES_SO"); made != "" {
		return filepath.Abs(made)
	}
	made := filepath.Join(dir, "out_es.so")
	command := exec.Command("go", "build", "-buildmode=c-shared", "-o", made, "out_es")
	if output, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the plugin: %w\n%s", err, output)
	}
	return made, nil
}

// Cluster returns the package's Elasticsearch, which the first call starts. It skips the test on a
// machine that can't run one.
func Cluster(t *testing.T) *elasticsearch.Server {
	t.Helper()
	shared.once.Do(func() {
		shared.server, shared.err = elasticsearch.Use(context.Background(), elasticsearch.Options{Progress: os.Stderr})
	})
	SkipMissing(t, shared.err)
	return shared.server
}

// SkipMissing skips the test if a tool is missing, and fails it for any other error.
func SkipMissing(t *testing.T, err error) {
	t.Helper()
	var missing *elasticsearch.MissingToolError
	if errors.As(err, &missing) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// FreshIndex is an index name of this test alone, which its end deletes.
func FreshIndex(t *testing.T, s *elasticsearch.Server) string {
	t.Helper()
	name := strings.ToLower(fmt.Sprintf("%s-%d", strings.NewReplacer("/", "-", "_", "-", "#", "").Replace(t.Name()), time.Now().UnixNano()))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		_ = s.DeleteIndex(ctx, name+"*")
	})
	return name
}

// EventuallyCount waits until an index holds at least so many documents, and fails the test unless
// it holds that number.
func EventuallyCount(t *testing.T, s *elasticsearch.Server, index string, want int) {
	t.Helper()
	if got := AwaitCount(t, s, index+"*", want); got != want {
		t.Fatalf("%s has %d documents, want %d", index, got, want)
	}
}

// AwaitCount waits until indices hold at least so many documents, or no more come, and returns how
// many they hold; -1: Elasticsearch doesn't tell.
func AwaitCount(t *testing.T, s *elasticsearch.Server, indices string, want int) int {
	return support.AwaitCount(want, func() int { return Count(t, s, indices) })
}

// Count is the number of documents that indices hold, -1 if Elasticsearch doesn't tell.
func Count(t *testing.T, s *elasticsearch.Server, indices string) int {
	_ = s.Refresh(t.Context(), indices)
	n, err := s.Count(t.Context(), indices)
	if err != nil {
		return -1
	}
	return n
}

// Documents are all sources of an index, by the number in their field n. A number that occurs twice
// fails the test.
func Documents(t *testing.T, s *elasticsearch.Server, index string) map[int]map[string]any {
	t.Helper()
	if err := s.Refresh(t.Context(), index+"*"); err != nil {
		t.Fatal(err)
	}
	all := map[int]map[string]any{}
	err := s.Documents(t.Context(), index+"*", func(d elasticsearch.Document) error {
		source, err := Decode(d.Source)
		if err != nil {
			return err
		}
		n := NumberOf(source)
		if _, twice := all[n]; twice {
			return fmt.Errorf("record %d is there twice", n)
		}
		all[n] = source
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Family is the folder of deploy/templates for the server under test, which also determines the few
// differences that tests depend on.
func Family(t *testing.T, s *elasticsearch.Server) string {
	t.Helper()
	switch version := s.Options().Version; {
	case strings.HasPrefix(version, "9."), strings.HasPrefix(version, "8."):
		return "elasticsearch"
	case strings.HasPrefix(version, "7."):
		return "elasticsearch7"
	case strings.HasPrefix(version, "3."), strings.HasPrefix(version, "2."):
		return "opensearch"
	default:
		t.Fatalf("%s is of no family that tests know", version)
		return ""
	}
}

// ParsingError is the type of error for a value that its field can't hold:
// Elasticsearch 8 and 9 have another name for it than 7.17.
func ParsingError(t *testing.T, s *elasticsearch.Server) string {
	t.Helper()
	if Family(t, s) == "elasticsearch" {
		return "document_parsing_exception"
	}
	return "mapper_parsing_exception"
}

// NewestServer reports whether the tests run with Elasticsearch 9, for checks that older ones can't
// pass: it accepts a list of 1 and 2.5 in a field without a mapping
// (TestMatrixMixedNumbersInAList).
func NewestServer() bool { return strings.HasPrefix(serverVersion(), "9.") }

// RecentServer reports whether the tests run with Elasticsearch 8 or 9.
func RecentServer() bool { return NewestServer() || strings.HasPrefix(serverVersion(), "8.") }

func serverVersion() string { return cmp.Or(os.Getenv("ES_VERSION"), elasticsearch.DefaultVersion) }

// MappingsFor replaces types of Elasticsearch 9 that the server names differently, or lacks.
func MappingsFor(t *testing.T, s *elasticsearch.Server, mappings string) string {
	t.Helper()
	switch Family(t, s) {
	case "opensearch":
		return strings.NewReplacer(`"flattened"`, `"flat_object"`, `"dense_vector","dims":3`, `"float"`).Replace(mappings)
	case "elasticsearch7":
		return strings.ReplaceAll(mappings, `"dense_vector","dims":3`, `"float"`)
	}
	return mappings
}
