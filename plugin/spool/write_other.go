//go:build !linux

package spool

import (
	"os"
	"syscall"
)

// writePieces writes both pieces at offset.
func writePieces(file *os.File, offset int64, head, chunk []byte) error {
	if _, err := file.WriteAt(head, offset); err != nil {
		return err
	}
	_, err := file.WriteAt(chunk, offset+int64(len(head)))
	return err
}

// nameless reports whether a file's last name is gone.
func nameless(*os.File) bool { return false }

// diskErrors are those of an unreadable disk.
func diskErrors() []error { return []error{syscall.EIO, syscall.ENXIO} }
