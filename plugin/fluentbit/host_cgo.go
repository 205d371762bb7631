package fluentbit

/*
#cgo LDFLAGS: -ldl
#include <stdlib.h>
#include "host.h"
*/
import "C"

import (
	"os"
	"runtime/debug"
	"sync"
	"time"
	"unsafe"

	"out_es/plugin/guard"
)

// startTakes is the time after which an agent has started and sent its first chunks. By then nearly
// all of the shared object is resident: the loader and the Go runtime read it once, and the kernel
// maps 64 KB around each page that is touched (docs/adr/0020).
const startTakes = 5 * time.Second

// resolve looks up Fluent Bit's functions, once a process.
var resolve = sync.OnceValue(func() bool { return C.outes_resolve() != 0 })

// RestoreTimerSlack undoes the effect of slack.c on the thread that loaded the shared object.
// FLBPluginRegister calls it first.
func RestoreTimerSlack() { C.outes_restore_slack() }

// Open returns the instance for a call of FLBPluginInit. plugin is its pointer, and is not kept:
// Fluent Bit shares it between instances.
func Open(plugin unsafe.Pointer) *Instance {
	if !resolve() {
		return Standalone("es_go", os.Stderr)
	}
	handle := (*C.struct_outes_plugin)(plugin).instance
	p := &process{instance: handle, label: C.GoString(C.outes_name(handle))}
	i := NewInstance(p, os.Stderr)
	p.atRest = guard.AfterFunc(startTakes, i.fault, func() {
		debug.FreeOSMemory() // the heap that reading the configuration needed
		C.outes_release_pages()
	})
	return i
}

func (p *process) OnEngineThread() bool { return C.outes_on_engine_thread() != 0 }

// process is the Fluent Bit process around the plugin.
type process struct {
	instance unsafe.Pointer
	label    string
	series   []*C.struct_outes_series
	// atRest returns the pages of the shared object that only the start needed.
	atRest *time.Timer
}

func (p *process) Name() string { return p.label }

func (p *process) Enabled(level Level) bool {
	return C.outes_enabled(p.instance, C.int(level)) != 0
}

func (p *process) Print(level Level, text string) {
	line := C.CString("[output:es_go:" + p.Name() + "] " + text)
	defer C.free(unsafe.Pointer(line))
	C.outes_print(C.int(level), line)
}

func (p *process) Counters(name, help, label string, values []string) func(int, uint64) {
	if C.outes_has_metrics() == 0 {
		return func(int, uint64) {}
	}
	if len(values) == 0 {
		values = []string{""}
	}
	var key *C.char
	if label != "" {
		key = C.CString(label)
		defer C.free(unsafe.Pointer(key))
	}
	metricName, metricHelp := C.CString("es_go_"+name), C.CString(help)
	defer C.free(unsafe.Pointer(metricName))
	defer C.free(unsafe.Pointer(metricHelp))
	metric := C.outes_counter(p.instance, metricName, metricHelp, key)
	all := make([]*C.struct_outes_series, len(values))
	for i, value := range values {
		all[i] = p.newSeries(metric)
		if label != "" {
			all[i].labels = 2
			all[i].values[1] = C.CString(value)
		}
		C.outes_counter_add(all[i], 0) // no scrape can race with the creation of a label set
	}
	return func(value int, delta uint64) { C.outes_counter_add(all[value], C.double(delta)) }
}

func (p *process) Gauge(name, help string) func(float64) {
	if C.outes_has_metrics() == 0 {
		return func(float64) {}
	}
	metricName, metricHelp := C.CString("es_go_"+name), C.CString(help)
	defer C.free(unsafe.Pointer(metricName))
	defer C.free(unsafe.Pointer(metricHelp))
	series := p.newSeries(C.outes_gauge(p.instance, metricName, metricHelp))
	set := func(value float64) { C.outes_gauge_set(series, C.double(value)) }
	set(0)
	return set
}

func (p *process) Histogram(name, help string, bounds []float64) func([]uint64, float64) {
	if C.outes_has_metrics() == 0 {
		return func([]uint64, float64) {}
	}
	metricName, metricHelp := C.CString("es_go_"+name), C.CString(help)
	defer C.free(unsafe.Pointer(metricName))
	defer C.free(unsafe.Pointer(metricHelp))
	metric := C.outes_histogram(p.instance, metricName, metricHelp, (*C.double)(&bounds[0]), C.size_t(len(bounds)))
	series := p.newSeries(metric)
	set := func(cumulative []uint64, sum float64) {
		C.outes_histogram_set(series, (*C.uint64_t)(&cumulative[0]), C.double(sum), C.uint64_t(cumulative[len(cumulative)-1]))
	}
	set(make([]uint64, len(bounds)+1), 0)
	return set
}

// newSeries allocates a label set in C memory, which Close frees.
func (p *process) newSeries(metric unsafe.Pointer) *C.struct_outes_series {
	s := (*C.struct_outes_series)(C.calloc(1, C.size_t(unsafe.Sizeof(C.struct_outes_series{}))))
	s.metric = metric
	s.labels = 1
	s.values[0] = C.CString(p.Name())
	p.series = append(p.series, s)
	return s
}

// Close frees the label sets. Nothing may be called after it.
func (p *process) Close() {
	p.atRest.Stop()
	for _, s := range p.series {
		C.free(unsafe.Pointer(s.values[0]))
		C.free(unsafe.Pointer(s.values[1]))
		C.free(unsafe.Pointer(s))
	}
	p.series = nil
}
