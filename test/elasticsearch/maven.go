package elasticsearch

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"out_es/test/support"
)

// findMaven returns the path of mvn: on PATH, else in MAVEN_HOME. The error is a *MissingToolError.
func findMaven() (string, error) {
	if mvn, err := exec.LookPath("mvn"); err == nil {
		return mvn, nil
	}
	if home := os.Getenv("MAVEN_HOME"); home != "" {
		if mvn := filepath.Join(home, "bin", "mvn"); isFile(mvn) {
			return mvn, nil
		}
	}
	return "", &MissingToolError{
		Tool:   "Maven (mvn)",
		Found:  "it fetches Elasticsearch's jars once, and is neither on PATH nor in MAVEN_HOME",
		Debian: "apt-get install maven",
		MacOS:  "brew install maven",
	}
}

// copyJars puts the jars of the pom, and their dependencies, into the folder jars. Profiles add to
// the pom's. Possible errors: mvn is missing; it failed, with its output. progress gets a line
// every two seconds during a download.
func copyJars(ctx context.Context, java jdk, pom, version, jars string, progress io.Writer, profiles ...string) error {
	mvn, err := findMaven()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, mvn, "--batch-mode", "--file", pom,
		"-Dserver.version="+version,
		"-DoutputDirectory="+jars,
		"dependency:copy-dependencies")
	for _, profile := range profiles {
		cmd.Args = append(cmd.Args, "-P"+profile)
	}
	cmd.Dir = filepath.Dir(pom)
	cmd.Env = append(os.Environ(), "JAVA_HOME="+java.home)
	said := &downloads{progress: progress}
	cmd.Stdout, cmd.Stderr = said, said // one writer for both, which os/exec calls from one goroutine
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("elasticsearch: Maven could not fetch version %s (%w); does the version exist, "+
			"and does `mvn` reach Maven Central or its mirror from here? It said:\n%s", version, err, support.LastLines(said.rest.String(), 15))
	}
	return nil
}

// downloads reads Maven's output: it adds up the downloads, and keeps all other lines except
// routine.
type downloads struct {
	progress io.Writer
	line     []byte // the last one, without its end
	rest     bytes.Buffer
	files    int
	bytes    float64
	told     time.Time
}

// downloaded is Maven's line for a file that has come: "Downloaded from NAME: URL (1.2 MB at 3.4
// MB/s)".
var downloaded = regexp.MustCompile(`Downloaded from .*\(([0-9.]+) (B|kB|MB|GB) at `)

var units = map[string]float64{"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9}

// Write implements io.Writer.
func (d *downloads) Write(text []byte) (int, error) {
	d.line = append(d.line, text...)
	for {
		line, rest, whole := bytes.Cut(d.line, []byte("\n"))
		if !whole {
			return len(text), nil
		}
		d.read(line)
		d.line = append(d.line[:0], rest...)
	}
}

func (d *downloads) read(line []byte) {
	match := downloaded.FindSubmatch(line)
	switch {
	case match != nil:
		amount, _ := strconv.ParseFloat(string(match[1]), 64) // 0 for an odd number: it is shown, nothing depends on it
		d.files, d.bytes = d.files+1, d.bytes+amount*units[string(match[2])]
		if time.Since(d.told) >= 2*time.Second {
			d.told = time.Now()
			fmt.Fprintf(d.progress, "  %d files, %.1f MB\n", d.files, d.bytes/1e6)
		}
	case !bytes.HasPrefix(line, []byte("[INFO]")) && !bytes.HasPrefix(line, []byte("Download")):
		d.rest.Write(append(bytes.TrimRight(line, "\r"), '\n'))
	}
}
