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

// What Elasticsearch 9 expects of its home:
//
//	home/jars/*.jar                        the class path
//	home/modules/transport-netty4/*        HTTP and transport, loaded as a module and so not on the class path
//	home/config/                           must be there, is empty
const nettyModule = "transport-netty4"

func arrangeElasticsearch9(home string) error {
	module := filepath.Join(home, "modules", nettyModule)
	for _, dir := range []string{module, filepath.Join(home, "config")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	var plugin string
	for _, pattern := range []string{"netty-*.jar", nettyModule + "-*.jar"} {
		jars, _ := filepath.Glob(filepath.Join(home, "jars", pattern)) // the only error is a malformed pattern
		for _, jar := range jars {
			plugin = filepath.Join(module, filepath.Base(jar))
			if err := os.Rename(jar, plugin); err != nil {
				return err
			}
		}
	}
	if !strings.HasPrefix(filepath.Base(plugin), nettyModule) {
		return fmt.Errorf("no %s jar among those that Maven fetched", nettyModule)
	}
	return extractDescriptor(plugin, module)
}

// extractDescriptor writes the files that make a folder of jars a module; the jar carries them in META-INF.
func extractDescriptor(jar, module string) error {
	archive, err := zip.OpenReader(jar)
	if err != nil {
		return err
	}
	defer archive.Close()
	for _, name := range []string{"plugin-descriptor.properties", "entitlement-policy.yaml"} {
		file, err := archive.Open(path.Join("META-INF/es-plugins", nettyModule, name))
		if err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(jar), err)
		}
		content, err := io.ReadAll(file)
		if err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(jar), err)
		}
		if err := os.WriteFile(filepath.Join(module, name), withoutModuleName(content), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// withoutModuleName drops the line that would load the plugin as a Java module: on a class path there is none to join.
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
