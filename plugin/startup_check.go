package plugin

import (
	"context"
	"time"

	"out_es/plugin/bulk"
	"out_es/plugin/elastic"
	"out_es/plugin/guard"
	"out_es/plugin/report"
)

// startupCheck asks the servers of Hosts for their identity: at start, on a goroutine, so that Init
// doesn't wait, and ended by stop at the latest.
type startupCheck struct {
	client *elastic.Client
	report *report.Reporter
	// hosts is how many there are, timeout how long each is waited for.
	hosts   int
	timeout time.Duration

	cancel context.CancelFunc
	done   chan struct{}
}

// start starts it. fault is called with the value of a panic.
func (c *startupCheck) start(fault func(problem any)) {
	ctx, cancel := context.WithCancel(context.Background())
	c.cancel, c.done = cancel, make(chan struct{})
	guard.Go(fault, func() {
		defer close(c.done)
		c.run(ctx)
	})
}

func (c *startupCheck) stop() {
	c.cancel()
	<-c.done
}

// run asks one host after another until one answers, and logs its identity, or the reason why
// none did.
func (c *startupCheck) run(ctx context.Context) {
	var failure *bulk.Failure
	for range c.hosts {
		asked, cancel := context.WithTimeout(ctx, c.timeout)
		info, problem := c.client.Info(asked)
		cancel()
		if ctx.Err() != nil {
			return
		}
		if problem == nil {
			c.report.ServerFound(info)
			return
		}
		failure = problem
	}
	c.report.NoServerFound(failure)
}
