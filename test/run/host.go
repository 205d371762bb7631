package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
)

// hostCommand is the package of the project's own host.
const hostCommand = "./test/host/cmd"

// chooseHost builds the project's own host, which loads the plugin as Fluent Bit does, but knows neither filters nor
// parsers: every line becomes a record as it is.
func (a *agent) chooseHost(ctx context.Context, s settings, state string) error {
	host := filepath.Join(state, "host")
	build := exec.CommandContext(ctx, "go", "build", "-o", host, hostCommand)
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("there is no fluent-bit on PATH, and the project's own host, %s, can't be built (%w):\n%s\n"+
			"Install Fluent Bit, or set FLUENT_BIT to its path", hostCommand, err, bytes.TrimSpace(out))
	}
	conf := filepath.Join(state, "host.conf")
	if err := writeWithoutParsers(conf, s.conf); err != nil {
		return err
	}
	fmt.Fprintln(s.out, "No fluent-bit on PATH and FLUENT_BIT isn't set: the project's own host loads the plugin instead,"+
		"\nand as it has no parsers and no filters, every line goes in as it is")
	a.name = "The project's host"
	a.cmd = exec.Command(host, "-e", s.plugin, "-c", conf, "-exit-when-done")
	return nil
}

// parserLine is an input's `parser NAME`, which the host refuses since it could not keep its promise.
var parserLine = regexp.MustCompile(`(?mi)^[ \t]+parser[ \t]+\S.*\n`)

// writeWithoutParsers copies a classic configuration, minus its inputs' parsers.
func writeWithoutParsers(to, from string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, parserLine.ReplaceAll(content, nil), 0o644)
}
