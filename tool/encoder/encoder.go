// Package encoder turns chunks into actions and documents as an instance of es_go does, for
// commands that show them: nothing is sent, and nothing is logged.
package encoder

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"out_es/plugin/bulk"
	"out_es/plugin/deliver"
	"out_es/plugin/fluentbit"
	"out_es/plugin/report"
	"out_es/plugin/source"
)

// NewSource returns a source of an instance with these options; Open opens a chunk in it.
func NewSource(o *source.Options) *source.Source {
	shared := &source.Shared{Options: *o, Report: report.New(fluentbit.Standalone("out-es", io.Discard), report.Options{})}
	return shared.New(shared.NewScratch())
}

// Open makes a chunk the source's next one.
func Open(s *source.Source, tag string, chunk []byte) {
	s.Open(tag, chunk, func() deliver.Digest { return deliver.DigestOf(tag, chunk) })
}

// Action reads the action line of an item's lines, as bulk.AppendAction writes it. An upsert is
// read as an update: only the line under it tells them apart.
//
// Possible errors: the line is no action.
func Action(lines []byte) (a bulk.Action, err error) {
	line, _, _ := bytes.Cut(lines, []byte{'\n'})
	var actions map[string]struct {
		Index    json.RawMessage `json:"_index"`
		ID       json.RawMessage `json:"_id"`
		Routing  json.RawMessage `json:"routing"`
		Pipeline json.RawMessage `json:"pipeline"`
	}
	if err := json.Unmarshal(line, &actions); err != nil {
		return a, fmt.Errorf("encoder: the action line: %w", err)
	}
	for name, target := range actions {
		if a.Operation, err = bulk.ParseOperation(name); err != nil {
			return a, err
		}
		a.Index, a.ID, a.Routing, a.Pipeline = target.Index, target.ID, target.Routing, target.Pipeline
	}
	return a, nil
}
