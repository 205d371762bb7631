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

// Remaining implements deliver.Source: one event needs one request.
func (c *chunk) Remaining() int { return 0 }

// Skip implements deliver.Source.
func (c *chunk) Skip() { c.behind = true }

// Rewind implements deliver.Source.
func (c *chunk) Rewind() { c.behind = false }

// Destination implements deliver.Source.
func (c *chunk) Destination(int) []byte { return c.to }

// Identity implements deliver.Source.
func (c *chunk) Identity(int) [16]byte { return [16]byte{byte(c.number), byte(c.number >> 8)} }

// WasHeld implements deliver.Source.
func (c *chunk) WasHeld() bool { return c.waited }

// Checkpoint implements deliver.Source.
func (c *chunk) Checkpoint() {}

// Sent implements deliver.Source.
func (c *chunk) Sent(int) bulk.Sent { return bulk.Sent{Operation: bulk.Create} }

// Settle implements deliver.Source.
func (c *chunk) Settle(int, bulk.Verdict) { c.settled = true }

// Reject implements deliver.Source.
func (c *chunk) Reject(int, deliver.Rejection) deliver.Disposition {
	c.settled = true
	return deliver.Done
}
