package main

import (
	"fmt"
	"strings"
)

// output is one way out of Fluent Bit.
type output struct {
	name string
	// plugin is the shared object that has it; empty: it is built in.
	plugin string
	// lines of its section for a server at host:port.
	lines func(address string) []string
}

// workers is the setting of every output: one. The built-in es has two by default, null one, a Go
// plugin none.
const workers = "Workers 1"

// section is an [OUTPUT].
func (o output) section(address string) string {
	return "[OUTPUT]\n    Match *\n    Retry_Limit no_limits\n    " + strings.Join(o.lines(address), "\n    ") + "\n"
}

// with is o with other workers than one: "Workers 0" is none.
func (o output) with(other string) output {
	lines := o.lines
	o.lines = func(address string) []string {
		all := lines(address)
		for i, line := range all {
			if line == workers {
				all[i] = other
			}
		}
		return all
	}
	return o
}

// twoWorkers is o with as many requests under way as the built-in es has at
// least: its one worker goes on to the next chunk while a request waits for its
// answer, a Go output's waits.
func (o output) twoWorkers() output {
	two := o.with("Workers 2")
	two.name += ", 2 workers"
	return two
}

func null() output {
	return output{name: "null", lines: func(string) []string { return []string{"Name null", workers} }}
}

// builtIn is es with the settings with which it loses least: without a limit on the answer's size,
// beyond which it sends delivered records again.
func builtIn(compress string) output {
	return output{name: "es" + suffix(compress), lines: func(address string) []string {
		host, port, _ := strings.Cut(address, ":")
		lines := []string{"Name es", "Host " + host, "Port " + port, "Suppress_Type_Name On", "Buffer_Size False", workers}
		if compress == gzip {
			lines = append(lines, "Compress gzip")
		}
		return lines
	}}
}

// gzip is how bodies travel; anything else is as they are.
const gzip = "gzip"

func suffix(compress string) string {
	if compress == gzip {
		return ", gzip"
	}
	return ""
}

// ours is the plugin, with its own defaults.
func (p plugins) ours(compress string, more ...string) output {
	return output{name: "es_go" + suffix(compress), plugin: p.esGo, lines: func(address string) []string {
		return append([]string{"Name es_go", "Hosts " + address, "Compress " + or(compress, "off"), workers}, more...)
	}}
}

// textbookPlugin is the textbook Go plugin.
func (p plugins) textbookPlugin(compress string) output {
	return output{name: "textbook" + suffix(compress), plugin: p.textbook, lines: func(address string) []string {
		return []string{"Name textbook", "Address http://" + address, "Index fluent-bit", "Compress " + or(compress, "off"), workers}
	}}
}

// ready sends bytes that lie in a file.
func (p plugins) ready(compress, body string, ratio float64) output {
	return output{name: "ready-made" + suffix(compress), plugin: p.readymade, lines: func(address string) []string {
		return []string{"Name readymade", "Address " + address, "Body " + body, fmt.Sprintf("Ratio %.6f", ratio), "Compress " + or(compress, "off"), workers}
	}}
}

func or(text, other string) string {
	if text == "" {
		return other
	}
	return text
}
