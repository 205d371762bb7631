package elasticsearch

import (
	"archive/zip"
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// nettyModule is HTTP and transport in the home folder of Elasticsearch 8 and later:
//
//	home/jars/*.jar                        the class path
//	home/modules/transport-netty4/*        HTTP and transport, loaded as a module and so not on the class path
const nettyModule = "transport-netty4"

func arrangeModules(home string) error {
	jars, err := jarsOf(filepath.Join(home, "jars"), "netty-", nettyModule+"-")
	if err != nil {
		return err
	}
	return makeModule(home, nettyModule, jars, os.Rename)
}

// jarsOf are the jars of a folder with one of these beginnings.
func jarsOf(folder string, beginnings ...string) ([]string, error) {
	var all []string
	for _, beginning := range beginnings {
		jars, _ := filepath.Glob(filepath.Join(folder, beginning+"*.jar")) // the only error is a malformed pattern
		if len(jars) == 0 {
			return nil, fmt.Errorf("no %s*.jar among those that Maven fetched", beginning)
		}
		all = append(all, jars...)
	}
	return all, nil
}

// makeModule makes a module of jars, one of which is its own and carries its descriptor. put is
// os.Rename, or os.Link where the jars stay where they are, too.
func makeModule(home, name string, jars []string, put func(from, to string) error) error {
	module := filepath.Join(home, "modules", name)
	if err := os.MkdirAll(module, 0o755); err != nil {
		return err
	}
	own := ""
	for _, jar := range jars {
		to := filepath.Join(module, filepath.Base(jar))
		if err := put(jar, to); err != nil {
			return err
		}
		if strings.HasPrefix(filepath.Base(jar), name+"-") {
			own = to
		}
	}
	if own == "" {
		return fmt.Errorf("no %s jar among those that Maven fetched", name)
	}
	return extractDescriptor(own, name, module)
}

// extractDescriptor writes the files that make a folder of jars a module; the jar carries them in
// META-INF.
func extractDescriptor(jar, name, module string) error {
	archive, err := zip.OpenReader(jar)
	if err != nil {
		return err
	}
	defer archive.Close()
	for _, part := range []string{"plugin-descriptor.properties", "entitlement-policy.yaml"} {
		file, err := archive.Open(path.Join("META-INF/es-plugins", name, part))
		if err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(jar), err)
		}
		content, err := io.ReadAll(file)
		if err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(jar), err)
		}
		if err := os.WriteFile(filepath.Join(module, part), withoutModuleName(content), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// withoutModuleName drops the line that would load the plugin as a Java module: on a class path
// there is none to join.
func withoutModuleName(descriptor []byte) []byte {
	var kept bytes.Buffer
	lines := bufio.NewScanner(bytes.NewReader(descriptor))
	for lines.Scan() {
		if !bytes.HasPrefix(lines.Bytes(), []byte("modulename=")) {
			kept.Write(lines.Bytes())
			kept.WriteByte('\n')
		}
	}
	return kept.Bytes()
}
