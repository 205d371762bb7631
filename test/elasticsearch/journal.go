package elasticsearch

import (
	"bytes"
	"io"
	"strings"
	"sync"

	"out_es/test/support"
)

// journalBytes of a node's log are kept for error messages: a start logs about 10 KB, a failure two
// long stack traces.
const journalBytes = 64 << 10

// journal passes a log on and remembers its end. Safe for concurrent use.
type journal struct {
	mu   sync.Mutex
	to   io.Writer // may be nil
	last []byte
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.last = append(j.last, p...)
	if excess := len(j.last) - journalBytes; excess > 0 {
		j.last = append(j.last[:0], j.last[excess:]...)
	}
	if j.to != nil {
		j.to.Write(p) // a log that can't be written must not stop the node
	}
	return len(p), nil
}

// tail returns the last n lines.
func (j *journal) tail(n int) string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return support.LastLines(string(j.last), n)
}

const listeningPrefix = "listening "

// announcements is the launcher's standard output: the first "listening HOST:PORT" goes to the
// channel, every other line (the JVM's own warnings) to the journal. One writer at a time.
type announcements struct {
	address chan<- string // has room for one
	journal *journal
	partial []byte
	heard   bool
}

func (a *announcements) Write(p []byte) (int, error) {
	a.partial = append(a.partial, p...)
	for {
		line, rest, found := bytes.Cut(a.partial, []byte("\n"))
		if !found {
			return len(p), nil
		}
		if address, ok := strings.CutPrefix(string(line), listeningPrefix); ok && !a.heard {
			a.heard = true
			a.address <- strings.TrimSpace(address)
		} else {
			a.journal.Write(append(bytes.Clone(line), '\n'))
		}
		a.partial = rest
	}
}
