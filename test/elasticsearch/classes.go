package elasticsearch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
)

// classArchive returns the JVM arguments for loading Elasticsearch's classes from an archive of
// this very JDK, which makes every start two seconds faster. The first start writes the archive.
// Without it there are no arguments: an error here either occurs again in the start itself, which
// reports it, or does not matter.
func classArchive(ctx context.Context, d distribution, java jdk, home string, options Options) []string {
	build := sha256.Sum256(append([]byte(java.home+"\n"), java.release...))
	path := filepath.Join(home, "classes-"+hex.EncodeToString(build[:4])+".jsa")
	arguments := []string{"-XX:SharedArchiveFile=" + path}
	if isFile(path) {
		return arguments
	}
	unlock, err := lock(ctx, path+".lock")
	if err != nil {
		return nil
	}
	defer unlock()
	if !isFile(path) { // else another process wrote it while we waited
		fmt.Fprintf(options.Progress, "Starting %s once to learn its classes; later starts are faster\n", d.name())
		if err := trainClasses(ctx, node{distribution: d, java: java, home: home}, options.Security, path); err != nil {
			return nil
		}
	}
	return arguments
}

// trainClasses runs a node through the typical requests of tests and has the JVM write the loaded
// classes. The archive appears whole or not at all.
func trainClasses(ctx context.Context, n node, security *Security, path string) error {
	partial := path + ".partial"
	defer os.Remove(partial)
	n.classes = []string{"-XX:ArchiveClassesAtExit=" + partial}
	server, err := start(ctx, n, Options{Security: security}.resolved())
	if err != nil {
		return err
	}
	bulk := []byte(`{"create":{"_index":"training"}}` + "\n" + `{"@timestamp":"2026-01-01T00:00:00Z","log":"line","n":1}` + "\n")
	_, bulkErr := server.Do(ctx, http.MethodPost, "/_bulk?refresh=true", bulk)
	if err := server.Stop(); err != nil || bulkErr != nil {
		return fmt.Errorf("elasticsearch: training: %v, %v", bulkErr, err)
	}
	return os.Rename(partial, path)
}
