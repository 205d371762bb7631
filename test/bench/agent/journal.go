package agent

import (
	"bytes"
	"sync"
	"time"
)

// journal keeps an agent's output, and the moment at which a text came.
type journal struct {
	await []byte
	seen  chan time.Time // gets one

	mu    sync.Mutex
	all   bytes.Buffer
	found bool
}

func newJournal(await string) *journal {
	return &journal{await: []byte(await), seen: make(chan time.Time, 1)}
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	_, _ = j.all.Write(p)
	if !j.found && len(j.await) > 0 && bytes.Contains(j.all.Bytes(), j.await) {
		j.found = true
		j.seen <- time.Now()
	}
	return len(p), nil
}

func (j *journal) text() []byte {
	j.mu.Lock()
	defer j.mu.Unlock()
	return bytes.Clone(j.all.Bytes())
}
