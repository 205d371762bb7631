// Package examples_test holds the promises of the examples that need neither Fluent Bit nor
// Elasticsearch.
package examples_test

import (
	"bufio"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// option is a key and its value, without quotes, as both formats say them.
var (
	classicOption = regexp.MustCompile(`^    (\S+)\s+(\S.*)$`)
	yamlOption    = regexp.MustCompile(`^ +(?:- )?([A-Za-z_.]+): +'?(.+?)'?$`)
)

// options reads a configuration's options in order, "key value".
func options(t *testing.T, path string, line *regexp.Regexp) []string {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var all []string
	for lines := bufio.NewScanner(file); lines.Scan(); {
		text := lines.Text()
		if strings.HasPrefix(strings.TrimSpace(text), "#") {
			continue
		}
		if match := line.FindStringSubmatch(text); match != nil {
			all = append(all, match[1]+" "+match[2])
		}
	}
	return all
}

func TestBothFormatsSayTheSame(t *testing.T) {
	classic := options(t, "fluent-bit.conf", classicOption)
	yaml := options(t, "fluent-bit.yaml", yamlOption)
	if len(classic) < 30 {
		t.Fatalf("only %d options found in fluent-bit.conf", len(classic))
	}
	if !slices.Equal(classic, yaml) {
		t.Errorf("they differ\nfluent-bit.conf: %q\nfluent-bit.yaml: %q", classic, yaml)
	}
}

// sampleLimit is what the repository has room for.
const sampleLimit = 1_500_000

func TestTheSampleIsSmall(t *testing.T) {
	total := int64(0)
	for _, folder := range []string{"logs/containers", "logs/web"} {
		entries, err := os.ReadDir(folder)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			info, err := entry.Info()
			if err != nil {
				t.Fatal(err)
			}
			total += info.Size()
		}
	}
	if total > sampleLimit {
		t.Errorf("examples/logs has %d bytes, more than %d", total, sampleLimit)
	}
}
