package tool

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"out_es/plugin/settings"
	"out_es/tool/preview"
)

type previewFlags struct {
	section sectionFlags
	tag     string
	at      string
	against string
	quiet   bool
	maps    string
}

func newPreview(s streams) *cobra.Command {
	f := &previewFlags{}
	command := &cobra.Command{
		Use:   "preview [RECORDS...]",
		Short: "Show the action line and the document of records, as they would be sent, and why",
		Long: `preview prints the action line and the document that es_go would send for each record, byte for byte, with the options of a
section (--config), of the command line (--set Index=…), or both. Standard error lists changed keys, values and index names,
with reasons.

RECORDS are files, or - for standard input (the default). A file holds

  JSON lines  each a record; or an object of "record" and optionally "time" (RFC 3339, or seconds since 1970), "tag",
              "metadata" and "group", as "out-es spool cat" prints it
  a chunk     a file of Fluent Bit's storage (storage.path, *.flb)

Faulty lines are reported with file and line. Generated ids are those of production if time, tag and the record's bytes are
(the order of keys, and --maps).

--against asks a real Elasticsearch whether it accepts the documents. It uses temporary indices (out-es-preview-…) with the
mapping of the real index, or else of Template_File or the cluster's template. Real indices are not touched.

It exits with 1 if a record would not be sent or accepted, or a line is no record.`,
		Example: `  out-es preview -c fluent-bit.conf records.ndjson
  echo '{"message":"hello","_id":1}' | out-es preview -s Index=app-%Y.%m.%d
  out-es preview -c fluent-bit.conf -o app --against https://es.example.com:9200 /var/lib/fluent-bit/tail.0/*.flb`,
		RunE: func(command *cobra.Command, files []string) error { return f.run(command.Context(), s, files) },
	}
	f.section.add(command)
	flags := command.Flags()
	flags.StringVar(&f.tag, "tag", "preview", "tag of records without one")
	flags.StringVar(&f.at, "time", "", "time of records without one (RFC 3339; default now)")
	flags.StringVar(&f.against, "against", "", "URL of an Elasticsearch to test the documents with")
	flags.StringVar(&f.maps, "maps", "long", "msgpack form of JSON lines, for generated ids: long (tail) or short (dummy, many filters)")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "no list of changes")
	return command
}

func (f *previewFlags) run(ctx context.Context, s streams, files []string) error {
	section, err := f.section.read(s.err)
	if err != nil {
		return err
	}
	var over map[string]string
	if f.against != "" {
		over = map[string]string{"hosts": f.against, "cloud_id": ""}
	}
	read, err := section.settings(offline, over)
	if err != nil {
		return err
	}
	defaults := preview.Defaults{Tag: f.tag, Time: time.Now()}
	switch f.maps {
	case "long":
	case "short":
		defaults.Maps = preview.ShortMaps
	default:
		return misused("--maps %q: must be long or short", f.maps)
	}
	if f.at != "" {
		if defaults.Time, err = time.Parse(time.RFC3339Nano, f.at); err != nil {
			return misused("--time %q: must be RFC 3339, such as 2026-11-28T06:00:00Z", f.at)
		}
	}
	found := false
	tell := func(where, text string) { fmt.Fprintf(s.err, "%s: %s\n", where, text) }
	problem := func(where, text string) {
		found = true
		tell(where, text)
	}
	out := bufio.NewWriterSize(s.out, 1<<16)
	p := preview.New(&read.Source)
	if p.Note, p.Problem = tell, problem; f.quiet {
		p.Note = func(string, string) {}
	}
	each := func(one *preview.Preview) error {
		_, err := out.Write(one.Lines)
		if isTerminal(s.out) {
			err = errors.Join(err, out.Flush()) // between the lines that explain it
		}
		return err
	}
	if f.against != "" {
		trial, end, err := f.trial(s, read, problem)
		if err != nil {
			return err
		}
		write := each
		each = func(one *preview.Preview) error {
			if err := write(one); err != nil {
				return err
			}
			return trial.Add(ctx, one)
		}
		err = readAll(s, files, defaults, problem, p, each)
		if err == nil {
			err = trial.Flush(ctx)
		}
		if err := errors.Join(err, end()); err != nil {
			return err
		}
	} else if err := readAll(s, files, defaults, problem, p, each); err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return err
	}
	if found {
		return errFound
	}
	return nil
}

// trial returns a trial before the Elasticsearch of --against, and its end.
func (f *previewFlags) trial(s streams, read *settings.Settings, problem func(where, text string)) (*preview.Trial, func() error, error) {
	installed, err := read.ReadTemplate()
	if err != nil {
		return nil, nil, err
	}
	c, err := connect(read, s.err)
	if err != nil {
		return nil, nil, err
	}
	trial := preview.NewTrial(c.client, installed)
	trial.Rejected = func(where, why string) { problem(where, "Elasticsearch would reject it: "+why) }
	trial.Told = func(text string) { fmt.Fprintf(s.err, "out-es: %s\n", text) }
	end := func() error {
		defer c.close()
		return trial.Close()
	}
	return trial, end, nil
}

// readAll previews files, or standard input.
func readAll(s streams, files []string, d preview.Defaults, problem func(where, text string), p *preview.Previewer, each func(*preview.Preview) error) error {
	if len(files) == 0 {
		files = []string{"-"}
	}
	for _, name := range files {
		in, shown := s.in, "standard input"
		if name != "-" {
			file, err := os.Open(name)
			if err != nil {
				return err
			}
			in, shown = file, name
		}
		err := preview.Read(in, shown, d, func(where string, err error) { problem(where, err.Error()) }, func(c *preview.Chunk) error { return p.Chunk(c, each) })
		if closer, ok := in.(io.Closer); ok && name != "-" {
			_ = closer.Close() // it was only read
		}
		if err != nil {
			return err
		}
	}
	return nil
}
