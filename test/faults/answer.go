package faults

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
)

// answer is Elasticsearch's, split into items if it is a 200 with items.
type answer struct {
	status int
	header http.Header
	body   []byte
	items  []json.RawMessage // nil if the body is passed on unchanged
	took   json.RawMessage
	errors json.RawMessage
}

// read splits body. A body without items stays whole.
func (a *answer) read() {
	var parts struct {
		Took, Errors json.RawMessage
		Items        []json.RawMessage
	}
	if a.status == http.StatusOK && json.Unmarshal(a.body, &parts) == nil {
		a.items, a.took, a.errors = parts.Items, parts.Took, parts.Errors
	}
}

// write assembles body from the parts, compact, and returns the end of each item.
func (a *answer) write() (ends []int) {
	var out bytes.Buffer
	out.WriteByte('{')
	for _, field := range []struct {
		name  string
		value json.RawMessage
	}{{"errors", a.errors}, {"took", a.took}} {
		if field.value != nil {
			out.WriteString(strconv.Quote(field.name) + ":")
			out.Write(field.value)
			out.WriteByte(',')
		}
	}
	out.WriteString(`"items":[`)
	for i, one := range a.items {
		if i > 0 {
			out.WriteByte(',')
		}
		out.Write(one)
		ends = append(ends, out.Len())
	}
	out.WriteString("]}")
	a.body = out.Bytes()
	return ends
}

// accepted reports whether the answer's item at i may have accepted its document. An item without a
// status may have.
func (a *answer) accepted(i int) bool {
	if i >= len(a.items) {
		return false
	}
	var actions map[string]struct{ Status int }
	if json.Unmarshal(a.items[i], &actions) != nil {
		return false
	}
	for _, result := range actions {
		return result.Status == 0 || result.Status/100 == 2
	}
	return false
}

// actionOf reads an action line.
func actionOf(line []byte) (operation string, target struct{ Index, ID string }, err error) {
	var action map[string]struct {
		Index string `json:"_index"`
		ID    string `json:"_id"`
	}
	if err := json.Unmarshal(line, &action); err != nil {
		return "", target, err
	}
	if len(action) != 1 {
		return "", target, errors.New("not one operation")
	}
	for name, t := range action {
		operation, target.Index, target.ID = name, t.Index, t.ID
	}
	return operation, target, nil
}

// heldItem is the answer to a held item, in Elasticsearch's form. The reason of a 503 quotes the
// document, as Elasticsearch's does.
func heldItem(one item, status int, f filter) json.RawMessage {
	operation, target, _ := actionOf(one.action) // split has parsed it before
	problem := map[string]any{
		"type":   "es_rejected_execution_exception",
		"reason": "rejected execution of coordinating operation [coordinating_and_primary_bytes=536870912, max_coordinating_and_primary_bytes=536870912]",
	}
	if status == http.StatusServiceUnavailable {
		problem["type"] = "unavailable_shards_exception"
		problem["reason"] = "[" + target.Index + "][0] primary shard is not active Timeout: [1m], request: [BulkShardRequest [[" +
			target.Index + "][0]] containing [index {[" + target.Index + "][" + target.ID + "], source[" + string(one.document) + "]}]]"
	}
	whole := map[string]any{"items": []any{map[string]any{operation: map[string]any{
		"_index": target.Index, "_id": target.ID, "status": float64(status), "error": problem,
	}}}}
	kept, _ := f.apply(whole).(map[string]any)
	items, _ := kept["items"].([]any)
	if len(items) == 0 {
		return nil // Elasticsearch, too, leaves out an item without fields
	}
	return compact(items[0])
}

// withHeld is answer a with the proxy's own items in their places. a is nil if no item was passed
// on.
func withHeld(a *answer, req *request, held []int, f filter) *answer {
	if a == nil {
		a = &answer{status: http.StatusOK, header: http.Header{
			"Content-Type": {"application/json"}, "X-Elastic-Product": {"Elasticsearch"},
		}}
		if top, _ := f.apply(map[string]any{"took": 0.0}).(map[string]any); top != nil {
			a.took = json.RawMessage("0")
		}
	}
	if top, _ := f.apply(map[string]any{"errors": true}).(map[string]any); top != nil {
		a.errors = json.RawMessage("true")
	}
	var items []json.RawMessage
	theirs := a.items
	for i, one := range req.items {
		switch {
		case held[i] != 0:
			if own := heldItem(one, held[i], f); own != nil {
				items = append(items, own)
			}
		case len(theirs) > 0:
			items, theirs = append(items, theirs[0]), theirs[1:]
		}
	}
	a.items = items
	return a
}

// compact renders a value as Elasticsearch does, without escaping < > &.
func compact(value any) json.RawMessage {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(value) // only maps, strings and numbers: it can't fail
	return bytes.TrimSpace(out.Bytes())
}
