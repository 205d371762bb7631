package report

import (
	"strings"
	"time"

	"out_es/plugin/bulk"
	"out_es/plugin/deliver"
	"out_es/plugin/fluentbit"
)

// holds are the held destinations, and the lines about them: one line at once for each kind of
// fault, one a minute while it lasts, and one at its end, for any number of destinations.
type holds struct {
	destinations, records *fluentbit.Gauge

	kinds map[holdKind]*holdLines
	of    map[string]holdKind // the kind of each destination that is held
}

// holdKind is the common part of holds that share a line: Elasticsearch's error type, of which
// there are few, its status, and the operator's next step.
type holdKind struct {
	status int
	kind   string
	scope  bulk.Scope
	remedy string
	// whole says that every request is held.
	whole bool
}

type holdLines struct {
	held       int // destinations
	since      time.Time
	lastLogged time.Time
	logged     bool // told since it was over
}

// maxHoldKinds bounds the kinds that are remembered though nothing is held by
// them any more.
const maxHoldKinds = 64

func newHolds(host *fluentbit.Instance) holds {
	return holds{
		destinations: host.Gauge("held_destinations", "Indices, aliases and data streams that can't be written to now."),
		records:      host.Gauge("held_records", "Records in chunks that wait, in Fluent Bit or in the spool, for held destinations."),
		kinds:        map[holdKind]*holdLines{},
		of:           map[string]holdKind{},
	}
}

// Held implements deliver.Observer.
func (r *Reporter) Held(h deliver.Hold) {
	r.mu.Lock()
	defer r.mu.Unlock()
	kind := holdKind{status: h.Why.Status, kind: h.Why.Error, scope: h.Why.Scope, remedy: h.Why.Remedy, whole: h.Destination == ""}
	lines := r.holds.enter(h.Destination, kind)
	now := time.Now()
	if lines.since.IsZero() {
		lines.since = h.Since
	}
	if !lines.lastLogged.IsZero() && now.Sub(lines.lastLogged) < reminder {
		return
	}
	lines.lastLogged, lines.logged = now, true
	level := fluentbit.Warn
	if h.Why.Scope == bulk.SettingsScope {
		level = fluentbit.Error
	}
	reason := h.Why.Reason
	if r.options.FullReasons && h.Why.FullReason != "" {
		reason = h.Why.FullReason
	}
	since := lines.since.Format(time.TimeOnly)
	if h.Destination == "" {
		r.host.Log(level, "Elasticsearch rejects every request since %s: status %d, %s: %s; records are kept and retried: %s",
			since, h.Why.Status, h.Why.Error, reason, h.Why.Remedy)
		return
	}
	r.host.Log(level, "%s is held: status %d, %s: %s; its records are kept and retried, other indices go on (held for this reason since %s: %d): %s",
		h.Destination, h.Why.Status, h.Why.Error, reason, since, lines.held, strings.ReplaceAll(h.Why.Remedy, "<index>", h.Destination))
}

// Released implements deliver.Observer.
func (r *Reporter) Released(h deliver.Hold) {
	r.mu.Lock()
	defer r.mu.Unlock()
	lines := r.holds.leave(h.Destination)
	if lines == nil || lines.held > 0 {
		return
	}
	took := time.Since(lines.since).Round(time.Millisecond)
	lines.since = time.Time{}
	if !lines.logged {
		return
	}
	lines.logged = false
	if h.Destination == "" {
		r.host.Log(fluentbit.Info, "Elasticsearch accepts requests again, after %s", took)
		return
	}
	r.host.Log(fluentbit.Info, "%s accepts documents again, after %s", h.Destination, took)
}

// HeldRecords shows how many records wait for held destinations.
func (r *Reporter) HeldRecords(n int) { r.holds.records.Set(float64(n)) }

// enter counts a destination to its kind.
func (h *holds) enter(destination string, kind holdKind) *holdLines {
	if h.of[destination] != kind {
		if before := h.leave(destination); before != nil && before.held == 0 {
			before.since, before.logged = time.Time{}, false // it is held for another reason now
		}
	}
	lines := h.kinds[kind]
	if lines == nil {
		h.forget()
		lines = &holdLines{}
		h.kinds[kind] = lines
	}
	if _, known := h.of[destination]; !known {
		h.of[destination] = kind
		lines.held++
	}
	h.show()
	return lines
}

// leave takes a destination out, and returns the lines of its kind, nil where it
// was not held.
func (h *holds) leave(destination string) *holdLines {
	kind, known := h.of[destination]
	if !known {
		return nil
	}
	delete(h.of, destination)
	h.show()
	lines := h.kinds[kind]
	lines.held--
	return lines
}

// forget makes room for another kind.
func (h *holds) forget() {
	for kind, lines := range h.kinds {
		if len(h.kinds) >= maxHoldKinds && lines.held == 0 {
			delete(h.kinds, kind)
		}
	}
}

func (h *holds) show() {
	n := len(h.of)
	if _, whole := h.of[""]; whole {
		n--
	}
	h.destinations.Set(float64(n))
}
