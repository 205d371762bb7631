package plugin

import (
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"

	"out_es/plugin/guard"
)

// gcPercent trades a little CPU for memory: the data path allocates next to nothing a record, so a
// collection at every fifth of the live heap (a few MB) is rare. processors is the number of
// threads that run Go code at a time: the data of Fluent Bit's one engine thread needs less than
// one, and each further one costs threads and memory on a node with many cores. docs/adr/0006 has
// the measurements.
const (
	gcPercent  = 20
	processors = 1
)

// TuneRuntime sets the Go runtime for a life inside another program. GOGC and GOMAXPROCS in the
// environment win.
func TuneRuntime() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(processors)
	}
}

// Free memory goes back to the system restEvery after work, or growthEvery after it if the heap has
// grown by growth. Go would wait until a megabyte of garbage has gathered, whatever GOGC says, and
// keep it after that. A collection takes a millisecond: every 2 s, that was an eighth of the cost
// of a quiet node's output (docs/adr/0006).
const (
	restEvery   = 30 * time.Second
	growthEvery = 2 * time.Second
	growth      = 2 << 20 // bytes; half of it gathers between two collections of a small heap
)

// rest gives free memory back after work was done.
type rest struct {
	give func()
	held func() uint64 // bytes of the heap that are resident

	late, soon atomic.Bool   // a timer runs
	base       atomic.Uint64 // held after the last give
}

// heap is the process's: ten instances need one collection.
var heap = rest{give: debug.FreeOSMemory, held: heldByHeap}

// used tells that something has worked with memory.
func (r *rest) used() {
	if r.late.CompareAndSwap(false, true) {
		guard.AfterFunc(restEvery, runtimeFault, func() {
			r.late.Store(false)
			r.giveBack()
		})
	}
	if r.soon.CompareAndSwap(false, true) {
		guard.AfterFunc(growthEvery, runtimeFault, func() {
			r.soon.Store(false)
			if r.held() >= r.base.Load()+growth {
				r.giveBack()
			}
		})
	}
}

func (r *rest) giveBack() {
	r.give()
	r.base.Store(r.held())
}

// heldByHeap stops the world for some microseconds.
func heldByHeap() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapSys - m.HeapReleased
}

// runtimeFault tells of a panic that belongs to no instance.
func runtimeFault(problem any) {
	_, _ = fmt.Fprintf(os.Stderr, "out_es: a fault in this plugin, please report it: %v\n", problem)
}

// noLimit is the runtime's default, restored when the instances with a limit are closed.
const noLimit = math.MaxInt64

var errOtherLimit = errors.New("another es_go output of this Fluent Bit, or GOMEMLIMIT, has set another limit; " +
	"the limit counts for the whole process: give all of them the same, or leave it out")

// limitMemory sets a limit, 0 for none, which the runtime keeps for the
// process.
//
// Possible errors: another limit is set.
func limitMemory(limit int) error {
	if limit == 0 {
		return nil
	}
	if now := debug.SetMemoryLimit(-1); now != noLimit && now != int64(limit) {
		return errOtherLimit
	}
	debug.SetMemoryLimit(int64(limit))
	return nil
}

// unlimitMemory undoes limitMemory. Fluent Bit closes all its instances before it makes new ones,
// so no other one needs the limit any more.
func unlimitMemory(limit int) {
	if limit != 0 && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(noLimit)
	}
}
