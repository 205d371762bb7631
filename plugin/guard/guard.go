// Package guard keeps panics inside the plugin. A panic that leaves a goroutine or a timer's
// callback ends the process, which is Fluent Bit's. So all of them are started here; a test checks
// that.
package guard

import "time"

// Run calls f and reports whether it returned. A panic, which is always a bug of the plugin, is
// passed to fault instead.
func Run(fault func(problem any), f func()) (returned bool) {
	defer func() {
		if problem := recover(); problem != nil {
			returned = false
			report(fault, problem)
		}
	}()
	f()
	return true
}

// report calls fault, and ignores a panic of it.
func report(fault func(problem any), problem any) {
	defer func() { _ = recover() }()
	fault(problem)
}

// Go runs f in a goroutine of its own.
func Go(fault func(problem any), f func()) {
	go func() { Run(fault, f) }()
}

// AfterFunc runs f in a goroutine of its own after d.
func AfterFunc(d time.Duration, fault func(problem any), f func()) *time.Timer {
	return time.AfterFunc(d, func() { Run(fault, f) })
}
