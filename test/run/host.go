package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"out_es/test/host"
)

// hostCommand is the package of the project's own host.
const hostCommand = "./test/host/cmd"

// recordedChunks are in the examples folder: the chunks that the real Fluent Bit made of its logs.
var recordedChunks = filepath.Join("records", "chunks.msgpack.gz")

// chooseHost builds the project's own host, which loads the plugin as Fluent Bit does. It has
// neither filters nor parsers, so it gets the chunks that the real Fluent Bit made of the sample
// logs.
func (a *agent) chooseHost(ctx context.Context, s settings, state string) error {
	chunks := filepath.Join(s.examples, recordedChunks)
	records, err := countRecorded(chunks)
	if err != nil {
		return fmt.Errorf("%w\nNo Fluent Bit is here to read the logs in %s, and what it would make of them isn't recorded: "+
			"install Fluent Bit, or set FLUENT_BIT to its path", err, s.examples)
	}
	program := filepath.Join(state, "host")
	build := exec.CommandContext(ctx, "go", "build", "-o", program, hostCommand)
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("there is no fluent-bit on PATH, and the project's own host, %s, can't be built (%w):\n%s\n"+
			"Install Fluent Bit, or set FLUENT_BIT to its path", hostCommand, err, bytes.TrimSpace(out))
	}
	fmt.Fprintln(s.out, "No fluent-bit on PATH, FLUENT_BIT isn't set and no Docker engine answers: the project's own host loads the"+
		"\nplugin, and hands over the chunks that the real Fluent Bit made of the same logs")
	a.name, a.records = "The project's host", records
	a.cmd = exec.Command(program, "-e", s.plugin, "-c", s.conf, "-chunks", chunks, "-exit-when-done")
	return nil
}

// countRecorded counts the records of recorded chunks.
func countRecorded(path string) (records int, err error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	chunks, err := host.ReadRecorded(file)
	for _, one := range chunks {
		records += one.Chunk.Events
	}
	return records, err
}

// explainFluentBit tells how to get Fluent Bit in place of the host.
func explainFluentBit(out io.Writer) {
	fmt.Fprint(out, "\nTo run the real Fluent Bit (docs.fluentbit.io, Installation): its packages put it into /opt/fluent-bit/bin;\n"+
		"then FLUENT_BIT=/opt/fluent-bit/bin/fluent-bit make run. Where Docker runs, make run takes the official image.\n")
}
