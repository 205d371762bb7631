package report

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"out_es/plugin/guard"
)

const (
	// firstSummary is how long the repetitions behind a first line are gathered, so that a burst is
	// two lines. laterSummary is the interval of further lines while it goes on, and the silence
	// after which a kind is logged at once again.
	firstSummary = 2 * time.Second
	laterSummary = time.Minute
	// summaryKinds bounds the different lines that are told apart.
	summaryKinds = 50
)

// summary tells the first of each kind of happening at once, and gathers its
// repetitions into one line with their count. It is safe for concurrent use.
type summary struct {
	print func(text string)

	mu     sync.Mutex
	kinds  []*summaryEntry // in the order of their first lines
	others int             // that came when there was no room for another kind
	timer  *time.Timer
	last   time.Time // of the last summary
}

// summaryEntry is one kind of event in the life of records.
type summaryEntry struct {
	text string
	more int       // that were not told yet
	told time.Time // when something of it was told last
}

// note counts n records to which text happened.
func (s *summary) note(text string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	h := s.kind(text, now)
	switch {
	case h == nil:
		s.others += n
	case h.more == 0 && (h.told.IsZero() || now.Sub(h.told) >= laterSummary):
		h.told = now
		s.print(fmt.Sprintf("%s: %d", text, n))
		return
	default:
		h.more += n
	}
	if s.timer == nil {
		wait := firstSummary
		if !s.last.IsZero() {
			wait = max(wait, laterSummary-now.Sub(s.last))
		}
		s.timer = guard.AfterFunc(wait, s.fault, s.log)
	}
}

// kind finds or makes the place of a text, nil where there is no room for
// another. s.mu is held.
func (s *summary) kind(text string, now time.Time) *summaryEntry {
	for _, h := range s.kinds {
		if h.text == text {
			return h
		}
	}
	if len(s.kinds) == summaryKinds {
		s.kinds = slices.DeleteFunc(s.kinds, func(h *summaryEntry) bool { return h.more == 0 && now.Sub(h.told) >= laterSummary })
	}
	if len(s.kinds) == summaryKinds {
		return nil
	}
	h := &summaryEntry{text: text}
	s.kinds = append(s.kinds, h)
	return h
}

// log prints the summary.
func (s *summary) log() {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for _, h := range s.kinds {
		if h.more > 0 {
			s.print(fmt.Sprintf("%s: %d more", h.text, h.more))
			h.more, h.told = 0, now
		}
	}
	if s.others > 0 {
		s.print(fmt.Sprintf("records had further kinds of faults, too many to list: %d", s.others))
	}
	s.others, s.timer, s.last = 0, nil, now
}

// fault tells of a panic in the timer's callback.
func (s *summary) fault(problem any) {
	s.print(fmt.Sprintf("a fault in this plugin, please report it: %v", problem))
}

// close prints the rest. A timer that fires just now finds nothing: its lines after close would be
// lost.
func (s *summary) close() {
	s.mu.Lock()
	if s.timer != nil {
		s.timer.Stop()
	}
	s.mu.Unlock()
	s.log()
}
