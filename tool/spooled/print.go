package spooled

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"out_es/plugin/address"
	"out_es/plugin/chunk"
	"out_es/plugin/deadletter"
	"out_es/plugin/deliver"
	"out_es/plugin/document"
	"out_es/plugin/jsontext"
	"out_es/plugin/source"
	"out_es/plugin/spool"
	"out_es/tool/encoder"
)

// Pick says which records are wanted.
type Pick struct {
	Selection
	// Records is how many at most, 0 for all.
	Records int
}

// Format turns the records of a chunk that are left into lines.
type Format interface {
	// Lines calls each with every record's line, without its end. why is the reason why the chunk
	// is held, "" where it is not.
	Lines(f spool.Frame, why string, each func(line []byte) error) error
}

var errEnough = errors.New("as many records as were asked for")

// Print writes the records of all chunks that are left, oldest first within each queue. It returns
// what can't be read.
//
// Possible errors: those of out and of the file system; the context's.
func Print(ctx context.Context, out io.Writer, all []*Spool, pick Pick, format Format) (problems []string, err error) {
	w := bufio.NewWriterSize(out, 1<<20)
	written := 0
	line := func(text []byte) error {
		if written++; pick.Records > 0 && written > pick.Records {
			return errEnough
		}
		_, _ = w.Write(text)
		return w.WriteByte('\n')
	}
	for _, s := range all {
		found, err := s.print(ctx, pick.Selection, format, line)
		problems = append(problems, found...)
		if errors.Is(err, errEnough) {
			break
		}
		if err != nil {
			return problems, err
		}
	}
	return problems, w.Flush()
}

func (s *Spool) print(ctx context.Context, pick Selection, format Format, line func([]byte) error) (problems []string, err error) {
	queues, err := s.queues(pick)
	if err != nil {
		return nil, err
	}
	var buffer []byte
	for _, q := range queues {
		name := filepath.Join(s.Instance, q.destination)
		segments := make([]spool.Segment, q.Segments())
		for i := range segments {
			segments[i], err = q.Walk(i, func(at spool.FrameView) error {
				if err := ctx.Err(); err != nil || !pick.tag(at.Tag) {
					return err
				}
				var frame spool.Frame
				var err error
				frame, buffer, err = q.Load(at.Entry, buffer)
				if errors.Is(err, spool.ErrDamaged) {
					if !q.Passed(at.End) {
						problems = append(problems, fmt.Sprintf("%s: %s: the chunk at byte %d, of %d records, is damaged", name, q.SegmentName(i), offsetOf(at), at.Records))
					}
					return nil
				}
				if err != nil {
					return err
				}
				return format.Lines(frame, q.why, line)
			})
			if err != nil {
				return problems, err
			}
		}
		lines, _ := q.damage(segments, name)
		problems = append(problems, lines...)
		if q.Doubt != "" {
			problems = append(problems, fmt.Sprintf("%s: %s", q.Dir(), q.Doubt))
		}
	}
	return problems, nil
}

func offsetOf(at spool.FrameView) int64 {
	_, offset := at.Place.Where()
	return offset
}

// Check is the outcome of Verify.
type Check struct {
	Instance string   `json:"instance"`
	Chunks   int      `json:"chunks"`
	Records  int      `json:"records"`
	Damage   []string `json:"damage"`
}

// verifier is the Format of a chunk that is only read.
type verifier struct{ check *Check }

func (n verifier) Lines(f spool.Frame, _ string, _ func([]byte) error) error {
	n.check.Chunks++
	n.check.Records += f.Records
	return nil
}

// Verify reads all chunks and their checksums.
//
// Possible errors: those of the file system; the context's.
func (s *Spool) Verify(ctx context.Context, pick Selection) (*Check, error) {
	check := &Check{Instance: s.Instance}
	problems, err := s.print(ctx, pick, verifier{check}, nil)
	check.Damage = append([]string{}, problems...)
	return check, err
}

// printer writes records as they came: {"time":…,"tag":…,"metadata":…,"record":…}, with "group"
// where the event is in one.
type printer struct {
	documents *document.Writer
	line      []byte
}

// NewPrinter returns the Format of out-es preview's input.
func NewPrinter() Format { return &printer{documents: document.NewWriter(document.Options{})} }

func (p *printer) Lines(f spool.Frame, _ string, each func([]byte) error) error {
	var settled deliver.Settled
	settled.Load(f.Settled)
	reader := chunk.NewReader(f.Chunk)
	p.documents.Begin(f.Tag)
	var e chunk.Event
	for {
		err := reader.Next(&e)
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, chunk.ErrTruncated):
			return nil
		case err != nil, e.Kind != chunk.Log, settled.Has(e.Position):
			continue
		}
		if err := reader.Bound(&e); err != nil {
			return nil
		}
		p.line = append(p.line[:0], `{"time":"`...)
		p.line = time.Unix(e.Time.Seconds, int64(e.Time.Nanos)).UTC().AppendFormat(p.line, time.RFC3339Nano)
		p.line = append(p.line, `","tag":`...)
		p.line = jsontext.AppendString(p.line, []byte(f.Tag))
		p.part("metadata", e.Metadata)
		p.part("group", e.Group)
		if len(e.Record) == 0 || !p.part("record", e.Record) {
			p.line = append(p.line, `,"record":{}`...)
		}
		p.line = append(p.line, '}')
		if err := each(p.line); err != nil {
			return err
		}
	}
}

// part appends a map as a field unless it is empty, and reports whether it did.
func (p *printer) part(name string, value []byte) bool {
	if len(value) == 0 || chunk.IsEmpty(value) {
		return false
	}
	mark := len(p.line)
	p.line = append(append(append(p.line, `,"`...), name...), `":`...)
	grown, _, err := p.documents.Append(p.line, &chunk.Event{Record: value})
	if err != nil {
		p.line = p.line[:mark]
		return false
	}
	p.line = grown
	return true
}

// openFrame opens the events of a frame that are left.
func openFrame(s *source.Source, f spool.Frame) {
	encoder.Open(s, f.Tag, f.Chunk)
	s.Settled().Load(f.Settled)
}

// exporter writes dead-letter records.
type exporter struct {
	source *source.Source
	line   []byte
}

// NewExporter returns the Format of out-es replay's input, for an instance with these options.
func NewExporter(o *source.Options) Format {
	return &exporter{source: encoder.NewSource(o)}
}

func (x *exporter) Lines(f spool.Frame, why string, each func([]byte) error) error {
	openFrame(x.source, f)
	if why == "" {
		why = "it waited in the spool"
	}
	return x.source.Walk(func(item *source.Item) error {
		letter := deadletter.Record{
			Index: item.Index, Tag: f.Tag, EventTime: time.Unix(item.Event.Time.Seconds, int64(item.Event.Time.Nanos)),
			Type: "exported_from_spool", Reason: why, RejectedAt: time.Now(), Document: item.Document,
		}
		switch {
		case errors.Is(item.Err, address.ErrNoID), errors.Is(item.Err, address.ErrIDTooLong):
			letter.Type, letter.Reason = "id_missing", item.Err.Error()
		case item.Err != nil:
			return nil // it is no record: the agent would count it as malformed
		default:
			action, err := encoder.Action(item.Lines)
			if err != nil {
				return err
			}
			letter.ID, letter.Routing, letter.Pipeline = action.ID, action.Routing, action.Pipeline
		}
		x.line = deadletter.AppendRecord(x.line[:0], letter)
		return each(x.line)
	})
}
