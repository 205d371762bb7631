// Command cmd runs a classic Fluent Bit configuration with tail inputs and the outputs of one
// plugin, on machines without Fluent Bit:
//
//	go run ./test/host/cmd -e out_es.so -c fluent-bit.conf [-chunks FILE] [-exit-when-done]
//
// It is for tests and for trying things out. Its limits are listed in ../README.md.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	o := options{stdout: os.Stdout, stderr: os.Stderr}
	flag.StringVar(&o.plugin, "e", "", "the plugin's .so `file`, as fluent-bit -e")
	flag.StringVar(&o.config, "c", "", "the configuration `file` in the classic format, as fluent-bit -c")
	flag.StringVar(&o.chunks, "chunks", "", "a `file` of chunks that Fluent Bit made, as examples/record writes them, in place of the configuration's inputs")
	flag.BoolVar(&o.exitWhenDone, "exit-when-done", false, "end when the files are read to their ends and every chunk is settled")
	flag.BoolVar(&o.bare, "bare", false, "export no symbols to the plugin, as a Fluent Bit without them")
	flag.DurationVar(&o.longestWait, "longest-wait", 0, "wait no longer than this `duration` between retries; 0 waits as Fluent Bit does")
	flag.Parse()
	if o.plugin == "" || o.config == "" || flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "host: -e and -c are needed, and nothing else")
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends at once
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "host:", err)
		os.Exit(1)
	}
}

// options are the command's flags.
type options struct {
	plugin, config string
	chunks         string
	exitWhenDone   bool
	bare           bool
	longestWait    time.Duration
	stdout, stderr io.Writer // the report; the log, written by several goroutines
}
