package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tinylib/msgp/msgp"

	"out_es/test/bench/agent"
	"out_es/test/bench/records"
	"out_es/test/bench/sink"
)

// The large things that are measured.
const (
	largeDocument = 10 << 20
	largeAnswer   = 50 << 20
	largeChunk    = 64 << 20
)

// largeLimits are how many MB the plugin may add at most to the agent with null
// while it deals with one large thing: the plugin itself (14), and then
//   - a chunk: one request of Bulk_Size (5), plain and compressed;
//   - a document: it travels alone, plain (10) and compressed, in buffers that
//     double as they grow;
//   - an answer: a window of it, whatever its size.
var largeLimits = []struct {
	with string
	mb   float64
}{{"64 MB chunk", 25}, {"10 MB document", 45}, {"50 MB answer", 20}}

// largeBars compare the maxima of resident memory.
func (f figures) largeBars() []bar {
	var rows []bar
	for _, limit := range largeLimits {
		for _, ours := range []string{"es_go", "es_go, gzip"} {
			peak := func(output string) float64 {
				return megabytes(spreadOf(f.values("large", limit.with, output, "peak_kb")).median)
			}
			over := peak(ours) - peak("null")
			rows = append(rows, bar{what: "maximum with one " + limit.with + ", over `null` (" + ours + ")", bar: fmt.Sprintf("at most +%g MB", limit.mb),
				got: fmt.Sprintf("%+.1f MB: %.1f over %.1f", over, peak(ours), peak("null")), verdict: atMost(over, limit.mb)})
		}
	}
	return rows
}

// everyLarge is short: large memory is there for a moment.
const everyLarge = 20 * time.Millisecond

func (b *bench) largeOutputs() []output {
	return []output{null(), builtIn(""), b.ours(""), builtIn(gzip), b.ours(gzip), b.textbookPlugin("")}
}

// measureLarge looks at the most memory that one large thing takes.
func (b *bench) measureLarge() error {
	folder, err := b.dataset("large", 1, 1, records.Large(largeDocument))
	if err != nil {
		return err
	}
	few, err := b.dataset("kubernetes", 2000, 1, records.Kubernetes)
	if err != nil {
		return err
	}
	for _, o := range b.largeOutputs() {
		in := input{path: filepath.Join(folder, "*.log"), lines: "    Buffer_Chunk_Size 32M\n"}
		if err := b.oneLarge("10 MB document", trial{output: o, in: in, every: everyLarge}); err != nil {
			return err
		}
		if o.plugin != b.textbook && !strings.HasPrefix(o.name, "es,") && o.name != "es" { // those send refused records again, for ever
			in = input{path: filepath.Join(few, "*.log")}
			if err := b.oneLarge("50 MB answer", trial{output: o, in: in, every: everyLarge, answers: sink.Answers{RefusedBytes: largeAnswer}}); err != nil {
				return err
			}
		}
		if err := b.oneChunk(o); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) oneLarge(with string, t trial) error {
	r, err := b.try(t)
	if err != nil {
		return fmt.Errorf("%s: %w", with, err)
	}
	b.addPeak(with, t.name, r.Usage, r.Count)
	return nil
}

func (b *bench) addPeak(with, name string, u agent.Usage, c sink.Count) {
	b.figures.add(figure{"large", with, name, "peak_kb", 0, float64(u.PeakKB())})
	var anonymous float64
	for _, s := range u.Samples {
		anonymous = max(anonymous, float64(s.Anonymous))
	}
	b.figures.add(figure{"large", with, name, "anonymous_kb", 0, anonymous})
	b.say("large, %s, %-14s peak %.1f MB, anonymous %.1f MB; %d documents in %d requests", with, name,
		megabytes(float64(u.PeakKB())), megabytes(anonymous), c.Documents, c.Requests)
}

// oneChunk has Fluent Bit take one chunk of 64 MB, which only its forward input
// makes: it stores a packed message as it is.
func (b *bench) oneChunk(o output) error {
	s, err := sink.Start(sink.Answers{})
	if err != nil {
		return err
	}
	defer s.Go()
	folder, err := os.MkdirTemp(b.folder, "agent-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	socket := filepath.Join(folder, "forward.sock")
	text := fmt.Sprintf("[SERVICE]\n    Flush 1\n    Grace 60\n    Log_Level error\n[INPUT]\n    Name forward\n    Unix_Path %s\n    Buffer_Max_Size 256M\n    Buffer_Chunk_Size 48M\n%s",
		socket, o.section(s.Address()))
	ctx, cancel := context.WithTimeout(b, runPatience)
	defer cancel()
	a, err := agent.Start(ctx, agent.Options{Program: b.fluentBit, Plugin: o.plugin, Configuration: text, Folder: folder, Every: everyLarge})
	if err != nil {
		return err
	}
	defer a.Kill()
	packed, count := chunkOf(largeChunk)
	if err := forward(ctx, socket, packed); err != nil {
		return fmt.Errorf("64 MB chunk: %s: %w", o.name, err)
	}
	for ctx.Err() == nil && s.Count().Documents < count && o.name != "null" {
		sleep(ctx, everyLarge)
	}
	sleep(ctx, 2*time.Second)
	u, err := a.Stop(endPatience)
	if err != nil {
		return fmt.Errorf("64 MB chunk: %s: %w", o.name, err)
	}
	if taken := s.Count(); o.name != "null" && taken.Documents != count {
		return fmt.Errorf("64 MB chunk: %s: the sink took %d documents of %d", o.name, taken.Documents, count)
	}
	b.addPeak("64 MB chunk", o.name, u, s.Count())
	return nil
}

// chunkOf makes events of about that many bytes.
func chunkOf(size int) (packed []byte, count int) {
	packed = make([]byte, 0, size+1024)
	text := strings.Repeat("a line as long as they are, of words; ", 20)
	for len(packed) < size {
		packed = append(packed, 0x92, 0x92, 0xd7, 0) // [[time, {}], record]
		packed = binary.BigEndian.AppendUint32(packed, 1_795_425_262)
		packed = binary.BigEndian.AppendUint32(packed, uint32(count%1_000_000_000))
		packed = append(packed, 0x80)
		packed = msgp.AppendMapHeader(packed, 2)
		packed = msgp.AppendString(msgp.AppendString(packed, "log"), text)
		packed = msgp.AppendInt(msgp.AppendString(packed, "n"), count)
		count++
	}
	return packed, count
}

// forward sends events as one PackedForward message, waiting for the socket.
func forward(ctx context.Context, socket string, packed []byte) error {
	for {
		connection, err := net.Dial("unix", socket)
		if err == nil {
			defer connection.Close()
			head := msgp.AppendString(msgp.AppendArrayHeader(nil, 2), "kube.large")
			head = append(head, 0xc6) // bin 32
			head = binary.BigEndian.AppendUint32(head, uint32(len(packed)))
			_, err = (&net.Buffers{head, packed}).WriteTo(connection)
			return err
		}
		if ctx.Err() != nil {
			return errors.Join(ctx.Err(), err)
		}
		sleep(ctx, 50*time.Millisecond)
	}
}
