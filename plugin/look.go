package plugin

import (
	"context"
	"time"

	"out_es/plugin/bulk"
	"out_es/plugin/elastic"
	"out_es/plugin/fluentbit"
)

// look is the first look at what Hosts name: at start, on a goroutine, so that
// Init doesn't wait, and ended by close at the latest.
type look struct {
	cancel context.CancelFunc
	done   chan struct{}
}

// beginLook starts it. What must come before the first document and depends on the
// server, such as templates, belongs behind first: then client.Server tells,
// where anything does.
func (p *Plugin) beginLook(patience time.Duration) {
	ctx, cancel := context.WithCancel(context.Background())
	p.look = &look{cancel, make(chan struct{})}
	go func() {
		defer close(p.look.done)
		defer func() {
			if problem := recover(); problem != nil {
				p.logFault(problem)
			}
		}()
		p.first(ctx, patience)
	}()
}

func (l *look) close() {
	l.cancel()
	<-l.done
}

// first looks at one host after another until one answers, and logs what it
// is, or why none did.
func (p *Plugin) first(ctx context.Context, patience time.Duration) {
	var failure *bulk.Failure
	for range p.setup.elastic.Hosts {
		asked, cancel := context.WithTimeout(ctx, patience)
		sight, problem := p.client.Look(asked)
		cancel()
		if ctx.Err() != nil {
			return
		}
		if problem == nil {
			p.report.seen(sight)
			return
		}
		failure = problem
	}
	p.report.notSeen(failure)
}

// seen logs what the first look showed.
func (r *report) seen(s elastic.Sight) {
	switch s.Server.Family {
	case elastic.Foreign:
		r.host.Log(fluentbit.Warn, "first look: %s answers, and is neither Elasticsearch nor OpenSearch as far as it tells: check Hosts; records are sent all the same, and kept until it takes them as Elasticsearch does", s.Host)
	case elastic.Unknown:
		r.host.Log(fluentbit.Info, "first look: %s answers (status %d to GET /), without saying what it is", s.Host, s.Status)
	case elastic.Elasticsearch, elastic.OpenSearch:
		why := ""
		if s.Server.Version == "" {
			why = " (it doesn't tell its version)"
		}
		r.host.Log(fluentbit.Info, "first look: %s answers: %s%s", s.Host, s.Server, why)
	}
}

// notSeen logs why nothing answered the first look, in the place of the line
// that the first request would be worth.
func (r *report) notSeen(f *bulk.Failure) { r.complain("first look: ", f) }
