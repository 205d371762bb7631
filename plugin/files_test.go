package plugin_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"out_es/plugin"
)

// A fault of a file names the option, its value and the expectation, and no package of ours.
func TestUnusableFilesAreReportedWithTheFix(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	none, below := filepath.Join(dir, "none"), filepath.Join(file, "below")
	const write = "; Fluent Bit's user must be able to write there"
	for _, c := range []struct {
		section section
		want    string
	}{
		{section{"Spool_Path": below}, `Spool_Path "` + below + `": can't be used: mkdir ` + file + ": not a directory" + write},
		{section{"Dead_Letter_File": below}, `Dead_Letter_File "` + below + `": can't be used: mkdir ` + file + ": not a directory" + write},
		{section{"Dead_Letter_File": dir}, `Dead_Letter_File "` + dir + `": can't be used: open ` + dir + ": is a directory" + write},
		{section{"TLS_CA_File": none}, `TLS_CA_File "` + none + `": can't be read: no such file or directory`},
		{section{"Bearer_Token_File": none}, `Bearer_Token_File "` + none + `": can't be read: no such file or directory`},
		{section{"Template_File": none, "Template_Name": "logs"}, `Template_File "` + none + `": can't be read: no such file or directory`},
	} {
		c.section["Hosts"] = "https://localhost:9200"
		_, err := plugin.New(c.section.lookup, silent())
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%v: error %v, want %s", c.section, err, c.want)
		}
	}
}
