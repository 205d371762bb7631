package plugin

import (
	"context"
	"time"

	"out_es/plugin/bulk"
	"out_es/plugin/elastic"
	"out_es/plugin/guard"
	"out_es/plugin/report"
)

// look is the first look at the servers of Hosts: at start, on a goroutine, so that Init doesn't
// wait, and ended by close at the latest.
type look struct {
	client *elastic.Client
	report *report.Reporter
	// hosts is how many there are, patience how long each is waited for.
	hosts    int
	patience time.Duration

	cancel context.CancelFunc
	done   chan struct{}
}

// begin starts it. fault is called with the value of a panic.
func (l *look) begin(fault func(problem any)) {
	ctx, cancel := context.WithCancel(context.Background())
	l.cancel, l.done = cancel, make(chan struct{})
	guard.Go(fault, func() {
		defer close(l.done)
		l.run(ctx)
	})
}

func (l *look) close() {
	l.cancel()
	<-l.done
}

// run looks at one host after another until one answers, and logs its identity, or the reason why
// none did.
func (l *look) run(ctx context.Context) {
	var failure *bulk.Failure
	for range l.hosts {
		asked, cancel := context.WithTimeout(ctx, l.patience)
		sight, problem := l.client.Look(asked)
		cancel()
		if ctx.Err() != nil {
			return
		}
		if problem == nil {
			l.report.Seen(sight)
			return
		}
		failure = problem
	}
	l.report.NotSeen(failure)
}
