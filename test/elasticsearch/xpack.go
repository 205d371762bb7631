package elasticsearch

import (
	"archive/zip"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// arrangeXPack makes x-pack's two modules of the jars that Maven fetched beside those of the
// server. They are under the Elastic License 2.0: fetched for these tests, and no part of any build
// or release.
//
//	home/modules/x-pack-core/*
//	home/modules/x-pack-security/*         netty's jars again, since modules don't see each other
//	home/modules/out-es-filters/*          the part of analysis-common that the index .security needs, which is not to be had
func arrangeXPack(home string, java jdk, version string) error {
	if err := arrangeModules(home); err != nil {
		return err
	}
	fetched, err := filepath.Glob(filepath.Join(home, "security", "*.jar"))
	if err != nil {
		return err
	}
	var core, security []string
	for _, jar := range fetched {
		if belongsToCore(filepath.Base(jar)) {
			core = append(core, jar)
		} else {
			security = append(security, jar)
		}
	}
	if err := makeModule(home, "x-pack-core", core, os.Rename); err != nil {
		return err
	}
	netty, err := jarsOf(filepath.Join(home, "modules", nettyModule), "netty-", nettyModule+"-")
	if err != nil {
		return err
	}
	if err := makeModule(home, "x-pack-security", append(security, netty...), os.Link); err != nil {
		return err
	}
	return makeFilters(home, java, version)
}

// belongsToCore reports whether a jar is x-pack-core's own; all others are x-pack-security's.
func belongsToCore(jar string) bool {
	for _, own := range []string{
		"x-pack-core-", "commons-codec-", "commons-logging-", "httpasyncclient-", "httpclient-4", "httpclient5-", "httpcore-", "httpcore5-", "icu4j-",
		"log4j-1.2-api-", "log4j-slf4j2-impl-", "slf4j-api-", "unboundid-ldapsdk-",
	} {
		if strings.HasPrefix(jar, own) {
			return true
		}
	}
	return false
}

const filtersModule = "out-es-filters"

// makeFilters compiles Filters.java into a module.
func makeFilters(home string, java jdk, version string) error {
	module := filepath.Join(home, "modules", filtersModule)
	classes := filepath.Join(home, "classes")
	if err := os.MkdirAll(module, 0o755); err != nil {
		return err
	}
	source := filepath.Join(home, "Filters.java")
	compile := exec.Command(filepath.Join(java.home, "bin", "javac"), "-nowarn", "-cp", filepath.Join(home, "jars", "*"), "-d", classes, source)
	if out, err := compile.CombinedOutput(); err != nil {
		return fmt.Errorf("compiling Filters.java: %w\n%s", err, out)
	}
	if err := makeJar(classes, filepath.Join(module, "filters.jar")); err != nil {
		return err
	}
	descriptor := fmt.Sprintf("name=%s\ndescription=token filters of the index .security\nversion=%s\nelasticsearch.version=%s\njava.version=17\nclassname=Filters\n",
		filtersModule, version, version)
	return os.WriteFile(filepath.Join(module, "plugin-descriptor.properties"), []byte(descriptor), 0o644)
}

// makeJar puts a folder into an archive.
func makeJar(folder, path string) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	archive := zip.NewWriter(file)
	if err := archive.AddFS(os.DirFS(folder)); err != nil {
		return err
	}
	return archive.Close()
}

// configureXPack: the first password stands in a file that the launcher puts into the server's
// keystore.
func configureXPack(config, _ string, security *Security) (map[string]string, error) {
	if err := security.write(config); err != nil {
		return nil, err
	}
	return map[string]string{
		"xpack.security.enabled":                          "true",
		"xpack.security.http.ssl.enabled":                 "true",
		"xpack.security.http.ssl.key":                     filepath.Join(config, keyFile),
		"xpack.security.http.ssl.certificate":             filepath.Join(config, certificateFile),
		"xpack.security.http.ssl.certificate_authorities": filepath.Join(config, authorityFile),
		"xpack.security.authc.token.enabled":              "true",
	}, os.WriteFile(filepath.Join(config, "bootstrap.password"), []byte(security.Password), 0o600)
}
