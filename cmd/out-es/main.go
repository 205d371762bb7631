// Command out-es is the operator's tool: it checks and rewrites configurations of Fluent Bit,
// previews the plugin's requests, reads spools, and replays dead-letter records. docs/out-es.md is
// its reference.
package main

import (
	"os"

	"out_es/tool"
)

func main() { os.Exit(tool.Main(os.Args, os.Stdin, os.Stdout, os.Stderr)) }
