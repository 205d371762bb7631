// Command etcd is etcd itself: its repository builds the program from a module that can't be
// imported.
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() { etcdmain.Main(os.Args) }
