package replay

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"out_es/plugin/deliver"
)

// PositionSuffix ends the names of files that hold a position.
const PositionSuffix = ".replay-position"

// position is the file that tells how far a run is.
type position struct {
	Version  int        `json:"version"`
	Identity string     `json:"identity"`
	At       place      `json:"at"`
	Left     int64      `json:"left_bytes"`
	Counts   Counts     `json:"counts"`
	Ended    *time.Time `json:"ended,omitempty"`
}

// EndedError means that all of an input was replayed by an earlier run.
type EndedError struct {
	At       time.Time
	Counts   Counts
	Position string
}

func (e *EndedError) Error() string {
	return fmt.Sprintf("all of it was replayed on %s: remove %s to do it again", e.At.Local().Format(time.DateTime), e.Position)
}

// left is the new file, with the position of the run.
type left struct {
	options  Options
	file     *os.File // nil until there is a record for it
	position position
	buffer   []byte
}

// openLeft finds out how far an earlier run came, and cuts the new file back to there.
//
// Possible errors: EndedError; the position is that of another input; the new file is there and
// belongs to no run.
func openLeft(o Options, in Input) (*left, error) {
	l := &left{options: o, position: position{Version: 1, Identity: in.Identity()}}
	if o.DryRun {
		return l, nil
	}
	known := false
	if text, err := os.ReadFile(o.Position); o.Position != "" && err == nil {
		var earlier position
		switch err := json.Unmarshal(text, &earlier); {
		case err != nil || earlier.Version != 1:
			return nil, fmt.Errorf("%s can't be read: remove it to begin anew", o.Position)
		case earlier.Identity != l.position.Identity:
			return nil, fmt.Errorf("%s is the position in other files: name the same files, or remove it and %s to begin anew", o.Position, o.Left)
		case earlier.Ended != nil:
			return nil, &EndedError{*earlier.Ended, earlier.Counts, o.Position}
		}
		l.position, known = earlier, true
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if info, err := os.Stat(o.Left); err == nil && !known && info.Size() > 0 && o.Position != "" {
		return nil, fmt.Errorf("%s is there, and no position beside it: move it away, or name another file with --left", o.Left)
	}
	return l, nil
}

func (l *left) from() place    { return l.position.At }
func (l *left) counts() Counts { return l.position.Counts }
func (l *left) ready() error {
	if l.file != nil {
		return nil
	}
	file, err := os.OpenFile(l.options.Left, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	// A batch that was written without its position is done again.
	if err := file.Truncate(l.position.Left); err != nil {
		_ = file.Close()
		return err
	}
	if _, err := file.Seek(l.position.Left, 0); err != nil {
		_ = file.Close()
		return err
	}
	l.file = file
	return nil
}

// write writes the records of a batch that are not delivered, and the place behind it.
func (l *left) write(b *batch, end place, counts Counts) error {
	l.buffer = l.buffer[:0]
	for i := range b.lines {
		l.buffer = b.lines[i].appendLeft(l.buffer)
	}
	if len(l.buffer) > 0 {
		if err := l.ready(); err != nil {
			return err
		}
		if _, err := l.file.Write(l.buffer); err != nil {
			return err
		}
		if err := l.file.Sync(); err != nil {
			return err
		}
		l.position.Left += int64(len(l.buffer))
	}
	l.position.At, l.position.Counts = end, counts
	return l.save()
}

// save replaces the position's file, so that there is always a whole one.
func (l *left) save() error {
	if l.options.Position == "" {
		return nil
	}
	text, err := json.Marshal(l.position)
	if err != nil {
		return err
	}
	unfinished := l.options.Position + ".new"
	if err := os.WriteFile(unfinished, append(text, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(unfinished, l.options.Position)
}

// finish notes that the input was replayed to its end. What a run that died wrote behind the last
// position goes.
func (l *left) finish(counts Counts) error {
	if l.options.DryRun {
		return nil
	}
	if info, err := os.Stat(l.options.Left); err == nil && info.Size() > l.position.Left && l.file == nil {
		if err := os.Truncate(l.options.Left, l.position.Left); err != nil {
			return err
		}
	}
	now := time.Now()
	l.position.Ended, l.position.Counts = &now, counts
	return l.save()
}

func (l *left) close() {
	if l.file != nil {
		_ = l.file.Close() // every write was synced
	}
}

// fingerprint is a short name for some bytes.
func fingerprint(b []byte) []byte {
	hash := deliver.DigestOf("", b).Event(0)
	return hash[:]
}
