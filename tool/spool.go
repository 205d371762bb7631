package tool

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"out_es/plugin/source"
	"out_es/tool/spooled"
)

// verbs are the second words of the command spool.
var verbs = []string{"ls", "stat", "cat", "verify", "export"}

type spoolFlags struct {
	section sectionFlags
	pick    spooled.Selection
	chunks  bool
	format  string
	limit   int
}

func newSpool(s streams) *cobra.Command {
	f := &spoolFlags{}
	command := &cobra.Command{
		Use:   "spool DIR [ls|stat|cat|verify|export]",
		Short: "Show the chunks that wait in a spool, beside the agent that uses it",
		Long: `spool inspects a spool (Spool_Path), of all instances or of one. It takes no lock and changes nothing, so it can run beside
the agent. Delivered chunks are not shown.

  ls      chunks, records, bytes and age by destination and tag (the default); with --chunks a line for each chunk
  stat    the sums for each instance, held destinations with reasons, damage
  cat     the records as JSON lines with time, tag, metadata and record, for "out-es preview"
  verify  reads every chunk and its checksums; exits with 1 for damage
  export  the records as dead-letter records for "out-es replay"; needs the section of es_go that writes to the spool, by
          --config or --set

Held chunks are listed by destination, chunks that wait for their first attempt under "(front)". With that section, ls reads
every chunk, and lists records by index or data stream, with the ages of events. Bytes are those of chunks; files also hold
delivered chunks of unfinished segments.`,
		Example: `  out-es spool /var/lib/fluent-bit/spool
  out-es spool /var/lib/fluent-bit/spool stat
  out-es spool /var/lib/fluent-bit/spool ls -c fluent-bit.conf
  out-es spool /var/lib/fluent-bit/spool/es_go.0 cat --tag 'kube.*' | out-es preview -c fluent-bit.conf -
  out-es spool /var/lib/fluent-bit/spool export -c fluent-bit.conf > left.ndjson`,
		Args: cobra.RangeArgs(1, 2),
		ValidArgsFunction: func(_ *cobra.Command, before []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(before) == 0 {
				return nil, cobra.ShellCompDirectiveFilterDirs
			}
			return verbs, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(command *cobra.Command, words []string) error { return runSpool(command, s, f, words) },
	}
	f.section.add(command)
	flags := command.Flags()
	flags.StringVar(&f.pick.Tag, "tag", "", "only chunks whose tag matches, with * as in Match")
	flags.StringVar(&f.pick.Destination, "destination", "", "only chunks that are held for this destination, or \"(front)\"")
	flags.BoolVar(&f.chunks, "chunks", false, "ls: a line for each chunk")
	flags.StringVar(&f.format, "format", "text", "of ls, stat and verify: text or json")
	flags.IntVar(&f.limit, "limit", 0, "cat, export: stop after so many records")
	return command
}

func runSpool(command *cobra.Command, s streams, f *spoolFlags, words []string) error {
	verb := "ls"
	if len(words) > 1 {
		verb = words[1]
	}
	if !slices.Contains(verbs, verb) {
		return misused("%q is not one of %s", verb, strings.Join(verbs, ", "))
	}
	if f.format != "text" && f.format != "json" {
		return misused("--format %q: must be text or json", f.format)
	}
	all, err := spooled.Open(words[0])
	if err != nil {
		return err
	}
	if len(all) == 0 {
		return fmt.Errorf("%s: there is no spool in it: name the folder of Spool_Path, or one of its folders", words[0])
	}
	tell := func(format string, values ...any) { fmt.Fprintf(s.err, "out-es: "+format+"\n", values...) }
	switch {
	case verb == "ls" && f.section.given() && f.chunks:
		return misused("--chunks lists chunks and --config their records: leave one of them out")
	case verb == "ls" && f.section.given():
		return listDestinations(command, s, f, all, tell)
	}
	switch verb {
	case "ls":
		return listSpool(s, f, all, tell)
	case "stat":
		return statSpool(command, s, f, all, tell)
	case "verify":
		return verifySpool(command, s, f, all)
	case "cat":
		return f.print(command, s.out, all, tell, spooled.NewPrinter())
	}
	if !f.section.given() {
		return misused("export needs the options of the instance: name its configuration with --config, or give them with --set")
	}
	options, err := f.source(s)
	if err != nil {
		return err
	}
	return f.print(command, s.out, all, tell, spooled.NewExporter(options))
}

// source returns the options of the section that writes to the spool.
func (f *spoolFlags) source(s streams) (*source.Options, error) {
	section, err := f.section.read(s.err)
	if err != nil {
		return nil, err
	}
	read, err := section.settings(offline, nil)
	if err != nil {
		return nil, err
	}
	return &read.Source, nil
}

// listDestinations lists records by the destination that the section gives them.
func listDestinations(command *cobra.Command, s streams, f *spoolFlags, all []*spooled.Spool, tell func(string, ...any)) error {
	options, err := f.source(s)
	if err != nil {
		return err
	}
	groups, problems, err := spooled.Destinations(command.Context(), all, f.pick, options)
	if err != nil {
		return err
	}
	found := printProblems(tell, problems)
	return cmp.Or(writeGroups(s.out, f.format, groups), found)
}

// printProblems tells each problem, and returns errFound if there is one.
func printProblems(tell func(string, ...any), problems []string) error {
	for _, problem := range problems {
		tell("%s", problem)
	}
	if len(problems) > 0 {
		return errFound
	}
	return nil
}

// writeGroups writes a line for each destination and tag.
func writeGroups(out io.Writer, format string, groups []spooled.Group) error {
	if format == "json" {
		return writeJSON(out, groups)
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "INSTANCE\tDESTINATION\tTAG\tCHUNKS\tRECORDS\tBYTES\tOLDEST\tNEWEST")
	for _, g := range groups {
		fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%d\t%s\t%s\t%s\n", g.Instance, g.Destination, g.Tag, g.Chunks, g.Records, size(g.Bytes), age(g.Oldest), age(g.Newest))
	}
	return table.Flush()
}

// print writes the records of the chunks that were asked for.
func (f *spoolFlags) print(command *cobra.Command, out io.Writer, all []*spooled.Spool, tell func(string, ...any), format spooled.Format) error {
	problems, err := spooled.Print(command.Context(), out, all, spooled.Pick{Selection: f.pick, Records: f.limit}, format)
	if err != nil {
		return err
	}
	return printProblems(tell, problems)
}

func listSpool(s streams, f *spoolFlags, all []*spooled.Spool, tell func(string, ...any)) error {
	var groups []spooled.Group
	var chunks []spooled.Chunk
	var found error
	for _, one := range all {
		state, err := one.Survey(f.pick, f.chunks)
		if err != nil {
			return err
		}
		groups, chunks = append(groups, state.Groups...), append(chunks, state.List...)
		found = cmp.Or(printProblems(tell, state.Problems()), found)
	}
	if f.chunks {
		return cmp.Or(writeChunks(s.out, f.format, chunks), found)
	}
	return cmp.Or(writeGroups(s.out, f.format, groups), found)
}

// writeChunks writes a line for each chunk.
func writeChunks(out io.Writer, format string, chunks []spooled.Chunk) error {
	if format == "json" {
		return writeJSON(out, chunks)
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "INSTANCE\tDESTINATION\tSEGMENT\tOFFSET\tSEQUENCE\tAPPENDED\tRECORDS\tLEFT\tBYTES\tTAG")
	for _, c := range chunks {
		fmt.Fprintf(table, "%s\t%s\t%d\t%d\t%d\t%s\t%d\t%d\t%d\t%s\n", c.Instance, c.Destination, c.Segment, c.Offset, c.Sequence, c.Appended.UTC().Format(time.RFC3339), c.Records, c.Left, c.Bytes, c.Tag)
	}
	return table.Flush()
}

func statSpool(command *cobra.Command, s streams, f *spoolFlags, all []*spooled.Spool, tell func(string, ...any)) error {
	colors, err := paletteOf(command, s.out)
	if err != nil {
		return err
	}
	states := []*spooled.State{}
	var found error
	for _, one := range all {
		state, err := one.Survey(f.pick, false)
		if err != nil {
			return err
		}
		states = append(states, state)
		found = cmp.Or(printProblems(tell, state.Problems()), found)
	}
	if f.format == "json" {
		return cmp.Or(writeJSON(s.out, states), found)
	}
	for _, state := range states {
		writeState(s.out, colors, state)
	}
	return found
}

func writeState(out io.Writer, colors palette, state *spooled.State) {
	use := "no instance uses it"
	if state.InUse {
		use = "in use"
	}
	fmt.Fprintf(out, "%s (%s)\n", colors.bold(state.Instance), use)
	table := tabwriter.NewWriter(out, 2, 0, 2, ' ', 0)
	fmt.Fprintf(table, "  waiting\t%d chunks, %d records, %s; oldest %s, newest %s\n", state.Chunks, state.Records, size(state.Bytes), age(state.Oldest), age(state.Newest))
	fmt.Fprintf(table, "  files\t%d segments, %s\n", state.Segments, size(state.FileBytes))
	_ = table.Flush()
	for _, d := range state.Destinations {
		if d.Destination == spooled.Front {
			continue
		}
		name := d.Destination
		fmt.Fprintf(out, "  held for %s: %d chunks, %d records, %s, oldest %s\n", colors.bold(name), d.Chunks, d.Records, size(d.Bytes), age(d.Oldest))
		if d.Why != "" {
			fmt.Fprintf(out, "    %s\n", colors.yellow(d.Why))
		}
	}
	if state.Torn > 0 {
		fmt.Fprintf(out, "  a chunk is being written, or was when the agent ended: %s\n", size(state.Torn))
	}
	if len(state.Aside) > 0 {
		fmt.Fprintf(out, "  set aside as damaged: %s\n", strings.Join(state.Aside, ", "))
	}
}

func verifySpool(command *cobra.Command, s streams, f *spoolFlags, all []*spooled.Spool) error {
	var reports []*spooled.Check
	damaged := false
	for _, one := range all {
		check, err := one.Verify(command.Context(), f.pick)
		if err != nil {
			return err
		}
		reports = append(reports, check)
		damaged = damaged || len(check.Damage) > 0
	}
	if f.format == "json" {
		if err := writeJSON(s.out, reports); err != nil {
			return err
		}
	} else {
		for _, check := range reports {
			for _, line := range check.Damage {
				fmt.Fprintln(s.out, line)
			}
			fmt.Fprintf(s.out, "%s: %d chunks with %d records are whole, %d pieces are damaged\n", check.Instance, check.Chunks, check.Records, len(check.Damage))
		}
	}
	if damaged {
		return errFound
	}
	return nil
}

func writeJSON(out io.Writer, value any) error {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

// size is a number of bytes as people read it.
func size(n int64) string {
	value, units := float64(n), "kMGT"
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	unit := 0
	for value /= 1000; value >= 1000 && unit < len(units)-1; unit++ {
		value /= 1000
	}
	return fmt.Sprintf("%.1f %cB", value, units[unit])
}

// age is how long ago a time was.
func age(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	d := time.Since(t)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", max(0, int(d.Seconds())))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%.1f h", d.Hours())
	}
	return fmt.Sprintf("%.1f d", d.Hours()/24)
}
