package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"out_es/test/bench/agent"
	"out_es/test/bench/records"
	"out_es/test/bench/sink"
)

// plugins are the shared objects that are measured.
type plugins struct{ esGo, textbook, readymade string }

// bench is one run.
type bench struct {
	context.Context
	plugins
	settings
	fluentBit string // path of the program; empty: there is none
	folder    string // temporary
	figures   figures
	datasets  map[string]string // folders of records that are there
	floor     floorBody

	loadProgram string      // the load generator
	authority   string      // a file with the certificate that outputs trust
	certificate *tls.Config // of a sink that speaks TLS
}

// tailed is the service and input of an agent that reads a folder's files
// once and ends. Files are read as Fluent Bit reads them in a cluster, and it
// makes chunks of 2 MB of them.
const tailed = `[SERVICE]
    Flush %s
    Grace 120
    Log_Level %s
    Parsers_File %s
%s
[INPUT]
    Name tail
    Path %s
    Tag kube.*
    Parser bench
    Read_from_Head On
    Exit_On_Eof %s
    Buffer_Max_Size 128M
    Inotify_Watcher On
    Refresh_Interval 60
%s
`

const parsers = `[PARSER]
    Name bench
    Format json
    Time_Key time
    Time_Format %Y-%m-%dT%H:%M:%S.%L%z
    Time_Keep On
`

// input is the input of an agent.
type input struct {
	path    string // of tail
	goesOn  bool   // the agent goes on at the end of the files
	service string // more lines for the service
	lines   string // more lines for the input
	flush   string // interval; empty: 1 s
	level   string // of the log; empty: error
}

func (b *bench) configuration(in input, out ...string) (string, error) {
	parsersFile := filepath.Join(b.folder, "parsers.conf")
	if err := os.WriteFile(parsersFile, []byte(parsers), 0o600); err != nil {
		return "", err
	}
	exit := "On"
	if in.goesOn {
		exit = "Off"
	}
	text := fmt.Sprintf(tailed, or(in.flush, "1"), or(in.level, "error"), parsersFile, in.service, in.path, exit, in.lines)
	for _, section := range out {
		text += section
	}
	return text, nil
}

// dataset returns a folder with that many records, in that many files.
func (b *bench) dataset(kind string, count, files int, maker records.Maker) (folder string, err error) {
	key := fmt.Sprintf("%s-%d-%d", kind, count, files)
	if folder, found := b.datasets[key]; found {
		return folder, nil
	}
	folder = filepath.Join(b.folder, key)
	if _, err := records.Write(folder, count, files, maker); err != nil {
		return "", err
	}
	b.datasets[key] = folder
	return folder, nil
}

// trial is one agent that reads files once.
type trial struct {
	output
	times   int // instances of the output; 0 is one
	in      input
	answers sink.Answers
	every   time.Duration // between looks at memory
	address string        // of a server; empty: a sink of its own
}

// result is the usage of a trial, and the sink's count.
type result struct {
	agent.Usage
	sink.Count
	began  time.Time
	sample []byte // the first body
}

// perSecond is the throughput from the agent's start to the last request.
func (r result) perSecond() float64 { return float64(r.Documents) / r.Last.Sub(r.began).Seconds() }

// try runs an agent with the section of a trial, and returns its figures.
//
// Possible errors: Fluent Bit can't be started, ends badly, or takes longer
// than runPatience.
func (b *bench) try(t trial) (r result, err error) {
	if t.address == "" {
		s, err := sink.Start(t.answers)
		if err != nil {
			return r, err
		}
		defer s.Go()
		t.address = s.Address()
		defer func() { r.Count, r.sample = s.Count(), s.Sample() }()
	}
	folder, err := os.MkdirTemp(b.folder, "agent-")
	if err != nil {
		return r, err
	}
	defer os.RemoveAll(folder)
	text, err := b.configuration(t.in, strings.Repeat(t.section(t.address), max(t.times, 1)))
	if err != nil {
		return r, err
	}
	ctx, cancel := context.WithTimeout(b, runPatience)
	defer cancel()
	a, err := agent.Start(ctx, agent.Options{Program: b.fluentBit, Plugin: t.plugin, Configuration: text, Folder: folder, Every: t.every})
	if err != nil {
		return r, err
	}
	r.began = a.Began()
	if r.Usage, err = a.Wait(); err != nil {
		return r, fmt.Errorf("%s: %w", t.name, err)
	}
	return r, nil
}
