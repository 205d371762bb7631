package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
)

// column is a possible fate of a record. Every record that was read ends, once for each output that
// matches, as ok, failed or dropped.
type column int

const (
	read    column = iota // from the files
	ok                    // in chunks answered OK
	retried               // in chunks answered RETRY and flushed again, once for each time
	failed                // in chunks answered ERROR
	dropped               // in chunks without further retries
	columns
)

// counts are records by tag. The zero value is ready; it is safe for concurrent use.
type counts struct {
	mu   sync.Mutex
	tags map[string]*[columns]int
}

func (c *counts) add(tag string, to column, records int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tags == nil {
		c.tags = map[string]*[columns]int{}
	}
	if c.tags[tag] == nil {
		c.tags[tag] = new([columns]int)
	}
	c.tags[tag][to] += records
}

func (c *counts) print(w io.Writer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	const row = "%12v %12v %12v %12v %12v  %s\n"
	fmt.Fprintf(w, row, "read", "ok", "retried", "errors", "dropped", "records of tag")
	var all [columns]int
	for _, tag := range slices.Sorted(maps.Keys(c.tags)) {
		n := c.tags[tag]
		fmt.Fprintf(w, row, n[read], n[ok], n[retried], n[failed], n[dropped], tag)
		for i := range all {
			all[i] += n[i]
		}
	}
	fmt.Fprintf(w, row, all[read], all[ok], all[retried], all[failed], all[dropped], "(all)")
}
