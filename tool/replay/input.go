package replay

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"out_es/plugin/deadletter"
)

// place is how far an input has been read.
type place struct {
	// File is the number of the file, Offset the byte in it, Line the number of the lines before.
	File   int   `json:"file"`
	Offset int64 `json:"offset"`
	Line   int   `json:"line"`
	// Done is how many bytes lie before it, in all files.
	Done int64 `json:"done"`
}

// Input is where dead-letter records come from.
type Input interface {
	// Next appends the next line to dst, without its end, and tells its file and line.
	//
	// Possible errors: io.EOF at the end.
	Next(dst []byte) (text []byte, where string, err error)
	// Place is how far the input has been read; Seek goes there.
	Place() place
	Seek(p place) error
	// Identity tells this input from others: a run does not go on with another.
	Identity() string
}

// Files are dead-letter files, one after another.
type Files struct {
	paths  []string
	at     place
	file   *os.File
	reader *bufio.Reader
	// Torn tells of a last line without an end, which is left out.
	Torn func(where string)
}

var rotated = regexp.MustCompile(`^(.*)\.(\d+)$`)

// OpenFiles orders files from the oldest record to the newest: FILE.7, …, FILE.1, FILE. Locks and
// positions among them are left out.
//
// Possible errors: there is none; one can't be read; an output writes to one.
func OpenFiles(paths []string) (*Files, error) {
	type named struct {
		path, base string
		number     int
	}
	var all []named
	for _, path := range paths {
		if strings.HasSuffix(path, deadletter.LockSuffix) || strings.HasSuffix(path, PositionSuffix) {
			continue
		}
		n := named{path, path, 0}
		if parts := rotated.FindStringSubmatch(path); parts != nil {
			n.base = parts[1]
			n.number, _ = strconv.Atoi(parts[2])
		}
		if _, err := os.Stat(path); err != nil {
			return nil, err
		}
		if deadletter.InUse(n.base) {
			return nil, fmt.Errorf("%s: an output writes to %s: move its files away first (the output begins a new one), or end the agent", path, n.base)
		}
		all = append(all, n)
	}
	if len(all) == 0 {
		return nil, errors.New("there are no dead-letter files")
	}
	order := map[string]int{}
	for i, n := range all {
		if _, known := order[n.base]; !known {
			order[n.base] = i
		}
	}
	slices.SortStableFunc(all, func(a, b named) int {
		return cmp.Or(cmp.Compare(order[a.base], order[b.base]), cmp.Compare(b.number, a.number))
	})
	f := &Files{Torn: func(string) {}}
	for _, n := range all {
		f.paths = append(f.paths, n.path)
	}
	return f, nil
}

// Base is the name of the first file, without the number of a rotated one.
func (f *Files) Base() string {
	if parts := rotated.FindStringSubmatch(f.paths[0]); parts != nil {
		return parts[1]
	}
	return f.paths[0]
}

// Bytes is the length of all files.
func (f *Files) Bytes() (total int64) {
	for _, path := range f.paths {
		if info, err := os.Stat(path); err == nil {
			total += info.Size()
		}
	}
	return total
}

// Identity implements Input: the names, and how each file begins.
func (f *Files) Identity() string {
	var text strings.Builder
	for _, path := range f.paths {
		head := make([]byte, 256)
		if file, err := os.Open(path); err == nil {
			n, _ := io.ReadFull(file, head)
			head = head[:n]
			_ = file.Close()
		}
		fmt.Fprintf(&text, "%s %x\n", filepath.Base(path), fingerprint(head))
	}
	return text.String()
}

// Place implements Input.
func (f *Files) Place() place { return f.at }

// Seek implements Input.
func (f *Files) Seek(p place) error {
	f.close()
	f.at = p
	return nil
}

func (f *Files) close() {
	if f.file != nil {
		_ = f.file.Close()
		f.file = nil
	}
}

// Next implements Input.
func (f *Files) Next(dst []byte) (text []byte, where string, err error) {
	for f.at.File < len(f.paths) {
		path := f.paths[f.at.File]
		if f.file == nil {
			if f.file, err = os.Open(path); err != nil {
				return dst, "", err
			}
			if _, err = f.file.Seek(f.at.Offset, io.SeekStart); err != nil {
				return dst, "", err
			}
			f.reader = bufio.NewReaderSize(f.file, 1<<20)
		}
		before := len(dst)
		where = fmt.Sprintf("%s:%d", path, f.at.Line+1)
		for {
			part, err := f.reader.ReadSlice('\n')
			dst = append(dst, part...)
			if errors.Is(err, bufio.ErrBufferFull) {
				continue
			}
			if err != nil && !errors.Is(err, io.EOF) {
				return dst[:before], where, err
			}
			break
		}
		n := len(dst) - before
		f.at.Offset += int64(n)
		f.at.Done += int64(n)
		if n > 0 && dst[len(dst)-1] == '\n' {
			f.at.Line++
			return bytes.TrimSuffix(dst[:len(dst)-1], []byte{'\r'}), where, nil
		}
		if n > 0 {
			f.Torn(where)
			dst = dst[:before]
		}
		f.close()
		f.at.File, f.at.Offset, f.at.Line = f.at.File+1, 0, 0
	}
	return dst, "", io.EOF
}
