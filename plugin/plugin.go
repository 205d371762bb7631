// Package plugin is one es_go output: it turns the chunks that Fluent Bit
// hands over into documents in Elasticsearch, and answers for each of them.
package plugin

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"

	"out_es/plugin/bulk"
	"out_es/plugin/config"
	"out_es/plugin/deadletter"
	"out_es/plugin/deliver"
	"out_es/plugin/elastic"
	"out_es/plugin/fluentbit"
	"out_es/plugin/reuse"
	"out_es/plugin/template"
)

// Version and Commit are set by the linker.
var (
	Version = "0.1.0"
	Commit  = "unknown"
)

// Outcome is what Fluent Bit is told of a chunk, with its own numbers
// (fluent-bit-go's output.FLB_ERROR, FLB_OK, FLB_RETRY).
type Outcome int

// The outcomes.
const (
	// Error: the chunk is given up.
	Error Outcome = 0
	// OK: every record of the chunk is accounted for.
	OK Outcome = 1
	// Retry: Fluent Bit shall bring the whole chunk again.
	Retry Outcome = 2
)

// keptBenches is how many flushes at a time find their memory ready: more than
// anybody needs Workers.
const keptBenches = 8

// Plugin is one instance. It is safe for concurrent use.
type Plugin struct {
	setup     *setup
	host      *fluentbit.Instance
	client    *elastic.Client
	deliverer *deliver.Deliverer
	memory    *deliver.Memory
	report    *report
	// letterFile is nil where Dead_Letter_File is not set.
	letterFile *deadletter.File
	// spooling is nil where Spool_Path is not set.
	spooling *spooling
	policy   sourcePolicy
	benches  *reuse.List[*bench]
	look     *look
	engine   sync.Once // the warning about the engine's thread
	closing  sync.Once
}

// New reads the section through lookup, which returns an option's value or "",
// and returns an instance that is ready for its first chunk. It waits for
// nothing: a goroutine takes a first look at Elasticsearch.
//
// Possible errors: all that is wrong with the section, one line each.
func New(lookup func(name string) string, host *fluentbit.Instance) (*Plugin, error) {
	options, faults := config.Parse(lookup)
	s, faults := newSetup(options, faults)
	if err := faults.Err(); err != nil {
		return nil, err
	}
	if err := limitMemory(options).Err(); err != nil {
		return nil, err
	}
	policy := newSourcePolicy(options)
	report := newReport(host, policy, options.SpoolPath != "")
	s.elastic.HostBack = report.hostBack
	s.elastic.Trouble = report.optionTrouble
	client, err := newClient(options, s.elastic)
	if err != nil {
		return nil, err
	}
	installed, err := readTemplate(options)
	if err != nil {
		return nil, err
	}
	letterFile, err := openLetters(options, s.letters.File)
	if err != nil {
		return nil, err
	}
	p := &Plugin{setup: s, letterFile: letterFile, host: host, client: client, memory: deliver.NewMemory(), policy: policy, report: report}
	p.deliverer = deliver.New(p.sender(installed), report, s.policy)
	p.benches = reuse.NewList(keptBenches, func() *bench { return newBench(s) })
	if err := p.openSpool(options); err != nil {
		if letterFile != nil {
			_ = letterFile.Close()
		}
		return nil, err
	}
	host.Log(fluentbit.Info, "version %s (%s, %s): writes to %s at %s; operation %s, ids %s, compression %s, bulk size %d, refused documents: %s; %s",
		Version, Commit, runtime.Version(), s.target, options.HostList(), s.operation, idSource(options), options.Compress, options.BulkSize, s.letters.fate(options), p.spooling)
	warnOfConnection(host, options)
	p.beginLook(options.RequestTimeout)
	return p, nil
}

// Check returns all that is wrong with a section, as New would, but touches no
// file.
func Check(lookup func(name string) string) config.Faults {
	_, faults := newSetup(config.Parse(lookup))
	return faults
}

// sender is the client, behind the installation of a template where there is
// one.
func (p *Plugin) sender(t *template.Template) deliver.Sender {
	if t == nil {
		return p.client
	}
	precedence := template.TheirsHolds
	if p.setup.replaces {
		precedence = template.OursHolds
	}
	return template.NewInstaller(t, precedence, p.client, p.client, func(r template.Result, f *bulk.Failure) { p.report.template(t, r, f) })
}

func idSource(c *config.Config) string {
	switch {
	case c.GenerateID:
		return "generated"
	case c.IDKey != "":
		return "from " + c.IDKey
	}
	return "by Elasticsearch (what is sent twice is there twice: set Generate_ID)"
}

// Flush delivers one chunk. data is borrowed until Flush returns. It must be
// called on one of Fluent Bit's threads, which has a small stack: the work is
// done on a goroutine, while this one passes its log lines on.
func (p *Plugin) Flush(tag string, data []byte) Outcome {
	if p.spooling == nil {
		p.warnOfEngine()
	}
	done := make(chan Outcome, 1)
	go func() { done <- p.flushSafely(tag, data) }()
	for {
		select {
		case outcome := <-done:
			p.host.Service()
			return outcome
		case <-p.host.Wake():
			p.host.Service()
		}
	}
}

// warnOfEngine says once that flushes hold up all of Fluent Bit.
func (p *Plugin) warnOfEngine() {
	p.engine.Do(func() {
		if p.host.OnEngineThread() {
			p.host.Log(fluentbit.Warn, "Workers is not set: while a request is under way, all inputs and outputs of this Fluent Bit wait; set \"Workers 1\"")
		}
	})
}

// flush tells the story of a chunk.
func (p *Plugin) flush(tag string, data []byte) (outcome Outcome) {
	name := sync.OnceValue(func() deliver.Digest { return deliver.DigestOf(tag, data) })
	src := p.benches.Get().open(p, tag, data, name)
	panics := p.memory.Recall(name, &src.settled)
	defer func() {
		if problem := recover(); problem != nil {
			outcome = p.panicked(problem, name, src, panics)
			return // src may be in any state: it doesn't go back to the pool
		}
		p.benches.Put(src.bench)
	}()
	err := p.deliverer.Deliver(context.Background(), src, src.request)
	if err == nil && src.kept {
		err = errKept
	}
	if err != nil {
		src.countReturned()
		p.memory.Remember(name, &src.settled, panics)
		p.report.left(err)
		outcome = Retry
		p.host.Log(fluentbit.Debug, "chunk of tag %s goes back to Fluent Bit with %d of %d records left: %v", tag, src.account.Returned, src.account.Received, err)
	} else {
		outcome = src.outcome()
	}
	p.report.settle(&src.account)
	return outcome
}

// errKept is why a chunk goes back though nothing of it is left to be sent.
var errKept = fmt.Errorf("%w: On_Refusal keeps records that can't be sent", deliver.ErrLeft)

// panicked deals with a fault of this plugin's: the chunk comes again once,
// then it is given up, so that it can't go round forever.
func (p *Plugin) panicked(problem any, name func() deliver.Digest, src *source, panics int) Outcome {
	p.logFault(problem)
	if panics == 0 {
		p.tally(src, Retry)
		p.memory.Remember(name, &src.settled, 1)
		return Retry
	}
	p.host.Log(fluentbit.Error, "the chunk made the plugin fail twice and is given up")
	p.tally(src, Error)
	return Error
}

func (p *Plugin) logFault(problem any) {
	p.host.Log(fluentbit.Error, "a fault in this plugin, please report it: %s\n%s", p.client.Scrub(fmt.Sprint(problem)), debug.Stack())
}

// tally accounts for a chunk that made the plugin fail, as far as counting its
// records doesn't.
func (p *Plugin) tally(src *source, outcome Outcome) {
	defer func() { _ = recover() }() // the fault is told already
	src.countReturned()
	if outcome == Error {
		src.account.Malformed += src.account.Returned
		src.account.Returned = 0
	}
	p.report.settle(&src.account)
}

// flushSafely is flush without the panics of what flush itself does to deal
// with one: in a goroutine, they would end all of Fluent Bit.
func (p *Plugin) flushSafely(tag string, data []byte) (outcome Outcome) {
	defer heap.used()
	defer func() {
		if problem := recover(); problem != nil {
			p.logFault(problem)
			outcome = Retry
		}
	}()
	if p.spooling != nil {
		return p.enqueue(tag, data)
	}
	return p.flush(tag, data)
}

// Close ends the instance: it drops its connections and says its last words.
// It must be called on one of Fluent Bit's threads, after the last Flush. Further
// calls do nothing.
func (p *Plugin) Close() { p.closing.Do(p.close) }

func (p *Plugin) close() {
	p.look.close()
	if p.spooling != nil {
		p.spooling.close()
	}
	p.report.close()
	p.client.Close()
	if p.letterFile != nil {
		_ = p.letterFile.Close() // every write was synced
	}
	unlimitMemory(p.setup.memoryLimit)
	p.host.Close()
}
