// Package codec stands in for the msgpack library that fluent-bit-go's package
// output imports for its decoder, NewDecoder and GetRecord, which the plugin
// doesn't use. The library, with net/rpc, html/template and encoding/gob that
// only it imports, would be 1.6 MB of out_es.so: docs/adr has the measurement.
// It has the names that package output needs to be compiled, and no more.
package codec

import (
	"errors"
	"reflect"
)

// ErrAbsent is what every method answers.
var ErrAbsent = errors.New("codec: this build has no decoder of its own: read chunks with out_es/plugin/chunk")

// MsgpackHandle would hold a decoder's settings.
type MsgpackHandle struct{}

// SetBytesExt refuses an extension type.
//
// Possible errors: ErrAbsent.
func (*MsgpackHandle) SetBytesExt(reflect.Type, uint64, BytesExt) error { return ErrAbsent }

// BytesExt is what fluent-bit-go's time implements.
type BytesExt interface {
	WriteExt(v interface{}) []byte
	ReadExt(dst interface{}, src []byte)
}

// Decoder would read msgpack.
type Decoder struct{}

// NewDecoderBytes returns a decoder that reads nothing.
func NewDecoderBytes([]byte, *MsgpackHandle) *Decoder { return &Decoder{} }

// Decode reads nothing.
//
// Possible errors: ErrAbsent.
func (*Decoder) Decode(interface{}) error { return ErrAbsent }
