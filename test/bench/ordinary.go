package main

import (
	"bufio"
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"out_es/test/bench/agent"
	"out_es/test/bench/records"
	"out_es/test/bench/sink"
)

// load is an ordinary day: so many files, each with a few lines a second.
type load struct {
	key   string // for -loads
	files int
	rate  float64 // lines a second of each file
	after time.Duration
	tls   bool
	gzip  bool
	// more than the default window and rounds, where few things happen in a window
	window time.Duration
	rounds int
}

// name is the load in figures and tables.
func (l load) name() string {
	name := fmt.Sprintf("%d files × %g lines/s", l.files, l.rate)
	switch {
	case l.after > 0:
		name += fmt.Sprintf(", answers after %s", l.after)
	case l.tls:
		name += ", TLS"
	case l.gzip:
		name += ", gzip"
	}
	return name
}

// flushes that a second has: a chunk a file and second, or a line where lines are rarer.
func (l load) flushes() float64 { return float64(l.files) * min(l.rate, 1) }

// Loads of the part "ordinary". Bars are for the first four.
var (
	busyNode   = load{key: "100x20", files: 100, rate: 20, rounds: 9} // most bars are about it
	quietNode  = load{key: "30x2", files: 30, rate: 2, window: 10 * time.Second, rounds: 7}
	slowServer = load{key: "3ms", files: 100, rate: 20, after: 3 * time.Millisecond}
	overTLS    = load{key: "tls", files: 100, rate: 20, tls: true}
	withGzip   = load{key: "gzip", files: 100, rate: 20, gzip: true}

	ordinaryLoads = []load{busyNode, quietNode, slowServer, overTLS, withGzip}
)

// tagLoads and rateLoads are the points of the two curves.
func tagLoads() (all []load) {
	for _, files := range []int{10, 100, 1000} {
		all = append(all, load{key: fmt.Sprint(files), files: files, rate: 2})
	}
	return all
}

func rateLoads() (all []load) {
	for _, rate := range []float64{0.1, 1, 10, 100, 1000} {
		all = append(all, load{key: fmt.Sprint(rate), files: 30, rate: rate})
	}
	all[0].window = 10 * time.Second
	return all
}

// spooled is the name of the plugin with a spool.
const spooled = "es_go, spool"

// timing is how long an agent runs before it is looked at, and how long it is looked at.
type timing struct{ warm, window time.Duration }

// The plugin returns the memory of its start 5 s after it (docs/adr/0020), and reads again what it
// needs: the warm-up is longer than that, except in the quick form. A window is a whole number of
// seconds, each of which has one flush of every file.
var (
	fullTiming  = timing{warm: 8 * time.Second, window: 5 * time.Second}
	quickTiming = timing{warm: 1600 * time.Millisecond, window: 3 * time.Second}
)

func (b *bench) timing(l load) timing {
	t := fullTiming
	if b.quick {
		t = quickTiming
	}
	if l.window > 0 && (!b.quick || l.rate < 1) {
		t.window = l.window
	}
	return t
}

// ordinaryOutputs are measured in turn. The quick form leaves the floor out.
func (b *bench) ordinaryOutputs(l load) []output {
	compress := ""
	if l.gzip {
		compress = gzip
	}
	es, ours := builtIn(compress), b.ours(compress)
	if l.tls {
		es, ours = es.over(b.authority, "tls On", "tls.ca_file"), ours.over(b.authority, "", "TLS_CA_File")
	}
	spool := ours.spooled()
	all := []output{null(), es, ours, spool}
	if !b.quick && (l == busyNode || l == quietNode) {
		all = append(all, b.ready("", b.floor.path, b.floor.ratio))
	}
	return all
}

// over is o with TLS, which the built-in es has by a setting and the plugin by its address.
func (o output) over(authority, setting, file string) output {
	lines := o.lines
	o.lines = func(address string) []string {
		all := append(lines(address), file+" "+authority)
		if setting != "" {
			return append(all, setting)
		}
		for i, line := range all {
			all[i] = strings.Replace(line, "Hosts ", "Hosts https://", 1)
		}
		return all
	}
	return o
}

// spooled is o with a spool as docs/spool.md advises: without workers, since a flush is one write.
func (o output) spooled() output {
	o = o.with("Workers 0")
	lines := o.lines
	o.name = strings.Replace(o.name, "es_go", spooled, 1)
	o.lines = func(address string) []string { return append(lines(address), "Spool_Path spool") }
	return o
}

// measureOrdinary measures the cost of every day.
func (b *bench) measureOrdinary() error { return b.ordinary("ordinary", ordinaryLoads, 5) }

func (b *bench) measureTags() error { return b.ordinary("tags", tagLoads(), 3) }

func (b *bench) measureRate() error { return b.ordinary("rate", rateLoads(), 3) }

// roundsOf is how often a load is measured: as -rounds says, three times in the quick form, or as
// often as the load asks for, usual times at least.
func (s settings) roundsOf(l load, usual int) int {
	switch {
	case s.givenRounds > 0:
		return s.givenRounds
	case s.quick:
		return 3
	}
	return max(usual, l.rounds)
}

// ordinary measures loads of one part, output after output, round after round.
func (b *bench) ordinary(part string, loads []load, usual int) (err error) {
	if b.loadProgram, err = b.buildLoad(); err != nil {
		return err
	}
	if err := b.soundSmall(); err != nil {
		return err
	}
	if b.authority, b.certificate, err = makeCertificate(b.folder); err != nil {
		return err
	}
	for _, l := range loads {
		if !b.wanted(part, l) {
			continue
		}
		for round := range b.roundsOf(l, usual) {
			for _, o := range rotated(b.ordinaryOutputs(l), round) {
				if err := b.oneOrdinary(part, l, o, round); err != nil {
					return fmt.Errorf("%s: %s: %w", l.name(), o.name, err)
				}
			}
		}
		b.sayOrdinary(part, l)
	}
	return nil
}

// wanted reports whether a load is to be measured: those that -loads names, or else all; the quick
// form has the two that count most.
func (b *bench) wanted(part string, l load) bool {
	if len(b.loads) > 0 {
		return slices.Contains(b.loads, l.key)
	}
	return !b.quick || part != "ordinary" || l == busyNode || l == quietNode
}

// oneOrdinary runs one agent for a while and adds its usage.
func (b *bench) oneOrdinary(part string, l load, o output, round int) error {
	answers := sink.Answers{After: l.after}
	if l.tls {
		answers.TLS = b.certificate
	}
	s, err := sink.Start(answers)
	if err != nil {
		return err
	}
	defer s.Go()
	folder, err := os.MkdirTemp(b.folder, "ordinary-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	ctx, cancel := context.WithTimeout(b, time.Minute)
	defer cancel()
	logs := filepath.Join(folder, "logs")
	writing, err := b.startLoad(ctx, logs, l)
	if err != nil {
		return err
	}
	defer writing()
	section := strings.Replace(o.section(s.Address()), "Spool_Path spool", "Spool_Path "+filepath.Join(folder, "spool"), 1)
	text, err := b.configuration(input{path: filepath.Join(logs, "*.log"), goesOn: true}, section)
	if err != nil {
		return err
	}
	a, err := agent.Start(ctx, agent.Options{Program: b.fluentBit, Plugin: o.plugin, Configuration: text, Folder: folder})
	if err != nil {
		return err
	}
	defer a.Kill()
	t := b.timing(l)
	sleep(ctx, t.warm)
	before, err := agent.Threads(a.PID())
	if err != nil {
		return fmt.Errorf("%w:\n%s", err, a.Log())
	}
	sent := s.Count()
	sleep(ctx, t.window/2)
	half, err := agent.TakeSample(a.PID())
	if err != nil {
		return fmt.Errorf("%w:\n%s", err, a.Log())
	}
	sleep(ctx, t.window-t.window/2)
	after, err := agent.Threads(a.PID())
	if err != nil {
		return fmt.Errorf("%w:\n%s", err, a.Log())
	}
	end, err := agent.TakeSample(a.PID())
	if err != nil {
		return fmt.Errorf("%w:\n%s", err, a.Log())
	}
	got := s.Count()
	got.Documents, got.Requests = got.Documents-sent.Documents, got.Requests-sent.Requests
	if due := l.rate * float64(l.files) * t.window.Seconds(); o.name != "null" && o.plugin != b.readymade && float64(got.Documents) < due/2 {
		return fmt.Errorf("the sink took %d documents of %.0f:\n%s", got.Documents, due, a.Log())
	}
	b.addOrdinary(part, l, o.name, round, agent.Between(before, after), got, []agent.Sample{half, end})
	return nil
}

func (b *bench) addOrdinary(part string, l load, name string, round int, spent agent.Spent, got sink.Count, seen []agent.Sample) {
	seconds := b.timing(l).window.Seconds()
	add := func(metric string, value float64) {
		b.figures.add(figure{part, l.name(), name, metric, round, value})
	}
	add("cpu_s", (spent.Inside+spent.Outside).Seconds()/seconds) // a second, since windows differ
	add("outside_s", spent.Outside.Seconds()/seconds)
	add("switches", float64(spent.Voluntary)/seconds/l.flushes())
	add("requests", float64(got.Requests)/seconds)
	add("threads", float64(spent.Threads))
	if !b.quick { // it ends before the plugin returns the memory of its start
		add("rss_kb", float64(seen[0].Rss+seen[1].Rss)/2)
		add("anonymous_kb", float64(seen[0].Anonymous+seen[1].Anonymous)/2)
	}
	b.say("%s %d %-28s %-14s %6.2f ms/s of CPU, %5.2f outside the pipeline, %5.2f switches/flush, %5.1f MB, %d threads, %d requests", part, round+1, l.name(), name,
		1000*(spent.Inside+spent.Outside).Seconds()/seconds, 1000*spent.Outside.Seconds()/seconds, float64(spent.Voluntary)/seconds/l.flushes(),
		megabytes(float64(seen[1].Rss)), spent.Threads, got.Requests)
}

// sayOrdinary sums a load up: for who tunes something.
func (b *bench) sayOrdinary(part string, l load) {
	f, with := b.figures, l.name()
	for _, o := range f.outputs(part, with) {
		if o == "null" {
			continue
		}
		d := f.day(part, with, o)
		memory := "" // the quick form has none
		if !math.IsNaN(d.rss) {
			memory = fmt.Sprintf("%+.1f MB, anonymous %+.1f, ", d.rss, d.anonymous)
		}
		b.say("= %-28s %-14s ratio to es %.2f, outside %.2f; %.2f switches/flush over null; %s%+.0f threads over es", with, o,
			d.cpu/f.day(part, with, esOf(o)).cpu, d.outside/f.day(part, with, esOf(o)).outside, d.switches, memory, d.threads)
	}
}

// soundSmall determines the floor's body, unless the floor is left out.
func (b *bench) soundSmall() error {
	if b.quick {
		return nil
	}
	folder, err := b.dataset("kubernetes", floorRecords, tablePods, records.Kubernetes)
	if err != nil {
		return err
	}
	return b.sound(input{path: filepath.Join(folder, "*.log")})
}

// floorRecords are enough to know how many bytes of lines a chunk becomes.
const floorRecords = 20_000

// buildLoad makes the load generator.
func (b *bench) buildLoad() (string, error) {
	program := filepath.Join(b.folder, "load")
	if out, err := exec.CommandContext(b, "go", "build", "-o", program, "./test/bench/load").CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the load generator: %w\n%s", err, out)
	}
	return program, nil
}

// startLoad starts the load generator and waits until its files are there. stop ends it.
func (b *bench) startLoad(ctx context.Context, folder string, l load) (stop func(), err error) {
	command := exec.CommandContext(ctx, b.loadProgram, "-folder", folder, "-files", fmt.Sprint(l.files), "-rate", fmt.Sprint(l.rate))
	command.Stderr = os.Stderr
	out, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, err
	}
	stop = func() {
		_ = command.Process.Signal(os.Interrupt)
		_ = command.Wait()
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		stop()
		return nil, fmt.Errorf("the load generator said %q: %w", line, err)
	}
	return stop, nil
}
