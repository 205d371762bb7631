package spool

import (
	"encoding/hex"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"out_es/plugin/filelimit"
)

const (
	// maxQueues bounds the queues of a Later, of which each has up to three open
	// files. What comes for further keys shares one.
	maxQueues = 32
	// queuePrefix begins the folder of each queue, so that no key is a name that
	// the file system gives a meaning to.
	queuePrefix = "q-"
	// overflowKey is the key of the queue that all others share.
	overflowKey = ""
	// maxQueueName is how long the name of a folder may be, less the prefix. A
	// longer key is cut and told apart by its hash.
	maxQueueName = 180
)

// Later holds frames that can't be delivered now, in a queue of its own for each
// key, so that none of them is in the way of another key's. Queues that are empty
// are removed. It is safe for concurrent use; each queue has one reader.
type Later struct {
	dir     string
	options Options

	mu     sync.Mutex
	queues map[string]*Queue // by the name of the folder
	closed bool
}

// Queue holds the frames of one key.
type Queue struct {
	*Spool
	// Key is what the queue is for, as far as the folder's name tells; empty for
	// the one that keys beyond the bound share.
	Key string
	// Found says that an earlier run left it.
	Found bool

	folder string
	// why is the text of the last Note.
	why string
}

// OpenLater opens the queues in dir, which need not be there. A queue that can't
// be opened fails all: its frames would be forgotten.
//
// Possible errors: those of Open.
func OpenLater(dir string, o Options) (*Later, error) {
	l := &Later{dir: dir, options: o, queues: map[string]*Queue{}}
	folders, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("spool: %w", err)
	}
	for _, folder := range folders {
		if !folder.IsDir() || !strings.HasPrefix(folder.Name(), queuePrefix) {
			continue
		}
		q, err := l.open(folder.Name())
		if err != nil {
			l.Close()
			return nil, err
		}
		q.Found = true
	}
	return l, nil
}

// open opens a queue. l.mu is held, or nothing else knows l yet.
func (l *Later) open(folder string) (*Queue, error) {
	s, err := Open(filepath.Join(l.dir, folder), l.options)
	if err != nil {
		return nil, err
	}
	q := &Queue{Spool: s, Key: keyOf(folder), folder: folder}
	l.queues[folder] = q
	return q, nil
}

// folderOf is the name of a key's folder.
func folderOf(key string) string {
	name := url.PathEscape(key)
	if len(name) > maxQueueName {
		hash := fnv.New128a()
		_, _ = hash.Write([]byte(key))
		name = strings.TrimRight(name[:maxQueueName-33], "%0123456789ABCDEF") + "~" + hex.EncodeToString(hash.Sum(nil))
	}
	return queuePrefix + name
}

// keyOf is the key of a folder, the folder's own name where it was cut.
func keyOf(folder string) string {
	name := strings.TrimPrefix(folder, queuePrefix)
	if key, err := url.PathUnescape(name); err == nil {
		return key
	}
	return name
}

// Adopt takes over the queue of an older version, if dir is one: before OpenLater.
//
// Possible errors: those of the file system.
func Adopt(dir, later string) error {
	if _, err := os.Stat(dir); err != nil {
		return nil // there is none
	}
	if err := os.MkdirAll(later, 0o700); err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	if err := os.Rename(dir, filepath.Join(later, folderOf(overflowKey))); err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	return nil
}

// Append adds a frame to the queue of a key, which is made where there is none.
// The limit does not count: the frame's old place is given back.
//
// Possible errors: those of Spool.Append and Open.
func (l *Later) Append(key string, f Frame) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return ErrClosed
	}
	folder := folderOf(key)
	q := l.queues[folder]
	if q == nil && len(l.queues) >= maxQueues {
		folder = folderOf(overflowKey)
		q = l.queues[folder]
	}
	if q == nil {
		var err error
		if q, err = l.open(folder); err != nil {
			return err
		}
	}
	return q.Append(f, BeyondLimit)
}

// whyName is the file that tells an operator why a queue waits.
const whyName = "why.txt"

// maxWhy bounds a note: a reason may be long.
const maxWhy = 2000

// Note writes down why the queue of a key waits, for an operator who looks into
// the folder. A note that can't be written is none: nothing depends on it.
func (l *Later) Note(key, why string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	q := l.queues[folderOf(key)]
	if why = strings.ToValidUTF8(why[:min(len(why), maxWhy)], ""); q == nil || l.closed || q.why == why {
		return
	}
	path := filepath.Join(q.dir, whyName)
	if filelimit.Within(filelimit.Bytes(), int64(len(why))) != nil || os.WriteFile(path+unfinished, []byte(why+"\n"), 0o600) != nil {
		return
	}
	if os.Rename(path+unfinished, path) == nil {
		q.why = why
	}
}

// Queues are those that there are now.
func (l *Later) Queues() []*Queue {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make([]*Queue, 0, len(l.queues))
	for _, q := range l.queues {
		all = append(all, q)
	}
	return all
}

// Of returns what the queue of a key holds.
func (l *Later) Of(key string) Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	q := l.queues[folderOf(key)]
	if q == nil {
		return Stats{}
	}
	return q.Stats()
}

// Stats are the sums over all queues.
func (l *Later) Stats() (all Stats) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, q := range l.queues {
		one := q.Stats()
		all.Frames += one.Frames
		all.Bytes += one.Bytes
		if !one.Oldest.IsZero() && (all.Oldest.IsZero() || one.Oldest.Before(all.Oldest)) {
			all.Oldest = one.Oldest
		}
	}
	return all
}

// Retire closes and removes a queue in which nothing waits, and reports whether
// it did.
func (l *Later) Retire(q *Queue) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || l.queues[q.folder] != q || q.Stats().Frames > 0 {
		return false
	}
	delete(l.queues, q.folder)
	q.remove()
	return true
}

// Close closes all queues. What is in them stays.
func (l *Later) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for _, q := range l.queues {
		_ = q.Close() // what was acknowledged is written
	}
}

// remove closes the spool and deletes its files, but what was set aside of
// damage: that is for an operator to look at.
func (s *Spool) remove() {
	s.mu.Lock()
	s.drop(func(*segment) bool { return true })
	s.mu.Unlock()
	for _, name := range [...]string{checkpointName, whyName, whyName + unfinished} {
		_ = os.Remove(filepath.Join(s.dir, name))
	}
	removeUnfinished(s.dir)
	_ = os.Remove(filepath.Join(s.dir, lockName))
	_ = s.Close()
	_ = os.Remove(s.dir) // but where something is left in it
}
