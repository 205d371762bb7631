// Package e2e runs the plugin for real: in Fluent Bit, in the host of our own,
// and against the real Elasticsearch.
package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"out_es/test/elasticsearch"
)

// plugin is the shared object under test; server the Elasticsearch that all
// tests share, nil where the machine can't run one, and why.
var (
	plugin    string
	server    *elasticsearch.Server
	serverErr error
)

func TestMain(m *testing.M) {
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
	server, serverErr = elasticsearch.Use(context.Background(), elasticsearch.Options{Progress: os.Stderr})
	var missing *elasticsearch.MissingToolError
	if serverErr != nil && !errors.As(serverErr, &missing) {
		return 1, serverErr
	}
	code := m.Run()
	if server != nil {
		err = server.Stop()
	}
	return code, err
}

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

// cluster returns the shared Elasticsearch, or skips the test.
func cluster(t *testing.T) *elasticsearch.Server {
	t.Helper()
	if server == nil {
		t.Skip(serverErr)
	}
	return server
}

// freshIndex is an index name of this test alone, which its end deletes.
func freshIndex(t *testing.T, s *elasticsearch.Server) string {
	t.Helper()
	name := strings.ToLower(fmt.Sprintf("%s-%d", strings.NewReplacer("/", "-", "_", "-", "#", "").Replace(t.Name()), time.Now().UnixNano()))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		_ = s.DeleteIndex(ctx, name+"*")
	})
	return name
}

// eventuallyCount waits until an index holds so many documents, and a little
// longer for any that would be too many.
func eventuallyCount(t *testing.T, s *elasticsearch.Server, index string, want int, patience time.Duration) {
	t.Helper()
	count := func() int {
		_ = s.Refresh(t.Context(), index+"*")
		n, err := s.Count(t.Context(), index+"*")
		if err != nil {
			return -1
		}
		return n
	}
	got := -1
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		if got = count(); got >= want {
			break
		}
	}
	if got != want {
		t.Fatalf("%s has %d documents, want %d", index, got, want)
	}
}

// documents are all sources of an index, by the number in their field n. A
// number that comes twice fails the test.
func documents(t *testing.T, s *elasticsearch.Server, index string) map[int]map[string]any {
	t.Helper()
	if err := s.Refresh(t.Context(), index+"*"); err != nil {
		t.Fatal(err)
	}
	all := map[int]map[string]any{}
	err := s.Documents(t.Context(), index+"*", func(d elasticsearch.Document) error {
		source, err := decode(d.Source)
		if err != nil {
			return err
		}
		n := numberOf(source)
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

// family is the folder of deploy/templates for the server under test, and
// names what of the server tests have to know.
func family(t *testing.T, s *elasticsearch.Server) string {
	t.Helper()
	switch version := s.Options().Version; {
	case strings.HasPrefix(version, "9."):
		return "elasticsearch"
	case strings.HasPrefix(version, "7."):
		return "elasticsearch7"
	case strings.HasPrefix(version, "3."):
		return "opensearch"
	default:
		t.Fatalf("%s is of no family that tests know", version)
		return ""
	}
}

// parsingError is the type of error for a value that its field can't hold:
// Elasticsearch 9 has another name for it than 7.17.
func parsingError(t *testing.T, s *elasticsearch.Server) string {
	t.Helper()
	if family(t, s) == "elasticsearch" {
		return "document_parsing_exception"
	}
	return "mapper_parsing_exception"
}

// newestServer says whether the server under test is Elasticsearch 9, for
// checks that older ones can't pass: it takes a list of 1 and 2.5 under a field
// that no mapping knows (TestMatrixMixedNumbersInAList).
func newestServer() bool {
	return server != nil && strings.HasPrefix(server.Options().Version, "9.")
}

// mappingsFor writes what the server calls otherwise, or hasn't, for types of
// Elasticsearch 9.
func mappingsFor(t *testing.T, s *elasticsearch.Server, mappings string) string {
	t.Helper()
	switch family(t, s) {
	case "opensearch":
		return strings.NewReplacer(`"flattened"`, `"flat_object"`, `"dense_vector","dims":3`, `"float"`).Replace(mappings)
	case "elasticsearch7":
		return strings.ReplaceAll(mappings, `"dense_vector","dims":3`, `"float"`)
	}
	return mappings
}
