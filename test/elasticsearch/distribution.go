package elasticsearch

import (
	"embed"
	"fmt"
	"path"
	"strings"
)

// DefaultVersion is what Start starts when neither Options.Version nor ES_VERSION say otherwise.
const DefaultVersion = "9.5.3"

// nodes holds a folder for each family of servers: its pom, its Java launcher, its logging configuration.
//
//go:embed nodes
var nodes embed.FS

// distribution is one server this package can start. To add one (7.17.29 or OpenSearch 3.8.0, say): a folder in nodes
// with a pom.xml and a launcher that keeps the contract in Node.java's comment, and a row in distributions.
type distribution struct {
	version string
	folder  string // under nodes
	minJava int
	// arrange turns home/jars, filled by Maven, into what the launcher expects of its home folder.
	arrange func(home string) error
	// arguments are the JVM's, the launcher's file and settings excluded.
	arguments func(home string, java jdk) ([]string, error)
	// settings are what this family needs beside what Start sets for all.
	settings map[string]string
}

func distributions() []distribution {
	return []distribution{
		{
			version:   DefaultVersion,
			folder:    "elasticsearch9",
			minJava:   21,
			arrange:   arrangeElasticsearch9,
			arguments: elasticsearch9Arguments,
		},
	}
}

// findDistribution returns the one of that version, or an error that lists those there are.
func findDistribution(version string) (distribution, error) {
	var known []string
	for _, d := range distributions() {
		if d.version == version {
			return d, nil
		}
		known = append(known, d.version)
	}
	return distribution{}, fmt.Errorf("elasticsearch: version %q can't be started from here, only %s; "+
		"for any other, start the server yourself and set ES_URL to its address", version, strings.Join(known, ", "))
}

// file returns one file of the family's folder.
func (d distribution) file(name string) []byte {
	content, err := nodes.ReadFile(path.Join("nodes", d.folder, name))
	if err != nil {
		panic(fmt.Sprintf("elasticsearch: nodes/%s/%s is not embedded: %v", d.folder, name, err)) // a mistake at build time
	}
	return content
}

// files are the names in the family's folder, sorted.
func (d distribution) files() []string {
	entries, err := nodes.ReadDir(path.Join("nodes", d.folder))
	if err != nil {
		panic(fmt.Sprintf("elasticsearch: nodes/%s is not embedded: %v", d.folder, err)) // a mistake at build time
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}
