package report

import (
	"fmt"
	"sync"
	"time"

	"out_es/plugin/guard"
)

const (
	// firstSummary is how long the first lines are gathered, so that a burst
	// is one line; laterSummary is how often they follow while it goes on.
	firstSummary = 2 * time.Second
	laterSummary = time.Minute
	// summaryKinds bounds the different lines of one summary.
	summaryKinds = 50
)

// summary gathers what happens to many records into one line for each kind of
// happening, with its count. It is safe for concurrent use.
type summary struct {
	print func(text string)

	mu     sync.Mutex
	counts map[string]int
	order  []string
	others int
	timer  *time.Timer
	last   time.Time
}

// note counts n records to which text happened.
func (s *summary) note(text string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.counts == nil {
		s.counts = map[string]int{}
	}
	if _, known := s.counts[text]; !known && len(s.order) == summaryKinds {
		s.others += n
	} else {
		if !known {
			s.order = append(s.order, text)
		}
		s.counts[text] += n
	}
	if s.timer == nil {
		wait := firstSummary
		if !s.last.IsZero() {
			wait = max(wait, laterSummary-time.Since(s.last))
		}
		s.timer = guard.AfterFunc(wait, s.fault, s.tell)
	}
}

// tell prints what was gathered.
func (s *summary) tell() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, text := range s.order {
		s.print(fmt.Sprintf("%s: %d", text, s.counts[text]))
	}
	if s.others > 0 {
		s.print(fmt.Sprintf("records met other faults, too many to tell apart: %d", s.others))
	}
	s.counts, s.order, s.others, s.timer, s.last = nil, nil, 0, nil, time.Now()
}

// fault tells of a panic in the timer's callback.
func (s *summary) fault(problem any) {
	s.print(fmt.Sprintf("a fault in this plugin, please report it: %v", problem))
}

// close prints what is left. A timer that fires just now finds nothing more:
// nobody reads what it would print after close.
func (s *summary) close() {
	s.mu.Lock()
	if s.timer != nil {
		s.timer.Stop()
	}
	s.mu.Unlock()
	s.tell()
}
