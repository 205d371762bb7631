package main

import (
	"fmt"
	"io"
	"time"
)

// containersBegin starts one hour of container logs around a midnight, so that there are two daily
// indices.
var containersBegin = time.Date(2026, time.January, 15, 23, 30, 0, 0, time.UTC)

const containersSpan = time.Hour

// criLimit is where the container runtime cuts a line in two: "P" for a part, "F" for the last or
// only one.
const criLimit = 16384

// entry is one thing a container says: a line, or several that belong together, as a stack trace
// does.
type entry struct {
	stream string // stdout or stderr
	lines  []string
}

func stdout(line string) entry     { return entry{"stdout", []string{line}} }
func stderr(lines ...string) entry { return entry{"stderr", lines} }

// workload is something that runs in pods and logs in its own way.
type workload struct {
	namespace, name, container string
	say                        func(r random, at time.Time) entry
}

// pod is one pod of a workload with one container.
type pod struct {
	workload
	name        string
	containerID string
	random      random
}

// newPod is the i-th pod of the cluster: the workloads in turn.
func newPod(seed uint64, i int) pod {
	r := newRandom(seed, 1000+uint64(i))
	const safe = "bcdfghjklmnpqrstvwxz2456789" // Kubernetes' own alphabet: no vowels, so no words
	all := workloads()
	w := all[i%len(all)]
	return pod{
		workload:    w,
		name:        w.name + "-" + r.text(safe, 10) + "-" + r.text(safe, 5),
		containerID: r.text(hexDigits, 64),
		random:      r,
	}
}

// fileName is as the kubelet links it in /var/log/containers.
func (p pod) fileName() string {
	return fmt.Sprintf("%s_%s_%s-%s.log", p.name, p.namespace, p.container, p.containerID)
}

// writer writes that many CRI lines, no two of the same time.
func (p pod) writer(count int) func(io.Writer) {
	return func(w io.Writer) {
		at := containersBegin
		mean := containersSpan / time.Duration(max(count, 1))
		for count > 0 {
			at = at.Add(p.random.step(mean))
			said := p.say(p.random, at)
			for _, line := range said.lines[:min(count, len(said.lines))] {
				for len(line) > criLimit && count > 1 {
					writeCRI(w, at, said.stream, "P", line[:criLimit])
					line = line[criLimit:]
					count--
				}
				writeCRI(w, at, said.stream, "F", line)
				at = at.Add(time.Duration(p.random.between(800, 40_000))) // nanoseconds; a trace is written in one go
				count--
			}
		}
	}
}

// writeCRI writes one line; its time has all nine digits, also when the last are zero.
func writeCRI(w io.Writer, at time.Time, stream, part, line string) {
	fmt.Fprintf(w, "%s %s %s %s\n", at.Format("2006-01-02T15:04:05.000000000Z07:00"), stream, part, line)
}
