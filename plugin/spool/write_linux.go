package spool

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// writePieces writes both pieces at offset with one system call, so that a chunk is not copied.
func writePieces(file *os.File, offset int64, head, chunk []byte) error {
	pieces := [][]byte{head, chunk}
	for len(pieces) > 0 {
		n, err := unix.Pwritev(int(file.Fd()), pieces, offset)
		if err == unix.EINTR {
			continue
		}
		if err == nil && n == 0 {
			err = io.ErrShortWrite
		}
		if err != nil {
			return &os.PathError{Op: "write", Path: file.Name(), Err: err}
		}
		offset += int64(n)
		for len(pieces) > 0 && n >= len(pieces[0]) {
			n -= len(pieces[0])
			pieces = pieces[1:]
		}
		if len(pieces) > 0 {
			pieces[0] = pieces[0][n:]
		}
	}
	return nil
}

// nameless reports whether a file's last name is gone.
func nameless(file *os.File) bool {
	var stat unix.Stat_t
	return unix.Fstat(int(file.Fd()), &stat) == nil && stat.Nlink == 0
}

// diskErrors are those of an unreadable disk, and of a file system that finds its data damaged.
func diskErrors() []error { return []error{unix.EIO, unix.EBADMSG, unix.EUCLEAN, unix.ENXIO} }
