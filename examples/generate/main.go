// Command generate writes sample logs that look like a small cluster's: container logs in the CRI
// format, in files named as the kubelet names them, with the metadata of their pods, and a web
// server's access logs. The same flags give the same bytes on every machine.
//
//	go run ./examples/generate                          # the sample in examples/logs, again
//	go run ./examples/generate -lines 1000000 -out DIR  # a larger one of the same kind
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

func main() {
	lines := flag.Int("lines", 5000, "lines in all; three fifths of them from containers, the rest from a web server")
	pods := flag.Int("pods", 8, "pods to spread the container lines over, each with a file of its own")
	out := flag.String("out", filepath.Join("examples", "logs"), "folder to write containers/*.log, pods/*.meta and web/*.log into")
	seed := flag.Uint64("seed", 1, "another number gives other lines of the same kind")
	flag.Parse()
	if *lines < 1 || *pods < 1 {
		fmt.Fprintln(os.Stderr, "generate: -lines and -pods must be 1 or more")
		os.Exit(2)
	}
	if err := generate(*out, *seed, *lines, *pods); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

// generate writes all files below out; files of an earlier run with other flags stay.
func generate(out string, seed uint64, lines, pods int) error {
	containerLines := lines * 3 / 5
	for i := range pods {
		pod := newPod(seed, i)
		share := containerLines*(i+1)/pods - containerLines*i/pods
		if err := writeFile(filepath.Join(out, "containers", pod.fileName()), pod.writer(share)); err != nil {
			return err
		}
		if err := writeFile(filepath.Join(out, "pods", pod.metadataName()), pod.writeMetadata); err != nil {
			return err
		}
	}
	webLines := lines - containerLines
	pings := webLines / 5
	if err := writeFile(filepath.Join(out, "web", "access.log"), accessLines(seed, webLines-pings)); err != nil {
		return err
	}
	return writeFile(filepath.Join(out, "web", "ping.log"), pingLines(seed, pings))
}

// writeFile creates the file at path, and its folder, with the output of write.
func writeFile(path string, write func(io.Writer)) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	buffered := bufio.NewWriter(file) // remembers the first error until Flush
	write(buffered)
	if err := buffered.Flush(); err != nil {
		file.Close()
		return err
	}
	return file.Close()
}
