// Command out_es is a Fluent Bit output plugin, built as a C shared object and loaded with
// `fluent-bit -e out_es.so`. This file has only the functions that Fluent Bit calls (its
// src/proxy/go/go.c): it converts C's pointers into Go's terms, and keeps panics in.
package main

import "C"

import (
	"os"
	"runtime"
	"runtime/debug"
	"unsafe"

	"github.com/fluent/fluent-bit-go/output"

	"out_es/plugin"
	"out_es/plugin/fluentbit"
)

// pin keeps Fluent Bit's thread from starting threads for Go while a call of it lasts: Go asks its
// own template thread instead. So all of Go's threads have Go's timer slack
// (plugin/fluentbit/slack.c), and no signal mask or name of Fluent Bit's.
func pin() (unpin func()) {
	runtime.LockOSThread()
	return runtime.UnlockOSThread
}

// FLBPluginRegister tells the plugin's name.
//
//export FLBPluginRegister
func FLBPluginRegister(def unsafe.Pointer) int {
	defer pin()()
	fluentbit.RestoreTimerSlack()
	plugin.TuneRuntime()
	return output.FLBPluginRegister(def, "es_go", "Elasticsearch, with every record accounted for")
}

// FLBPluginInit starts one instance. It must return 1, or Fluent Bit stops.
//
//export FLBPluginInit
func FLBPluginInit(section unsafe.Pointer) (code int) {
	defer pin()()
	host := fluentbit.Open(section)
	defer func() {
		if problem := recover(); problem != nil {
			host.Log(fluentbit.Error, "a fault in this plugin, please report it: %v\n%s", problem, debug.Stack())
			code = output.FLB_ERROR
		}
		host.Service()
	}()
	instance, err := plugin.New(func(name string) string { return output.FLBPluginConfigKey(section, name) }, host)
	if err != nil {
		host.LogLines(fluentbit.Error, err.Error())
		return output.FLB_ERROR
	}
	output.FLBPluginSetContext(section, &handle{instance})
	return output.FLB_OK
}

// handle is the target of a context. fluent-bit-go keeps contexts while the process lives, so
// ExitCtx empties it for the collector.
type handle struct{ *plugin.Plugin }

// FLBPluginFlushCtx delivers one chunk. data and tag are Fluent Bit's, and
// valid until this returns.
//
//export FLBPluginFlushCtx
func FLBPluginFlushCtx(ctx, data unsafe.Pointer, length C.int, tag *C.char) (code int) {
	defer pin()()
	defer func() {
		if problem := recover(); problem != nil {
			_, _ = os.Stderr.WriteString("out_es: a fault in this plugin, please report it\n" + string(debug.Stack()))
			code = output.FLB_RETRY
		}
	}()
	instance, ok := output.FLBPluginGetContext(ctx).(*handle)
	if !ok || instance.Plugin == nil {
		return output.FLB_ERROR
	}
	return int(instance.Flush(C.GoString(tag), unsafe.Slice((*byte)(data), int(length))))
}

// FLBPluginExitCtx ends one instance.
//
//export FLBPluginExitCtx
func FLBPluginExitCtx(ctx unsafe.Pointer) int {
	defer pin()()
	defer func() { _ = recover() }() // there is no log any more to tell it to
	if instance, ok := output.FLBPluginGetContext(ctx).(*handle); ok && instance.Plugin != nil {
		instance.Close()
		instance.Plugin = nil
	}
	return output.FLB_OK
}

// FLBPluginUnregister frees what FLBPluginRegister made.
//
//export FLBPluginUnregister
func FLBPluginUnregister(def unsafe.Pointer) { output.FLBPluginUnregister(def) }

func main() {}
