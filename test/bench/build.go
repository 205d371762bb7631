package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// build makes the shared objects that the plugin is measured beside.
func (b *bench) build() error {
	b.textbook, b.readymade = filepath.Join(b.folder, "textbook.so"), filepath.Join(b.folder, "readymade.so")
	for _, one := range []struct {
		from, to string
		unused   bool
	}{{"test/bench/textbook", b.textbook, b.onlyOrdinary()}, {"test/bench/readymade", b.readymade, b.onlyOrdinary() && b.quick}} {
		if one.unused { // they take a while
			continue
		}
		command := exec.CommandContext(b, "go", "build", "-buildmode=c-shared", "-trimpath", "-ldflags=-s -w", "-o", one.to, ".")
		command.Dir = one.from // textbook is a module of its own
		command.Env = append(os.Environ(), "CGO_ENABLED=1", "GOWORK=off")
		if out, err := command.CombinedOutput(); err != nil {
			return fmt.Errorf("building %s: %w\n%s", one.from, err, out)
		}
	}
	return nil
}
