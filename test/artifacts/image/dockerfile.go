// Package image reads the Dockerfile, so that its steps can be run and checked where no engine is.
package image

import (
	"fmt"
	"os"
	"regexp"
	"strings"
)

// Instruction is one line of a Dockerfile, with its continuations.
type Instruction struct {
	Name  string // FROM, RUN, COPY …
	Value string // the rest; of a RUN with its line breaks
}

// Read reads a Dockerfile.
//
// Possible errors: it can't be read, or has none.
func Read(path string) ([]Instruction, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("image: %w", err)
	}
	var all []Instruction
	joined := strings.ReplaceAll(string(text), "\\\n", "\x00")
	for line := range strings.Lines(joined) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), " ")
		if ok && !strings.HasPrefix(name, "#") {
			all = append(all, Instruction{name, strings.ReplaceAll(value, "\x00", "\\\n")})
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("image: %s has no instruction", path)
	}
	return all, nil
}

// Stage returns the instructions of the nth stage, counted from 0, its FROM first. Instructions
// before the first FROM are in no stage.
func Stage(all []Instruction, n int) []Instruction {
	var stage []Instruction
	seen := -1
	for _, i := range all {
		if i.Name == "FROM" {
			seen++
		}
		if seen == n {
			stage = append(stage, i)
		}
	}
	return stage
}

var variable = regexp.MustCompile(`\$\{?([A-Z_]+)\}?`)

// Expand replaces $NAME and ${NAME} by the values of ARGs, as in FROM, LABEL and COPY.
func Expand(value string, arguments map[string]string) string {
	return variable.ReplaceAllStringFunc(value, func(match string) string {
		return arguments[variable.FindStringSubmatch(match)[1]]
	})
}
