// Package plugin is one es_go output: it turns the chunks that Fluent Bit
// hands over into documents in Elasticsearch, and returns the result of each chunk.
package plugin

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"

	"out_es/plugin/bulk"
	"out_es/plugin/callback"
	"out_es/plugin/deliver"
	"out_es/plugin/drain"
	"out_es/plugin/elastic"
	"out_es/plugin/fluentbit"
	"out_es/plugin/pool"
	"out_es/plugin/report"
	"out_es/plugin/settings"
	"out_es/plugin/source"
	"out_es/plugin/template"
)

// Version and Commit are set by the linker. Commit is empty in a build outside
// git.
var (
	Version = "0.1.0"
	Commit  = ""
)

// keptSources is the number of concurrent flushes whose memory is reused: more Workers than anyone
// needs.
const keptSources = 8

// Plugin is one instance. It is safe for concurrent use.
type Plugin struct {
	host      *fluentbit.Instance
	report    *report.Reporter
	client    *elastic.Client
	deliverer *deliver.Deliverer
	// shared turns chunks into requests, sources are the memory for it, settled are the settled
	// events of chunks that come again.
	shared  *source.Shared
	sources *pool.Pool[*source.Source]
	settled *deliver.Memory
	// waiting knows the chunks that wait for held destinations.
	waiting *deliver.Waiting
	// drain is nil where Spool_Path is not set.
	drain *drain.Drain
	// onThread is the context of work on one of Fluent Bit's threads.
	onThread     context.Context
	startupCheck *startupCheck
	memoryLimit  int
	engine       sync.Once // the warning about the engine's thread
	closing      sync.Once
}

// New reads the section through lookup, which returns an option's value or "",
// and returns an instance that is ready for its first chunk. It waits for
// nothing: a goroutine makes a startup check of Elasticsearch.
//
// Possible errors: all that is wrong with the section, one line each.
func New(lookup func(name string) string, host *fluentbit.Instance) (*Plugin, error) {
	s, faults := settings.Read(lookup)
	if err := faults.Err(); err != nil {
		return nil, err
	}
	if err := limitMemory(s.MemoryLimit); err != nil {
		return nil, s.MemoryFault(err)
	}
	p := &Plugin{onThread: callback.Context(context.Background(), host), host: host, report: report.New(host, s.Report), settled: deliver.NewMemory(), waiting: deliver.NewWaiting(), memoryLimit: s.MemoryLimit}
	if err := p.connect(s); err != nil {
		return nil, err
	}
	file, err := s.OpenDeadLetters()
	if err != nil {
		return nil, err
	}
	p.shared = &source.Shared{Options: s.Source, Report: p.report, File: file}
	p.sources = pool.New(keptSources, func() *source.Source { return p.shared.New(p.shared.NewScratch()) })
	p.drain, err = s.OpenSpool(host.Name(), drain.Dependencies{Sources: p.shared, Deliverer: p.deliverer, Report: p.report, Worked: heap.used, Fault: p.fault})
	if err != nil {
		p.closeDeadLetters()
		return nil, err
	}
	p.logStart(s)
	p.startupCheck = &startupCheck{client: p.client, report: p.report, hosts: len(s.Elastic.Hosts), timeout: s.Delivery.RequestTimeout}
	p.startupCheck.start(p.fault)
	return p, nil
}

// connect makes the client, and the deliverer that sends by it: behind the
// installation of a template where there is one.
func (p *Plugin) connect(s *settings.Settings) error {
	s.Elastic.UserAgent = fmt.Sprintf("out_es/%s (%s)", Version, runtime.Version())
	s.Elastic.OnHostUp = p.report.HostUp
	s.Elastic.OnFileError = p.report.FileUnusable
	client, err := s.NewClient()
	if err != nil {
		return err
	}
	installed, err := s.ReadTemplate()
	if err != nil {
		return err
	}
	var sender deliver.Sender = client
	if installed != nil {
		told := func(r template.Result, f *bulk.Failure) { p.report.Template(installed, r, f) }
		sender = template.NewInstaller(installed, s.Precedence, client, client, told)
	}
	p.client, p.deliverer = client, deliver.New(sender, p.report, s.Delivery)
	return nil
}

// logStart logs the version and the settings.
func (p *Plugin) logStart(s *settings.Settings) {
	spool := "no spool"
	if p.drain != nil {
		spool = "spool in " + p.drain.Dir()
	}
	is := &s.Summary
	builtFrom := runtime.Version()
	if Commit != "" {
		builtFrom = Commit + ", " + builtFrom
	}
	p.host.Log(fluentbit.Info, "version %s (%s): writes to %s at %s; operation %s, ids %s, compression %s, bulk size %d, rejected documents: %s; %s",
		Version, builtFrom, is.Target, is.Hosts, s.Source.Operation, is.IDs, is.Compression, s.Delivery.Bytes, is.Rejected, spool)
	for _, warning := range s.Warnings() {
		p.host.Log(fluentbit.Warn, "%s", warning)
	}
}

// fault logs a panic.
func (p *Plugin) fault(problem any) {
	p.host.Log(fluentbit.Error, "a fault in this plugin, please report it: %s\n%s", p.client.Scrub(fmt.Sprint(problem)), debug.Stack())
}

func (p *Plugin) closeDeadLetters() {
	if p.shared.File != nil {
		_ = p.shared.File.Close() // every write was synced
	}
}

// Close ends the instance: it drops its connections and logs its final summary.
// It must be called on one of Fluent Bit's threads, after the last Flush. Further
// calls do nothing.
func (p *Plugin) Close() { p.closing.Do(p.close) }

func (p *Plugin) close() {
	p.startupCheck.stop()
	if p.drain != nil {
		p.drain.Close()
	}
	p.report.Close()
	p.client.Close()
	p.closeDeadLetters()
	unlimitMemory(p.memoryLimit)
	p.host.Close()
}
