package tool

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"out_es/plugin/deliver"
	"out_es/plugin/jsontext"
	"out_es/plugin/settings"
	"out_es/tool/replay"
)

type replayFlags struct {
	section  sectionFlags
	index    string
	pick     string
	left     string
	dryRun   bool
	ids      string
	workers  int
	patience time.Duration
}

func newReplay(s streams) *cobra.Command {
	f := &replayFlags{}
	command := &cobra.Command{
		Use:   "replay FILE...",
		Short: "Bring dead-letter records back into Elasticsearch",
		Long: `replay sends the documents of dead-letter records to their indices, byte for byte, with their ids, routing and pipelines. It
reads files of Dead_Letter_File, rotated ones too, those of "out-es spool export", and with --from-index a Dead_Letter_Index.
It sends and judges requests as the plugin does, with the options of a section (--config), of the command line (--set Hosts=…),
or both.

Records that are not delivered go to a new file, FILE.left or --left: those rejected again or held (with the new reason), those
that --select leaves out, and faulty lines. Then remove the old files; the new one can be replayed, too.

An interrupted command continues when it runs again: FILE.replay-position has the position. Retried records count as "already
there" by their ids; a record without an id gets one made of its text, unless --ids is own.

Move the files away first, so that no output writes to them; the output begins new ones.

It exits with 1 if records are left.`,
		Example: `  out-es replay -c fluent-bit.conf dead.ndjson*
  out-es replay -s Hosts=https://es.example.com:9200 -s HTTP_API_Key=… --select index=logs-*,since=2h --dry-run dead.ndjson
  out-es replay -c fluent-bit.conf --from-index dead-letters --left still.ndjson`,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveDefault
		},
		RunE: func(command *cobra.Command, files []string) error { return f.run(command.Context(), s, files) },
	}
	f.section.add(command)
	flags := command.Flags()
	flags.StringVar(&f.index, "from-index", "", "read the records from this index instead of files")
	flags.StringVar(&f.pick, "select", "", "only records with index=, type=, tag= (* for any characters), since=, until= (time of rejection), separated by commas")
	flags.StringVar(&f.left, "left", "", "new file for records that are not delivered (default FILE.left)")
	flags.BoolVar(&f.dryRun, "dry-run", false, "count the records by index and reason, and send nothing")
	flags.StringVar(&f.ids, "ids", "made", "ids of records without one: made (of their text) or own (by Elasticsearch: a retry may duplicate)")
	flags.IntVar(&f.workers, "workers", 2, "requests at a time")
	flags.DurationVar(&f.patience, "patience", time.Minute, "time to retry records for an index that accepts none")
	return command
}

func (f *replayFlags) run(ctx context.Context, s streams, files []string) error {
	options, err := f.options()
	if err != nil {
		return err
	}
	if len(files) == 0 == (f.index == "") {
		return misused("name dead-letter files, or an index with --from-index")
	}
	if f.index != "" && f.left == "" && !f.dryRun {
		return misused("--from-index needs --left: the new file for records that are not delivered")
	}
	var read *settings.Settings
	if f.section.given() || !f.dryRun || f.index != "" {
		section, err := f.section.read(s.err)
		if err != nil {
			return err
		}
		if read, err = section.settings(online, nil); err != nil {
			return err
		}
	} else if read, err = (&section{}).settings(offline, nil); err != nil {
		return err
	}
	read.Delivery.Reasons = deliver.EachReason
	options.BatchBytes, options.Operation, options.Compression = read.Delivery.Bytes, read.Source.Operation, read.Source.Compression
	if p := read.Source.Address.Pipeline; p != nil && p.IsLiteral() {
		name, _ := p.Append(nil, "", time.Time{}, nil)
		options.Pipeline = jsontext.AppendString(nil, name)
	}
	lines := &progress{out: s.err}
	connected, err := connect(read, lines)
	if err != nil {
		return err
	}
	defer connected.close()
	var input replay.Input
	total := int64(0)
	if f.index != "" {
		input = replay.OpenIndex(ctx, connected.client, f.index)
	} else {
		opened, err := replay.OpenFiles(files)
		if err != nil {
			return err
		}
		opened.Torn = func(where string) {
			fmt.Fprintf(lines, "out-es: %s: the last line has no end and is left out\n", where)
		}
		if options.Left == "" {
			options.Left = opened.Base() + ".left"
		}
		options.Position, total, input = opened.Base()+replay.PositionSuffix, opened.Bytes(), opened
	}
	return f.replay(ctx, s, lines, connected, input, options, total)
}

func (f *replayFlags) options() (o replay.Options, err error) {
	o = replay.Options{Left: f.left, Workers: f.workers, Patience: f.patience, MadeIDs: f.ids == "made", DryRun: f.dryRun}
	switch {
	case f.ids != "made" && f.ids != "own":
		return o, misused("--ids %q: must be made or own", f.ids)
	case f.workers < 1 || f.workers > 64:
		return o, misused("--workers %d: must be from 1 to 64", f.workers)
	}
	if o.Select, err = replay.ParseSelection(f.pick, time.Now()); err != nil {
		return o, &usageError{err}
	}
	return o, nil
}

func (f *replayFlags) replay(ctx context.Context, s streams, lines *progress, c *connection, input replay.Input, o replay.Options, total int64) error {
	t := &tally{reasons: map[string]int64{}}
	var bar *progress
	var once sync.Once
	counts, err := replay.Run(ctx, input, o, replay.Dependencies{
		Deliverer: c.deliverer,
		Problem:   func(text string) { fmt.Fprintf(lines, "out-es: %s\n", text) },
		Rejected:  t.rejected,
		Selected:  t.selected,
		Held: func(err error) {
			t.once(err.Error(), func() { fmt.Fprintf(lines, "out-es: waiting: %v\n", err) })
		},
		Begun: func(done int64, counts replay.Counts) {
			once.Do(func() {
				bar = newProgress(s.err, total, done, counts.Read)
				lines.follow(bar)
			})
		},
		Progress: func(done int64, counts replay.Counts) { bar.at(done, counts.Read) },
	})
	if bar != nil {
		bar.finish()
	}
	if ended, ok := errors.AsType[*replay.EndedError](err); ok {
		fmt.Fprintf(s.err, "out-es: %v\n", ended)
		counts, err = ended.Counts, nil
	}
	if errors.Is(err, replay.ErrInterrupted) {
		fmt.Fprintln(s.err, "out-es: interrupted: run the same command again to go on")
	} else if err != nil {
		return err
	}
	if o.DryRun {
		t.write(s.out)
		fmt.Fprintf(s.err, "out-es: %d records would be sent, %d are not selected, %d lines are no dead-letter records\n", counts.Read-counts.Unselected-counts.Malformed, counts.Unselected, counts.Malformed)
	} else {
		fmt.Fprintf(s.err, "out-es: %d records: %d delivered, %d deduplicated, %d rejected, %d held, %d not selected, %d malformed\n",
			counts.Read, counts.Delivered, counts.Deduplicated, counts.Rejected, counts.Waiting, counts.Unselected, counts.Malformed)
		t.write(s.err)
		if n := counts.Left(); n > 0 {
			fmt.Fprintf(s.err, "out-es: %d records are in %s\n", n, o.Left)
		}
	}
	if err != nil || !o.DryRun && counts.Left() > 0 || counts.Malformed > 0 {
		return errFound
	}
	return nil
}

// tally counts records by index and reason. It is safe for concurrent use.
type tally struct {
	mu      sync.Mutex
	reasons map[string]int64
	seen    map[string]bool
}

// reasonsTold bounds the table of reasons.
const reasonsTold = 200

func (t *tally) add(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, known := t.reasons[text]; !known && len(t.reasons) >= reasonsTold {
		text = "others"
	}
	t.reasons[text]++
}

func (t *tally) rejected(index string, why deliver.Rejection) {
	t.add(fmt.Sprintf("%s: %d %s: %s", index, why.Status, why.Error, why.Reason))
}

func (t *tally) selected(index, kind string) { t.add(index + ": " + kind) }

// once does something for the first of equal texts.
func (t *tally) once(text string, do func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.seen == nil {
		t.seen = map[string]bool{}
	}
	if !t.seen[text] && len(t.seen) < reasonsTold {
		t.seen[text] = true
		do()
	}
}

// write writes the reasons, the most frequent first.
func (t *tally) write(out io.Writer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	texts := slices.SortedFunc(maps.Keys(t.reasons), func(a, b string) int {
		return cmp.Or(cmp.Compare(t.reasons[b], t.reasons[a]), cmp.Compare(a, b))
	})
	for _, text := range texts {
		fmt.Fprintf(out, "%10d  %s\n", t.reasons[text], text)
	}
}
