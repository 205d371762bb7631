// Package spooled looks into spools beside the agents that use them: it takes no lock and writes
// nothing.
package spooled

import (
	"cmp"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"out_es/lint/sections"
	"out_es/plugin/spool"
)

// Front is the destination of chunks that wait for their first attempt: theirs is not known yet.
const Front = "(front)"

// shared is the destination of the queue that several share.
const shared = "(several)"

// Spool is the folder of one instance.
type Spool struct {
	dir string
	// Instance is the name of the folder, which is that of the instance.
	Instance string
}

// Open finds the spools in a folder: the folder of one instance, or that of Spool_Path.
//
// Possible errors: those of the file system.
func Open(dir string) ([]*Spool, error) {
	dirs, err := spool.Spools(dir)
	if err != nil {
		return nil, err
	}
	var all []*Spool
	for _, one := range dirs {
		all = append(all, &Spool{dir: one, Instance: filepath.Base(one)})
	}
	return all, nil
}

// Selection says which chunks are wanted; its zero value, all.
type Selection struct {
	// Tag is a pattern as in Match, Destination a name, both "" for any.
	Tag, Destination string
}

func (s Selection) tag(tag []byte) bool { return s.Tag == "" || sections.Match(s.Tag, string(tag)) }

// Sums are those of some chunks.
type Sums struct {
	Chunks  int       `json:"chunks"`
	Records int       `json:"records"`
	Bytes   int64     `json:"bytes"`
	Oldest  time.Time `json:"oldest"`
	Newest  time.Time `json:"newest"`
}

func (s *Sums) add(o Sums) {
	s.Chunks, s.Records, s.Bytes = s.Chunks+o.Chunks, s.Records+o.Records, s.Bytes+o.Bytes
	if s.Oldest.IsZero() || o.Oldest.Before(s.Oldest) {
		s.Oldest = o.Oldest
	}
	if o.Newest.After(s.Newest) {
		s.Newest = o.Newest
	}
}

// Group is the chunks of one tag that wait for one destination.
type Group struct {
	Instance    string `json:"instance"`
	Destination string `json:"destination"`
	Tag         string `json:"tag"`
	Sums
}

// Chunk is one chunk.
type Chunk struct {
	Instance    string    `json:"instance"`
	Destination string    `json:"destination"`
	Segment     uint64    `json:"segment"`
	Offset      int64     `json:"offset"`
	Sequence    uint64    `json:"sequence"`
	Appended    time.Time `json:"appended"`
	Records     int       `json:"records"`
	Left        int       `json:"left"`
	Bytes       int       `json:"bytes"`
	Tag         string    `json:"tag"`
}

// Destination is the chunks that wait for one destination.
type Destination struct {
	Destination string `json:"destination"`
	Sums
	// Why is the reason that the agent noted last.
	Why string `json:"why,omitempty"`
}

// State is the content of one spool.
type State struct {
	Instance string `json:"instance"`
	InUse    bool   `json:"in_use"`
	Sums
	Segments     int           `json:"segments"`
	FileBytes    int64         `json:"file_bytes"`
	Torn         int64         `json:"torn_bytes"`
	Destinations []Destination `json:"destinations"`
	Damage       []string      `json:"damage"`
	Doubts       []string      `json:"doubts"`
	Aside        []string      `json:"set_aside"`
	Groups       []Group       `json:"-"`
	List         []Chunk       `json:"-"`
}

// Problems are the lines that an operator must see.
func (s *State) Problems() []string { return append(slices.Clone(s.Damage), s.Doubts...) }

// queue is one queue of a spool: its front, or one of those that are held.
type queue struct {
	*spool.View
	destination, why string
}

// queues opens those of a spool that a selection wants.
//
// Possible errors: those of the file system; a spool of another version.
func (s *Spool) queues(pick Selection) ([]queue, error) {
	front, err := spool.OpenView(s.dir)
	if err != nil {
		return nil, err
	}
	all := []queue{{front, Front, ""}}
	held, err := spool.HeldQueues(filepath.Join(s.dir, "later"))
	if err != nil {
		return nil, err
	}
	for _, h := range held {
		view, err := spool.OpenView(h.Dir)
		if err != nil {
			continue // it was removed meanwhile: all of it is delivered
		}
		all = append(all, queue{view, cmp.Or(h.Key, shared), h.Reason})
	}
	return slices.DeleteFunc(all, func(q queue) bool { return pick.Destination != "" && q.destination != pick.Destination }), nil
}

// walk visits the chunks of a queue in their order. Segments are read by several goroutines; visit
// is called by one at a time for each segment, with the segment's number in order from 0.
//
// Possible errors: those of visit and of the file system.
func (q queue) walk(visit func(i int, at spool.FrameView) error) ([]spool.Segment, error) {
	segments, errs := make([]spool.Segment, q.Segments()), make([]error, q.Segments())
	var taken atomic.Int64
	var all sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), max(1, q.Segments())) {
		all.Go(func() {
			for {
				mine := int(taken.Add(1)) - 1
				if mine >= q.Segments() {
					return
				}
				segments[mine], errs[mine] = q.Walk(mine, func(at spool.FrameView) error { return visit(mine, at) })
			}
		})
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return segments, err
		}
	}
	return segments, nil
}

// damage turns the outcome of a walk into lines. Frames that the agent settled meanwhile are no
// damage.
func (q queue) damage(segments []spool.Segment, name string) (lines []string, torn int64) {
	expected := q.Behind()
	for i, s := range segments {
		if s.Gone {
			expected = 0 // it was done, and so is all before
			continue
		}
		torn += s.Torn
		for _, d := range s.Damage {
			if !q.Passed(d.To) {
				lines = append(lines, fmt.Sprintf("%s: %s: %v", name, q.SegmentName(i), d))
			}
		}
		if len(s.Damage) == 0 && expected != 0 && s.First > expected && !q.PassedAll(s.First) {
			lines = append(lines, fmt.Sprintf("%s: %d chunks before %s are missing", name, s.First-expected, q.SegmentName(i)))
		}
		if s.Next != 0 {
			expected = s.Next
		}
	}
	return lines, torn
}

// Survey reads the heads of all chunks.
//
// Possible errors: those of the file system; a spool of another version.
func (s *Spool) Survey(pick Selection, chunks bool) (*State, error) {
	queues, err := s.queues(pick)
	if err != nil {
		return nil, err
	}
	state := &State{Instance: s.Instance, Destinations: []Destination{}, Damage: []string{}, Doubts: []string{}, Aside: []string{}}
	for _, q := range queues {
		state.InUse = state.InUse || q.InUse()
		groups := make([]map[string]*Group, q.Segments())
		found := make([][]Chunk, q.Segments())
		segments, err := q.walk(func(i int, at spool.FrameView) error {
			if !pick.tag(at.Tag) {
				return nil
			}
			if groups[i] == nil {
				groups[i] = map[string]*Group{}
			}
			g := groups[i][string(at.Tag)]
			if g == nil {
				g = &Group{Instance: s.Instance, Destination: q.destination, Tag: string(at.Tag)}
				groups[i][g.Tag] = g
			}
			g.add(Sums{Chunks: 1, Records: at.Left, Bytes: int64(at.Bytes()), Oldest: at.Appended, Newest: at.Appended})
			if chunks {
				segment, offset := at.Place.Where()
				found[i] = append(found[i], Chunk{s.Instance, q.destination, segment, offset, at.Sequence, at.Appended, at.Records, at.Left, at.Bytes(), g.Tag})
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		state.take(q, groups, slices.Concat(found...))
		lines, torn := q.damage(segments, filepath.Join(s.Instance, q.destination))
		state.Damage, state.Torn = append(state.Damage, lines...), state.Torn+torn
		if q.Doubt != "" {
			state.Doubts = append(state.Doubts, fmt.Sprintf("%s: %s", q.Dir(), q.Doubt))
		}
		if aside, err := q.DamagedFiles(); err == nil {
			state.Aside = append(state.Aside, aside...)
		}
		for i := range q.Segments() {
			state.Segments++
			state.FileBytes += q.SegmentBytes(i)
		}
	}
	return state, nil
}

// take adds the chunks of a queue.
func (s *State) take(q queue, segments []map[string]*Group, chunks []Chunk) {
	all := map[string]*Group{}
	d := Destination{Destination: q.destination, Why: q.why}
	for _, groups := range segments {
		for tag, g := range groups {
			if known := all[tag]; known != nil {
				known.add(g.Sums)
			} else {
				all[tag] = g
			}
		}
	}
	from := len(s.Groups)
	for _, g := range all {
		s.Groups = append(s.Groups, *g)
		d.add(g.Sums)
	}
	slices.SortFunc(s.Groups[from:], func(a, b Group) int { return cmp.Or(a.Oldest.Compare(b.Oldest), cmp.Compare(a.Tag, b.Tag)) })
	s.List = append(s.List, chunks...)
	if d.Chunks == 0 {
		return
	}
	s.Destinations = append(s.Destinations, d)
	s.add(d.Sums)
}
