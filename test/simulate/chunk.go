package simulate

import (
	"fmt"
	"time"

	"out_es/plugin/bulk"
	"out_es/plugin/deliver"
)

// chunk holds one event. It implements deliver.Source.
type chunk struct {
	number  int
	due     time.Time
	retries int
	settled bool
	behind  bool // left unsettled by this delivery
	waited  bool // for a held destination
	to      []byte
}

// today is the destination that a shard limit keeps from being made, other one that there is.
var today, other = []byte("logs-today"), []byte("logs-other")

// Fill implements deliver.Source.
func (c *chunk) Fill(req *bulk.Request, limits deliver.Limits) error {
	if c.settled || c.behind || !limits.Admission.Admits(c.to) {
		return nil
	}
	return req.Commit(fmt.Appendf(req.Buffer(), "{\"create\":{\"_index\":\"%s\"}}\n{}\n", c.to), 0)
}

// Advance implements deliver.Source.
func (c *chunk) Advance() {}

// Ahead implements deliver.Source.
func (c *chunk) Ahead() {}

// Resume implements deliver.Source.
func (c *chunk) Resume(int) {}

// Rest implements deliver.Source: one event needs one request.
func (c *chunk) Rest() int { return 0 }

// Leave implements deliver.Source.
func (c *chunk) Leave() { c.behind = true }

// Rewind implements deliver.Source.
func (c *chunk) Rewind() { c.behind = false }

// Destination implements deliver.Source.
func (c *chunk) Destination(int) []byte { return c.to }

// Name implements deliver.Source.
func (c *chunk) Name(int) [16]byte { return [16]byte{byte(c.number), byte(c.number >> 8)} }

// Waited implements deliver.Source.
func (c *chunk) Waited() bool { return c.waited }

// Keep implements deliver.Source.
func (c *chunk) Keep() {}

// Sent implements deliver.Source.
func (c *chunk) Sent(int) bulk.Sent { return bulk.Sent{Operation: bulk.Create} }

// Settle implements deliver.Source.
func (c *chunk) Settle(int, bulk.Verdict) { c.settled = true }

// Refuse implements deliver.Source.
func (c *chunk) Refuse(int, deliver.Refusal) deliver.Disposition {
	c.settled = true
	return deliver.Done
}
