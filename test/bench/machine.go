package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"out_es/test/elasticsearch"
)

// machine are the facts that figures come with: name and value, in order. No
// host names, no paths.
func (b *bench) machine() [][2]string {
	facts := [][2]string{
		{"processor", fmt.Sprintf("%s, %d cores", fieldOf("/proc/cpuinfo", "model name"), runtime.NumCPU())},
		{"memory", fieldOf("/proc/meminfo", "MemTotal")},
		{"kernel", runtime.GOOS + " " + firstLine("/proc/sys/kernel/osrelease") + " " + runtime.GOARCH},
		{"Go", runtime.Version()},
		{"Elasticsearch", elasticsearch.DefaultVersion},
	}
	if b.fluentBit != "" {
		version, err := exec.CommandContext(b, b.fluentBit, "--version").Output()
		if err == nil {
			line, _, _ := strings.Cut(string(version), "\n")
			facts = append(facts, [2]string{"Fluent Bit", strings.TrimPrefix(line, "Fluent Bit ")})
		}
	}
	if commit, err := exec.CommandContext(b, "git", "rev-parse", "--short=12", "HEAD").Output(); err == nil {
		facts = append(facts, [2]string{"commit", strings.TrimSpace(string(commit))})
	}
	return append(facts, [2]string{"day", time.Now().UTC().Format(time.DateOnly)})
}

// addMachine keeps the facts with the figures.
func (b *bench) addMachine() {
	for _, fact := range b.machine() {
		b.figures.add(figure{part: "machine", with: fact[1], output: fact[0], metric: "text"})
	}
}

func fieldOf(file, name string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(text)) {
		if key, value, found := strings.Cut(line, ":"); found && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

func firstLine(file string) string {
	text, _ := os.ReadFile(file)
	line, _, _ := strings.Cut(string(text), "\n")
	return line
}
