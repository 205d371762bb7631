package elasticsearch

import (
	"embed"
	"fmt"
	"path"
	"strings"
)

// DefaultVersion is the version for Start if neither Options.Version nor ES_VERSION is set.
const DefaultVersion = "9.5.3"

// nodes holds the launcher that all families of servers share, and a folder for each: its pom, and
// its part of the launcher.
//
//go:embed nodes
var nodes embed.FS

// distribution is one server this package can start. To add one: a row in distributions and, where
// its family is new, a folder in nodes with a pom.xml and a Family.java that has the three methods
// of the others.
type distribution struct {
	product string // "Elasticsearch" or "OpenSearch"
	version string // unique over all products
	folder  string // under nodes
	loader  string // a file of the folder that differs between versions; may be empty
	minJava int
	// arrange turns home/jars, filled by Maven, into the launcher's home folder.
	arrange func(home string) error
	// secured is how it starts with security; nil where its security can't be had.
	secured *securedDistribution
}

// securedDistribution has the differences for a server with security.
type securedDistribution struct {
	version string   // the nearest one with a security plugin
	files   []string // of the folder, for arrange
	// arrange is called with the additional jars from Maven in home/security.
	arrange func(home string, java jdk, version string) error
	// configure fills the folder of configuration and returns the settings.
	configure func(config, home string, security *Security) (settings map[string]string, err error)
}

func distributions() []distribution {
	xpack := func(version string) *securedDistribution {
		return &securedDistribution{version: version, files: []string{"Filters.java"}, arrange: arrangeXPack, configure: configureXPack}
	}
	return []distribution{
		{product: "Elasticsearch", version: DefaultVersion, folder: "elasticsearch", loader: "Loader9.java", minJava: 21,
			arrange: arrangeModules, secured: xpack(DefaultVersion)},
		{product: "Elasticsearch", version: "8.19.21", folder: "elasticsearch", loader: "Loader8.java", minJava: 17,
			arrange: arrangeModules, secured: xpack("8.19.21")},
		{product: "Elasticsearch", version: "7.17.29", folder: "elasticsearch7", minJava: 17, arrange: arrangeClassPath},
		{product: "OpenSearch", version: "3.8.0", folder: "opensearch", minJava: 21, arrange: arrangeClassPath,
			secured: &securedDistribution{version: "3.4.0", arrange: arrangeOpenSearchSecurity, configure: configureOpenSearchSecurity}},
		{product: "OpenSearch", version: "2.19.1", folder: "opensearch", minJava: 17, arrange: arrangeClassPath},
	}
}

// Versions are those that Start knows, DefaultVersion first.
func Versions() []string {
	var versions []string
	for _, d := range distributions() {
		versions = append(versions, d.version)
	}
	return versions
}

// SecuredVersion returns the version that Start starts for this one with Options.Security, and
// reports whether there is one: OpenSearch 3.4.0 for 3.8.0, since Maven Central lacks the security
// plugin of 3.8.0.
func SecuredVersion(version string) (string, bool) {
	for _, d := range distributions() {
		if d.secured != nil && (d.version == version || d.secured.version == version) {
			return d.secured.version, true
		}
	}
	return "", false
}

// findDistribution returns the one of that version, or an error that lists those there are. Without
// security it has no secured.
func findDistribution(version string, security bool) (distribution, error) {
	var known []string
	for _, d := range distributions() {
		switch {
		case !security:
			d.secured = nil
		case d.secured == nil:
			continue
		case d.secured.version == version:
			d.version = version
		}
		if d.version == version {
			if security {
				d.version = d.secured.version
			}
			return d, nil
		}
		known = append(known, d.name())
	}
	return distribution{}, fmt.Errorf("elasticsearch: version %q can't be started from here, only %s; "+
		"for any other, start the server yourself and set ES_URL to its address", version, strings.Join(known, ", "))
}

// name is how a user calls it: "Elasticsearch 9.5.3", "Elasticsearch 9.5.3 with security".
func (d distribution) name() string {
	name := d.product + " " + d.version
	if d.secured != nil {
		name += " with security"
	}
	return name
}

// users returns who may do everything, and the index of users and roles.
func (d distribution) users() (admin, index string) {
	if d.product == "OpenSearch" {
		return "admin", ".opendistro_security"
	}
	return "elastic", ".security-7"
}

// files are the other files of the home folder: Node.java is the shared launcher followed by the
// family's own classes, since a single source file is launched.
func (d distribution) files() map[string][]byte {
	launcher := append(embedded("Node.java"), embedded(path.Join(d.folder, "Family.java"))...)
	if d.loader != "" {
		launcher = append(launcher, embedded(path.Join(d.folder, d.loader))...)
	}
	files := map[string][]byte{
		"Node.java":         launcher,
		"log4j2.properties": embedded("log4j2.properties"),
		"pom.xml":           embedded(path.Join(d.folder, "pom.xml")),
	}
	if d.secured != nil {
		for _, name := range d.secured.files {
			files[name] = embedded(path.Join(d.folder, name))
		}
	}
	return files
}

func embedded(name string) []byte {
	content, err := nodes.ReadFile(path.Join("nodes", name))
	if err != nil {
		panic(fmt.Sprintf("elasticsearch: nodes/%s is not embedded: %v", name, err)) // a mistake at build time
	}
	return content
}
