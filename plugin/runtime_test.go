package plugin_test

import (
	"math"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"out_es/plugin"
	"out_es/plugin/fluentbit/fluentbittest"
)

func TestTheRuntimeIsTunedWhereTheEnvironmentDoesNot(t *testing.T) {
	percent, processors := debug.SetGCPercent(100), runtime.GOMAXPROCS(2)
	t.Cleanup(func() { debug.SetGCPercent(percent); runtime.GOMAXPROCS(processors) })
	t.Setenv("GOGC", "100")
	t.Setenv("GOMAXPROCS", "2")
	plugin.TuneRuntime()
	if got := debug.SetGCPercent(100); got != 100 {
		t.Errorf("GOGC is set, and became %d", got)
	}
	if got := runtime.GOMAXPROCS(0); got != 2 {
		t.Errorf("GOMAXPROCS is set, and became %d", got)
	}
	t.Setenv("GOGC", "")
	t.Setenv("GOMAXPROCS", "")
	plugin.TuneRuntime()
	if got := debug.SetGCPercent(100); got != 20 {
		t.Errorf("collections at %d%%", got)
	}
	if got := runtime.GOMAXPROCS(0); got != 1 {
		t.Errorf("%d processors", got)
	}
}

func TestMemoryLimitIsOneForAllInstances(t *testing.T) {
	before := debug.SetMemoryLimit(math.MaxInt64)
	t.Cleanup(func() { debug.SetMemoryLimit(before) })
	e := newElasticsearch(t)
	first, _ := instance(t, e, section{"Memory_Limit": "64M"})
	if got := debug.SetMemoryLimit(-1); got != 64e6 && got != 64<<20 {
		t.Errorf("the limit is %d", got)
	}
	second, _ := instance(t, e, section{"Memory_Limit": "64M"})
	other := section{"Hosts": e.URL, "Memory_Limit": "32M"}
	_, err := plugin.New(other.lookup, fluentbittest.NewRecorder("es_go.2").Instance())
	if err == nil || !strings.HasPrefix(err.Error(), "Memory_Limit ") {
		t.Errorf("another limit is answered by %v", err)
	}
	unset := section{"Hosts": e.URL}
	if p, err := plugin.New(unset.lookup, fluentbittest.NewRecorder("es_go.3").Instance()); err != nil {
		t.Errorf("no limit is answered by %v", err)
	} else {
		p.Close()
	}
	if got := debug.SetMemoryLimit(-1); got == math.MaxInt64 {
		t.Error("an instance without a limit has lifted that of the others")
	}
	first.Close()
	second.Close()
	if got := debug.SetMemoryLimit(-1); got != math.MaxInt64 {
		t.Errorf("after the last instance the limit is %d", got)
	}
}
