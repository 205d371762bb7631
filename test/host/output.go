package host

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
)

// Code is a flush's answer to Fluent Bit (flb_output.h).
type Code int

const (
	ERROR Code = 0
	OK    Code = 1
	RETRY Code = 2
)

func (c Code) String() string {
	switch c {
	case ERROR:
		return "ERROR"
	case OK:
		return "OK"
	case RETRY:
		return "RETRY"
	default:
		return "Code(" + strconv.Itoa(int(c)) + ")"
	}
}

// ErrGone is the answer to a call for an instance that has exited, was never initialized, or failed
// to.
var ErrGone = errors.New("host: the instance is not there: it has exited or its Init failed")

// ConfigError is a section that Fluent Bit rejects before it calls the plugin.
type ConfigError struct{ Reason string }

func (e *ConfigError) Error() string {
	return "host: Fluent Bit refuses the configuration: " + e.Reason
}

// InitError is an FLBPluginInit that returned 0 or less; the plugin's log has the reason. Fluent
// Bit would end.
type InitError struct {
	Plugin string
	Code   int
}

func (e *InitError) Error() string {
	return fmt.Sprintf("host: plugin %s failed to initialize: FLBPluginInit returned %d", e.Plugin, e.Code)
}

// Instance is one [OUTPUT] section.
type Instance struct {
	Properties [][2]string // key and value, in the section's order; Fluent Bit's own keys are kept from the plugin
	Workers    int         // threads of its own; 0 flushes on the engine's thread, which all such instances share
}

// Output is an instance in the child. Flush may be called from many goroutines.
type Output struct {
	host  *Host
	id    []byte
	stack atomic.Uint32
}

// New makes an instance without initializing it, as Fluent Bit does for every section before the
// first Init.
//
// Error: *ConfigError.
func (h *Host) New(i Instance) (*Output, error) {
	properties := i.Properties
	if i.Workers > 0 {
		properties = append(properties[:len(properties):len(properties)], [2]string{"workers", strconv.Itoa(i.Workers)})
	}
	payload := binary.BigEndian.AppendUint32(nil, uint32(len(properties)))
	for _, kv := range properties {
		payload = appendString(appendString(payload, kv[0]), kv[1])
	}
	a, err := h.call(context.Background(), opDeclare, payload)
	if err != nil {
		return nil, err
	}
	if a.code < 0 {
		return nil, &ConfigError{Reason: a.text}
	}
	return &Output{host: h, id: binary.BigEndian.AppendUint32(nil, uint32(a.code))}, nil
}

// Init makes and initializes an instance.
//
// Errors: *ConfigError, *InitError; in both cases nothing of the instance is left.
func (h *Host) Init(i Instance) (*Output, error) {
	o, err := h.New(i)
	if err != nil {
		return nil, err
	}
	return o, o.Init()
}

// Init calls FLBPluginInit on the engine's thread, and starts the workers when it returned 1 or
// more.
//
// Errors: *InitError, after which the instance is gone without an Exit; ErrGone.
func (o *Output) Init() error {
	a, err := o.host.call(context.Background(), opInit, o.id)
	switch {
	case err != nil:
		return err
	case a.text != "":
		return ErrGone
	case a.code <= 0:
		return &InitError{Plugin: o.host.name, Code: int(a.code)}
	default:
		return nil
	}
}

// Flush passes a copy of the chunk to the plugin and waits for its code. Chunks go to the workers
// in turn, and each worker runs its flushes one after another. When ctx ends first, the flush
// continues in the child.
//
// Errors: ErrGone; ctx's; *CrashError; and a broken promise of the plugin (it wrote into the chunk,
// it returned an unknown code), in which case the code is still the one that Fluent Bit would have
// used.
func (o *Output) Flush(ctx context.Context, tag string, chunk []byte) (Code, error) {
	head := appendString(append([]byte(nil), o.id...), tag)
	head = binary.BigEndian.AppendUint32(head, uint32(len(chunk)))
	a, err := o.host.call(ctx, opFlush, head, chunk)
	if err != nil {
		return ERROR, err
	}
	if a.code < 0 {
		return ERROR, ErrGone
	}
	for most := o.stack.Load(); a.extra > most && !o.stack.CompareAndSwap(most, a.extra); most = o.stack.Load() {
	}
	if a.text != "" {
		return Code(a.code), fmt.Errorf("host: %s", a.text)
	}
	return Code(a.code), nil
}

// StackUsed is the maximum that a flush of this instance has used of its coroutine's stack, in
// bytes.
func (o *Output) StackUsed() int { return int(o.stack.Load()) }

// Exit waits until the workers have run their queues, and calls FLBPluginExitCtx (or FLBPluginExit
// where there is none) on the engine's thread. An instance that New made and Init didn't see gets
// its call too, with a context of NULL: Fluent Bit does so when the Init of an earlier section
// failed.
func (o *Output) Exit() error {
	a, err := o.host.call(context.Background(), opExit, o.id)
	if err == nil && a.text != "" {
		err = ErrGone
	}
	return err
}
