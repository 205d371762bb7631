package spool

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"out_es/plugin/filelimit"
)

// asideBytes bounds the damaged bytes that are kept for an operator, so that they can't fill the
// disk.
const asideBytes = 64 << 20

const (
	asidePrefix = "damaged-"
	asideSuffix = ".bin"
)

// SetAside copies the bytes between two places of a segment into a file of its own, and returns its
// name, or "" if there is no room for it.
//
// Possible errors: those of the file system.
func (s *Spool) SetAside(from, to Place) (string, error) {
	s.mu.Lock()
	g := s.find(from.segment)
	s.mu.Unlock()
	length := to.offset - from.offset
	if g == nil || to.segment != from.segment || length <= 0 || s.aside()+length > asideBytes {
		return "", nil
	}
	if err := filelimit.Check(filelimit.MaxBytes(), length); err != nil {
		return "", fmt.Errorf("spool: %w", err)
	}
	in, err := os.Open(g.path(s.dir))
	if err != nil {
		return "", fmt.Errorf("spool: %w", err)
	}
	defer in.Close()
	path := filepath.Join(s.dir, fmt.Sprintf("%s%020d-%d%s", asidePrefix, from.segment, from.offset, asideSuffix))
	out, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return "", fmt.Errorf("spool: %w", err)
	}
	_, err = io.Copy(out, io.NewSectionReader(in, from.offset, length))
	if closing := out.Close(); err == nil {
		err = closing
	}
	if err != nil {
		_ = os.Remove(path)
		return "", fmt.Errorf("spool: %w", err)
	}
	return path, nil
}

// aside returns the size of the files of damaged data in the folder.
func (s *Spool) aside() (bytes int64) {
	files, err := os.ReadDir(s.dir)
	if err != nil {
		return 0
	}
	for _, file := range files {
		if !strings.HasPrefix(file.Name(), asidePrefix) || !strings.HasSuffix(file.Name(), asideSuffix) {
			continue
		}
		if info, err := file.Info(); err == nil {
			bytes += info.Size()
		}
	}
	return bytes
}
