package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// countRecords returns how many records the sample logs hold. Lines that the container runtime cut
// in two count once, as Fluent Bit's CRI parser joins them.
func countRecords(examples string) (int, error) {
	total := 0
	for _, folder := range []string{"containers", "web"} {
		files, _ := filepath.Glob(filepath.Join(examples, "logs", folder, "*.log")) // the only error is a malformed pattern
		for _, path := range files {
			count, err := countLines(path, folder == "containers")
			if err != nil {
				return 0, err
			}
			total += count
		}
	}
	if total == 0 {
		return 0, fmt.Errorf("no records in %s: `go run ./examples/generate` writes the sample logs", filepath.Join(examples, "logs"))
	}
	return total, nil
}

// countLines counts a file's lines; with joinsParts those of a CRI log that are the last, or only,
// part of a message.
func countLines(path string, joinsParts bool) (int, error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	count := 0
	for lines := bufio.NewReaderSize(file, 1<<20); ; {
		line, err := lines.ReadSlice('\n')
		if len(line) > 0 && !(joinsParts && isPart(line)) {
			count++
		}
		if errors.Is(err, io.EOF) {
			return count, nil
		}
		if err != nil {
			return 0, fmt.Errorf("%s: %w", path, err) // a line of more than 1 MB among them
		}
	}
}

// isPart reports whether a CRI line, "TIME STREAM P|F MESSAGE", goes on in the next one.
func isPart(line []byte) bool {
	fields := bytes.SplitN(line, []byte(" "), 4)
	return len(fields) == 4 && string(fields[2]) == "P"
}
