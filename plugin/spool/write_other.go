//go:build !linux

package spool

import "os"

// writePieces writes both pieces at offset.
func writePieces(file *os.File, offset int64, head, chunk []byte) error {
	if _, err := file.WriteAt(head, offset); err != nil {
		return err
	}
	_, err := file.WriteAt(chunk, offset+int64(len(head)))
	return err
}
