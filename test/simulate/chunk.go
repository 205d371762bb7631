package simulate

import (
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
}

var lines = []byte("{\"create\":{\"_index\":\"logs\"}}\n{}\n")

// Fill implements deliver.Source.
func (c *chunk) Fill(req *bulk.Request, _ deliver.Limits) error {
	if c.settled {
		return nil
	}
	return req.Commit(append(req.Buffer(), lines...), 0)
}

// Advance implements deliver.Source.
func (c *chunk) Advance() {}

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
