package elasticsearch

import (
	"embed"
	"fmt"
	"path"
	"strings"
)

// DefaultVersion is what Start starts when neither Options.Version nor ES_VERSION say otherwise.
const DefaultVersion = "9.5.3"

// nodes holds the launcher that all families of servers share, and a folder for each: its pom, and what is its own in the
// launcher.
//
//go:embed nodes
var nodes embed.FS

// distribution is one server this package can start. To add one: a row in distributions and, where its family is new, a
// folder in nodes with a pom.xml and a Family.java that has the three methods of the others.
type distribution struct {
	product string // "Elasticsearch" or "OpenSearch"
	version string // unique over all products
	folder  string // under nodes
	minJava int
	// arrange turns home/jars, filled by Maven, into what the launcher expects of its home folder.
	arrange func(home string) error
}

func distributions() []distribution {
	return []distribution{
		{product: "Elasticsearch", version: DefaultVersion, folder: "elasticsearch9", minJava: 21, arrange: arrangeElasticsearch9},
		{product: "Elasticsearch", version: "7.17.29", folder: "elasticsearch7", minJava: 17, arrange: arrangeClassPath},
		{product: "OpenSearch", version: "3.8.0", folder: "opensearch3", minJava: 21, arrange: arrangeClassPath},
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

// findDistribution returns the one of that version, or an error that lists those there are.
func findDistribution(version string) (distribution, error) {
	var known []string
	for _, d := range distributions() {
		if d.version == version {
			return d, nil
		}
		known = append(known, d.name())
	}
	return distribution{}, fmt.Errorf("elasticsearch: version %q can't be started from here, only %s; "+
		"for any other, start the server yourself and set ES_URL to its address", version, strings.Join(known, ", "))
}

// name is how a user calls it: "Elasticsearch 9.5.3".
func (d distribution) name() string { return d.product + " " + d.version }

// files are what the home folder holds beside the jars: Node.java is the shared launcher with the family's own class behind
// it, since a single source file is launched.
func (d distribution) files() map[string][]byte {
	return map[string][]byte{
		"Node.java":         append(embedded("Node.java"), embedded(path.Join(d.folder, "Family.java"))...),
		"log4j2.properties": embedded("log4j2.properties"),
		"pom.xml":           embedded(path.Join(d.folder, "pom.xml")),
	}
}

func embedded(name string) []byte {
	content, err := nodes.ReadFile(path.Join("nodes", name))
	if err != nil {
		panic(fmt.Sprintf("elasticsearch: nodes/%s is not embedded: %v", name, err)) // a mistake at build time
	}
	return content
}
