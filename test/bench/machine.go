package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
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
	return facts
}

// addMachine keeps the facts with the figures, and the state of the repository with each case.
func (b *bench) addMachine() {
	for _, fact := range b.machine() {
		b.figures.add(figure{part: "machine", with: fact[1], output: fact[0], metric: "text"})
	}
	commit, err := exec.CommandContext(b, "git", "rev-parse", "--short=12", "HEAD").Output()
	if err != nil {
		commit = []byte("unknown")
	}
	for _, part := range b.parts {
		for _, with := range b.figures.cases(part) {
			b.figures.add(figure{part: statePrefix + part, with: with, output: strings.TrimSpace(string(commit)), metric: time.Now().UTC().Format(time.DateOnly)})
		}
	}
}

// statePrefix begins the names of the parts with the commit and the day of each measured case.
const statePrefix = "state of "

// origin is the command that measures a part, with the state of what was measured. Where loads were
// measured again, the first state has the others.
func (f figures) origin(part string) string {
	type state struct{ commit, day string }
	var order []state
	cases := map[state][]string{}
	for _, one := range f {
		if one.part == statePrefix+part {
			s := state{one.output, one.metric}
			if cases[s] == nil {
				order = append(order, s)
			}
			cases[s] = append(cases[s], one.with)
		}
	}
	var states []string
	for i, s := range order {
		text := fmt.Sprintf("commit %s, %s", s.commit, s.day)
		if i > 0 {
			text += " (" + strings.Join(cases[s], "; ") + ")"
		}
		states = append(states, text)
	}
	return strings.TrimSuffix(fmt.Sprintf("`make bench PARTS=%s DOCS=docs`: %s", part, strings.Join(states, "; ")), ": ") + "."
}

// cores is the time of the machine's cores since its start, in ticks.
type cores struct{ idle, all int }

// readCores reads the first line of /proc/stat (proc_stat(5)). Its fourth and fifth time are idle,
// the latter with a disk at work; time of guests is in that of users, too.
func readCores() (c cores, err error) {
	fields := strings.Fields(firstLine("/proc/stat"))
	if len(fields) < 9 {
		return c, errors.New("/proc/stat has no times of the cores")
	}
	for i, field := range fields[1:9] {
		ticks, err := strconv.Atoi(field)
		if err != nil {
			return c, fmt.Errorf("/proc/stat: %w", err)
		}
		if c.all += ticks; i == 3 || i == 4 {
			c.idle += ticks
		}
	}
	return c, nil
}

// idleSince is the percentage of idle time since another moment; NaN in the same one.
func (c cores) idleSince(before cores) float64 {
	return 100 * float64(c.idle-before.idle) / float64(c.all-before.all)
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
