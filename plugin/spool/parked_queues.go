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
	"sync/atomic"

	"out_es/plugin/filelimit"
)

const (
	// maxQueues bounds the queues of ParkedQueues, each of which has up to three open files. Frames
	// of further keys share one queue.
	maxQueues = 32
	// queuePrefix begins the folder of each queue, so that no key is a special name of the file
	// system.
	queuePrefix = "q-"
	// overflowKey is the key of the queue that all others share.
	overflowKey = ""
	// maxQueueName is the maximum length of a folder's name without the prefix. A longer key is cut
	// and identified by its hash.
	maxQueueName = 180
)

// ParkedQueues hold frames that can't be delivered now, in a queue for each key, so that no key
// blocks another. Empty queues are removed. It is safe for concurrent use; each queue has one
// reader.
type ParkedQueues struct {
	dir     string
	options Options

	mu     sync.Mutex
	queues map[string]*Queue // by the name of the folder
	closed bool
}

// Queue holds the frames of one key.
type Queue struct {
	*Spool
	// Key is the queue's key, of one from an earlier run as far as the folder's name tells;
	// empty for the queue that further keys share.
	Key string
	// FromEarlierRun means that an earlier run left it.
	FromEarlierRun bool

	folder string
	// reason is the text of the last Note.
	reason string
	// records are those of its frames, without those that an earlier run left until CountEarlier.
	records atomic.Int64
	// own is the sequence number of the first frame of this run.
	own uint64
}

// Records is how many records its frames hold.
func (q *Queue) Records() int { return int(max(0, q.records.Load())) }

// Took tells that a frame with so many records left the queue.
func (q *Queue) Took(records int) { q.records.Add(-int64(records)) }

// CountEarlier counts the records that an earlier run left, by the heads of their frames. It is
// called by the goroutine that reads, before the first frame is taken, and ends early where stopped
// says so.
func (q *Queue) CountEarlier(stopped func() bool) {
	r := &Reader{spool: q.Spool, at: q.done, peeks: true}
	defer r.Close()
	for !stopped() {
		e, err := r.next()
		switch {
		case err == nil && e.Sequence < q.own:
			q.records.Add(int64(e.Records))
		case !errors.As(err, new(*Damage)):
			return
		}
	}
}

// OpenParkedQueues opens the queues in dir, which may be missing. A queue that can't be opened
// fails all: its frames would be forgotten.
//
// Possible errors: those of Open.
func OpenParkedQueues(dir string, o Options) (*ParkedQueues, error) {
	l := &ParkedQueues{dir: dir, options: o, queues: map[string]*Queue{}}
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
		q.FromEarlierRun = true
	}
	return l, nil
}

// open opens a queue. l.mu is held, unless l is still private.
func (l *ParkedQueues) open(folder string) (*Queue, error) {
	if err := l.options.rootMissing(); err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	s, err := Open(filepath.Join(l.dir, folder), l.options)
	if err != nil {
		return nil, err
	}
	q := &Queue{Spool: s, Key: keyOf(folder), folder: folder, own: s.sequence}
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

// keyOf is the key of a folder, or the folder's own name if it was cut.
func keyOf(folder string) string {
	name := strings.TrimPrefix(folder, queuePrefix)
	if key, err := url.PathUnescape(name); err == nil {
		return key
	}
	return name
}

// Adopt converts the queue of an older version, if dir is one, before OpenParkedQueues.
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

// Append adds a frame to the queue of a key, and creates it if it is missing. The limit does not
// count: the frame's old place is freed.
//
// Possible errors: those of Spool.Append and Open.
func (l *ParkedQueues) Append(key string, f Frame) error {
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
		if folder != folderOf(overflowKey) {
			q.Key = key
		}
	}
	if err := q.Append(f, BeyondLimit); err != nil {
		return err
	}
	q.records.Add(int64(f.Records))
	return nil
}

// reasonFile is the file with the reason for a queue, for operators.
const reasonFile = "why.txt"

// maxReasonBytes bounds a note: a reason may be long.
const maxReasonBytes = 2000

// WriteReason writes the reason for the queue of a key into its folder, for operators. Errors are
// ignored: nothing depends on it.
func (l *ParkedQueues) WriteReason(key, why string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	q := l.queues[folderOf(key)]
	if why = strings.ToValidUTF8(why[:min(len(why), maxReasonBytes)], ""); q == nil || l.closed || q.reason == why {
		return
	}
	path := filepath.Join(q.dir, reasonFile)
	if filelimit.Check(filelimit.MaxBytes(), int64(len(why))) != nil || os.WriteFile(path+unfinished, []byte(why+"\n"), 0o600) != nil {
		return
	}
	if os.Rename(path+unfinished, path) == nil {
		q.reason = why
	}
}

// Queues are the current queues.
func (l *ParkedQueues) Queues() []*Queue {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make([]*Queue, 0, len(l.queues))
	for _, q := range l.queues {
		all = append(all, q)
	}
	return all
}

// Queue returns the content of a key's queue.
func (l *ParkedQueues) Queue(key string) Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	q := l.queues[folderOf(key)]
	if q == nil {
		return Stats{}
	}
	return q.Stats()
}

// Stats are the sums over all queues.
func (l *ParkedQueues) Stats() (all Stats) {
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

// Retire closes and removes an empty queue, and reports whether it did.
func (l *ParkedQueues) Retire(q *Queue) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || l.queues[q.folder] != q || q.Stats().Frames > 0 {
		return false
	}
	delete(l.queues, q.folder)
	q.remove()
	return true
}

// Close closes all queues. Their frames stay.
func (l *ParkedQueues) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for _, q := range l.queues {
		_ = q.Close() // acknowledged frames are written
	}
}

// remove closes the spool and deletes its files, except damage that was set aside for an operator.
func (s *Spool) remove() {
	s.mu.Lock()
	s.drop(func(*segment) bool { return true })
	s.mu.Unlock()
	for _, name := range [...]string{checkpointName, reasonFile, reasonFile + unfinished} {
		_ = os.Remove(filepath.Join(s.dir, name))
	}
	removeUnfinished(s.dir)
	_ = os.Remove(filepath.Join(s.dir, lockName))
	_ = s.Close()
	_ = os.Remove(s.dir) // fails if files are left in it
}
