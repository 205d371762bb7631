// Package report is an instance's output to the operator: metrics, log lines for changes of state,
// and the account of all records.
package report

import (
	"fmt"
	"sync"
	"time"

	"out_es/plugin/bulk"
	"out_es/plugin/deliver"
	"out_es/plugin/document"
	"out_es/plugin/fluentbit"
	"out_es/plugin/template"
)

// reminder is how often a state that lasts is logged again.
const reminder = time.Minute

// Options configure a reporter.
type Options struct {
	// FullReasons logs Elasticsearch's reasons with their quotations of records.
	FullReasons bool
	// Spooled says that there is a spool, which has metrics of its own.
	Spooled bool
}

// Reporter reports for one instance. It is safe for concurrent use.
type Reporter struct {
	host    *fluentbit.Instance
	options Options

	records, requests, rejected        *fluentbit.Counters
	received, sent, retries, truncated *fluentbit.Counters
	changedKeys                        *fluentbit.Counters
	dequeued                           *fluentbit.Counters // nil without a spool
	latency                            *fluentbit.Histogram

	mu        sync.Mutex
	outage    outage
	downHosts map[string]bool // hosts whose absence was logged
	holds     holds
	faults    int // of the encoder
	summary   summary
}

// outage is an outage that lasts.
type outage struct {
	since time.Time // zero while all is well
	count int
	// logged says that the outage was told, so that its end will be.
	logged bool
	// lastLogged is when each kind of failure was told last, in this outage or an
	// earlier one: a cluster that throttles now and then is one state, not an
	// outage each time.
	lastLogged map[failureKind]time.Time
}

// failureKind is the common part of failures that share a line. There are few: classes, and the
// statuses of answers.
type failureKind struct {
	class  bulk.Class
	status int
	// host is set where others carry on.
	host string
}

// recordOutcomes are the values of the metric's label, in the order of Count. The last
// spoolOutcomes of them happen with a spool only.
var recordOutcomes = []string{"accepted", "failure_store", "deduplicated", "dead_lettered", "dropped", "malformed", "returned", "spooled", "parked"}

const spoolOutcomes = 2

// New makes the metrics.
func New(host *fluentbit.Instance, o Options) *Reporter {
	outcomes := recordOutcomes
	if !o.Spooled {
		outcomes = outcomes[:len(outcomes)-spoolOutcomes]
	}
	r := &Reporter{
		host: host, options: o,
		records:     host.Counters("records_total", "Records by outcome.", "outcome", outcomes),
		received:    host.Counters("received_records_total", "Records received in chunks, without those that an earlier flush of the chunk delivered.", "", nil),
		requests:    host.Counters("requests_total", "Bulk requests by result.", "result", bulk.ClassNames()),
		rejected:    host.Counters("rejected_records_total", "Records that Elasticsearch rejected, dropped or dead-lettered, by its error type.", "type", bulk.RejectionTypeNames()),
		sent:        host.Counters("sent_bytes_total", "Bytes of request bodies, after compression.", "", nil),
		retries:     host.Counters("retried_requests_total", "Bulk requests with items that were sent before.", "", nil),
		truncated:   host.Counters("truncated_values_total", "Values nested too deep in a record, replaced by null.", "", nil),
		changedKeys: host.Counters("changed_keys_total", "Keys that Elasticsearch would reject, replaced by acceptable ones, by reason.", "kind", document.ChangeNames()),
		latency: host.Histogram("request_duration_seconds", "Duration of bulk requests, until the end of the answer.",
			[]float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60}),
	}
	if o.Spooled {
		r.dequeued = host.Counters("spool_dequeued_records_total", "Records taken out of the spool for sending.", "", nil)
	}
	r.outage.lastLogged = map[failureKind]time.Time{}
	r.downHosts = map[string]bool{}
	r.holds = newHolds(host)
	r.summary.print = func(text string) { host.Log(fluentbit.Warn, "%s", text) }
	return r
}

// Count adds an account to the metrics.
func (r *Reporter) Count(a *Account) {
	for outcome, n := range []int{a.Accepted, a.FailureStore, a.Deduplicated, a.DeadLettered, a.Dropped, a.Malformed, a.Returned, a.Spooled, a.Parked} {
		r.records.Add(outcome, n)
	}
	for kind, n := range a.Rejected {
		r.rejected.Add(kind, n)
	}
	r.received.Add(0, a.Received)
	if r.dequeued != nil {
		r.dequeued.Add(0, a.Dequeued)
	}
	r.truncated.Add(0, a.Truncated)
	for kind, n := range a.ChangedKeys {
		r.changedKeys.Add(kind, n)
		if n > 0 {
			r.summary.note("keys that Elasticsearch would reject were changed ("+document.ChangeNames()[kind]+"; docs/documents.md, Changed keys)", n)
		}
	}
	if a.Truncated > 0 {
		r.summary.note("values nested more than 200 levels deep in a record were replaced by null", a.Truncated)
	}
}

// Observe implements deliver.Observer.
func (r *Reporter) Observe(a deliver.Attempt) {
	class := bulk.Delivered
	if a.Failure != nil {
		class = a.Failure.Class
	}
	result := class
	if a.Throttled && class == bulk.Delivered {
		result = bulk.Throttled
	}
	r.requests.Add(int(result), 1)
	if class != bulk.Unreachable && (a.Failure == nil || !a.Failure.NotSent) {
		r.sent.Add(0, a.Bytes)
	}
	r.latency.Observe(a.Took)
	if a.Repeat {
		r.retries.Add(0, 1)
	}
	if result != class {
		return // its destination is held: Held tells
	}
	switch class {
	case bulk.Delivered, bulk.BadRequest:
		r.answered()
	case bulk.Oversized:
		r.answered()
		r.host.Log(fluentbit.Info, "the server rejects requests of %d bytes (413): smaller ones follow", a.Bytes)
	case bulk.Unreachable, bulk.Ambiguous, bulk.Throttled, bulk.Unavailable, bulk.Misconfigured, bulk.Canceled:
		if a.Failure.Elsewhere {
			r.hostDown(a.Failure)
			return
		}
		r.failed(a.Failure)
	}
}

// hostDown logs that one of several hosts is away, once a minute while it is.
func (r *Reporter) hostDown(f *bulk.Failure) {
	r.mu.Lock()
	defer r.mu.Unlock()
	kind, now := failureKind{class: f.Class, host: f.Host}, time.Now()
	if last, known := r.outage.lastLogged[kind]; known && now.Sub(last) < reminder {
		return
	}
	r.host.Log(fluentbit.Warn, "Elasticsearch: %v; the other hosts are used, and it is retried from time to time", f)
	r.outage.lastLogged[kind], r.downHosts[f.Host] = now, true
}

// HostUp logs that a host answers again, if its absence was logged.
func (r *Reporter) HostUp(address string, since time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.downHosts[address] {
		delete(r.downHosts, address)
		r.host.Log(fluentbit.Info, "Elasticsearch: %s answers again, after %s", address, time.Since(since).Round(time.Millisecond))
	}
}

// FileUnusable notes that a file changed and can't be used.
func (r *Reporter) FileUnusable(option string, err error) {
	r.summary.note(fmt.Sprintf("%s changed and can't be used (%v), the previous content stays in use; attempts", option, err), 1)
}

// failed logs an outage when it begins, when it changes, and once a minute.
func (r *Reporter) failed(f *bulk.Failure) { r.logFailure("", f) }

// logFailure is failed with the name of the failed part.
func (r *Reporter) logFailure(what string, f *bulk.Failure) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t, now := &r.outage, time.Now()
	t.count++
	if t.since.IsZero() {
		t.since = now
	}
	kind := failureKind{class: f.Class, status: f.Status}
	if last, known := t.lastLogged[kind]; known && now.Sub(last) < reminder {
		return
	}
	level := fluentbit.Warn
	if f.Class == bulk.Misconfigured {
		level = fluentbit.Error
	}
	r.host.Log(level, what+"Elasticsearch: %v; records are kept and retried (failed requests since %s: %d)", f, t.since.Format(time.TimeOnly), t.count)
	t.lastLogged[kind], t.logged = now, true
}

// answered logs the end of an outage that was told.
func (r *Reporter) answered() {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := &r.outage
	if t.logged {
		r.host.Log(fluentbit.Info, "Elasticsearch answers again, after %s; failed requests: %d", time.Since(t.since).Round(time.Millisecond), t.count)
	}
	t.since, t.count, t.logged = time.Time{}, 0, false
}

// Rejected notes a rejected document, and its fate, for the next summary.
func (r *Reporter) Rejected(index string, why deliver.Rejection, fate string) {
	reason := why.Reason
	if r.options.FullReasons && why.FullReason != "" {
		reason = why.FullReason
	}
	text := fmt.Sprintf("documents for %s were rejected (status %d, %s: %s) and %s", index, why.Status, why.Error, reason, fate)
	if why.Remedy != "" && why.Scope == bulk.DocumentScope { // others were held, and their remedy was told then
		text += " (" + why.Remedy + ")"
	}
	r.summary.note(text, 1)
}

// DeadLetterRejected notes a dead-letter record that Elasticsearch rejected, too: there is
// nowhere left to put it.
func (r *Reporter) DeadLetterRejected(why deliver.Rejection) {
	r.summary.note(fmt.Sprintf("dead-letter records were rejected (status %d, %s: %s) and dropped", why.Status, why.Error, why.Reason), 1)
}

// DeadLetterWriteFailed notes dead-letter records that could not be written to the file. Their
// chunk comes again.
func (r *Reporter) DeadLetterWriteFailed(err error) {
	r.summary.note(fmt.Sprintf("Dead_Letter_File could not be written (%v), the records are kept; failed writes", err), 1)
}

// DeadLettersDeleted notes that Dead_Letter_File reached its bound.
func (r *Reporter) DeadLettersDeleted() {
	r.summary.note("the oldest dead-letter records were deleted to make room (replay or move the files in time); files deleted", 1)
}

// Malformed notes a value that is no event, or can't be read.
func (r *Reporter) Malformed(tag, why string) {
	r.summary.note(fmt.Sprintf("records of tag %s were malformed (%s) and dropped", tag, why), 1)
}

// EncoderFault logs the stack of the first fault, and counts the others.
func (r *Reporter) EncoderFault(problem any, stack []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.faults++
	if r.faults == 1 {
		r.host.Log(fluentbit.Error, "a fault in this plugin's encoder, please report it: %v\n%s", problem, stack)
	}
}

// Template logs the outcome of Template_File once.
func (r *Reporter) Template(t *template.Template, result template.Result, f *bulk.Failure) {
	switch result {
	case template.Installed:
		r.host.Log(fluentbit.Info, "the %s %s was installed; it applies to indices created from now on", t.Kind, t.Name)
	case template.Same:
		r.host.Log(fluentbit.Info, "the %s %s exists already, and equals Template_File", t.Kind, t.Name)
	case template.Different:
		r.host.Log(fluentbit.Info, "the %s %s exists already and is not changed, though it may differ from Template_File; Template_Overwrite replaces it", t.Kind, t.Name)
	case template.NotInstalled:
		r.host.Log(fluentbit.Error, "the %s %s was not installed: %v; records are sent without it: %s", t.Kind, t.Name, f, templateRemedy(t, f))
	}
}

// Close logs the rest of the summary.
func (r *Reporter) Close() { r.summary.close() }

// Trace logs the lines that are sent for an event.
func (r *Reporter) Trace(lines []byte) {
	const longest = 4 << 10
	r.host.Log(fluentbit.Info, "sends %s", lines[:min(len(lines), longest)])
}
