// Command readymade is a Fluent Bit output that encodes nothing: for each chunk it sends as many
// ready-made bytes of bulk lines as the chunk would have become, and believes the answer. It is the
// floor: the cost of sending, without that of encoding. Built with -buildmode=c-shared.
//
// Options: Address (host:port), Body (a file of bulk lines), Ratio (bytes of lines for each byte of
// a chunk), Compress (gzip or off).
package main

import "C"

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"runtime/debug"
	"strconv"
	"unsafe"

	"github.com/fluent/fluent-bit-go/output"
	"github.com/klauspost/compress/gzip"
)

// floor is one instance. Only Fluent Bit's one worker calls it.
type floor struct {
	address string
	ratio   float64
	body    []byte // whole bulk lines
	at      int    // where in body the next request begins
	gzip    *gzip.Writer
	packed  bytes.Buffer
	head    []byte
	out     net.Conn
	in      *bufio.Reader
}

// FLBPluginRegister tells the plugin's name.
//
//export FLBPluginRegister
func FLBPluginRegister(def unsafe.Pointer) int {
	debug.SetGCPercent(20) // as the plugin that it is compared with
	return output.FLBPluginRegister(def, "readymade", "sends bytes that lie ready")
}

// FLBPluginInit reads the options.
//
//export FLBPluginInit
func FLBPluginInit(section unsafe.Pointer) int {
	option := func(name string) string { return output.FLBPluginConfigKey(section, name) }
	f := &floor{address: option("Address")}
	var err error
	if f.ratio, err = strconv.ParseFloat(option("Ratio"), 64); err != nil {
		log.Printf("readymade: Ratio: %v", err)
		return output.FLB_ERROR
	}
	if f.body, err = os.ReadFile(option("Body")); err != nil || bytes.Count(f.body, []byte("\n")) < 2 {
		log.Printf("readymade: Body must be a file of bulk lines: %v", err)
		return output.FLB_ERROR
	}
	if option("Compress") == "gzip" {
		f.gzip, _ = gzip.NewWriterLevel(nil, gzip.BestSpeed)
	}
	output.FLBPluginSetContext(section, f)
	return output.FLB_OK
}

// FLBPluginFlushCtx sends one request.
//
//export FLBPluginFlushCtx
func FLBPluginFlushCtx(ctx, data unsafe.Pointer, length C.int, tag *C.char) int {
	f := output.FLBPluginGetContext(ctx).(*floor)
	if err := f.send(int(float64(length) * f.ratio)); err != nil {
		log.Printf("readymade: %v", err)
		f.out = nil
		return output.FLB_RETRY
	}
	return output.FLB_OK
}

// FLBPluginExitCtx has nothing to do.
//
//export FLBPluginExitCtx
func FLBPluginExitCtx(ctx unsafe.Pointer) int { return output.FLB_OK }

// send posts about that many bytes, a whole number of documents.
func (f *floor) send(want int) error {
	part := f.take(want)
	encoding := ""
	if f.gzip != nil {
		f.packed.Reset()
		f.gzip.Reset(&f.packed)
		_, _ = f.gzip.Write(part) // to memory
		_ = f.gzip.Close()
		part, encoding = f.packed.Bytes(), "Content-Encoding: gzip\r\n"
	}
	if f.out == nil {
		var err error
		if f.out, err = net.Dial("tcp", f.address); err != nil {
			return err
		}
		f.in = bufio.NewReaderSize(f.out, 64<<10)
	}
	f.head = fmt.Appendf(f.head[:0], "POST /_bulk?filter_path=errors,items.*.status HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-ndjson\r\n%sContent-Length: %d\r\n\r\n",
		f.address, encoding, len(part))
	if _, err := (&net.Buffers{f.head, part}).WriteTo(f.out); err != nil {
		return err
	}
	return f.readAnswer()
}

// take cuts the next documents out of the body, going round at its end.
func (f *floor) take(want int) []byte {
	if f.at+want > len(f.body) {
		f.at = 0
	}
	end := min(f.at+want, len(f.body))
	for end < len(f.body) && !(f.body[end-1] == '\n' && bytes.HasPrefix(f.body[end:], []byte(`{"create"`))) {
		end++
	}
	part := f.body[f.at:end]
	f.at = end
	return part
}

// readAnswer reads a head and skips the body.
func (f *floor) readAnswer() error {
	const header = "content-length: "
	length := 0
	for {
		line, err := f.in.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(line) <= 2 {
			break
		}
		if bytes.HasPrefix(bytes.ToLower(line), []byte(header)) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(line[len(header):]))); err != nil {
				return err
			}
		}
	}
	_, err := io.CopyN(io.Discard, f.in, int64(length))
	return err
}

func main() {}
