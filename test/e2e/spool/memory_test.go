package spool

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"out_es/test/bench/agent"
	"out_es/test/e2e"
)

// share divides an agent's memory between its owners, in KB.
type share struct {
	// ours is the Go heap, and the written pages of out_es.so. fluent is all other anonymous
	// memory: Fluent Bit's chunks and the buffers of its inputs, stacks, and the Go runtime's
	// memory beside its heap.
	ours, fluent int
	// mapped are pages of files: programs and libraries.
	mapped int
}

const (
	// goHeapAlign is the minimum alignment of Go's arenas; goHeapFar their minimum distance from
	// the system's other mappings.
	goHeapAlign = 4 << 20
	goHeapFar   = 1 << 40
)

// shareOf reads a process's mappings.
//
// Possible errors: it has ended.
func shareOf(pid int) (s share, err error) {
	file, err := os.Open(fmt.Sprintf("/proc/%d/smaps", pid))
	if err != nil {
		return s, err
	}
	defer file.Close()
	type mapping struct {
		start     uint64
		name      string
		rss, anon int
	}
	var all []*mapping
	var so uint64
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) >= 5 && !strings.HasSuffix(fields[0], ":") {
			from, _, _ := strings.Cut(fields[0], "-")
			m := &mapping{name: strings.Join(fields[5:], " ")}
			m.start, _ = strconv.ParseUint(from, 16, 64)
			if strings.HasSuffix(m.name, ".so") && so == 0 {
				so = m.start
			}
			all = append(all, m)
			continue
		}
		if len(fields) < 2 || len(all) == 0 {
			continue
		}
		kb, _ := strconv.Atoi(fields[1])
		switch fields[0] {
		case "Rss:":
			all[len(all)-1].rss = kb
		case "Anonymous:":
			all[len(all)-1].anon = kb
		}
	}
	for _, m := range all {
		s.mapped += m.rss - m.anon
		far := max(m.start, so)-min(m.start, so) > goHeapFar
		switch {
		case strings.HasSuffix(m.name, e2e.Plugin()), strings.HasPrefix(m.name, "[anon: Go"), m.name == "" && far && m.start%goHeapAlign == 0:
			s.ours += m.anon
		default:
			s.fluent += m.anon
		}
	}
	return s, lines.Err()
}

// watchShares looks at an agent's memory until something is so.
func watchShares(t *testing.T, a *agent.Agent, until func() bool, patience time.Duration) (seen []share) {
	t.Helper()
	for deadline := time.Now().Add(patience); !until(); time.Sleep(100 * time.Millisecond) {
		s, err := shareOf(a.PID())
		if err != nil {
			t.Fatalf("%v: %s", err, a.Log())
		}
		seen = append(seen, s)
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", patience, a.Log())
		}
	}
	if len(seen) < 4 {
		t.Fatalf("%d looks at its memory: it was too quick", len(seen))
	}
	return seen
}

// most of some looks, and the median of them.
func most(seen []share, of func(share) int) int { return of(sorted(seen, of)[len(seen)-1]) }

func median(seen []share, of func(share) int) int { return of(sorted(seen, of)[len(seen)/2]) }

func sorted(seen []share, of func(share) int) []share {
	return slices.SortedFunc(slices.Values(seen), func(a, b share) int { return of(a) - of(b) })
}

func ours(s share) int   { return s.ours }
func fluent(s share) int { return s.fluent }
func mapped(s share) int { return s.mapped }

// tellShares logs the memory of a phase.
func tellShares(t *testing.T, phase string, seen []share) {
	t.Helper()
	t.Logf("%-28s KB: the plugin's at most %d, Fluent Bit's %d to %d, half of the time below %d; pages of files %d",
		phase, most(seen, ours), fluent(sorted(seen, fluent)[0]), most(seen, fluent), median(seen, fluent), most(seen, mapped))
}
