package host

import (
	"encoding/binary"
	"io"
)

// op is a command of the conversation with the host: a command is `length u32 | id u32 | op u8 |
// payload`, an answer `length u32 | id u32 | code i32 | extra u32 | text`, numbers big endian, the
// length without itself. A string in a payload is `length u32 | bytes`. Answers come in any order:
// id says which command they belong to.
type op byte

const (
	opLoad    op = 'L' // path → text is the plugin's name, or the error with code -1
	opUnload  op = 'U' // → code -1 and the error
	opDeclare op = 'N' // count u32, (key, value) strings → code is the instance's number, or -1 and the error
	opInit    op = 'I' // instance u32 → the result of FLBPluginInit
	opFlush   op = 'F' // instance u32, tag, chunk → code; extra is the bytes of stack used; text is a broken promise
	opExit    op = 'X' // instance u32 → the result of the exit callback
	opScrape  op = 'S' // → text
)

const answerHeader = 12 // id, code, extra

type answer struct {
	code  int32
	extra uint32
	text  string
}

func appendString(dst []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint32(dst, uint32(len(s))), s...)
}

// writeFrame writes one command; the parts of the payload are written one after another without
// being joined.
func writeFrame(w io.Writer, id uint32, o op, parts [][]byte) error {
	size := 5
	for _, p := range parts {
		size += len(p)
	}
	head := binary.BigEndian.AppendUint32(make([]byte, 0, 9), uint32(size))
	head = append(binary.BigEndian.AppendUint32(head, id), byte(o))
	if _, err := w.Write(head); err != nil {
		return err
	}
	for _, p := range parts {
		if _, err := w.Write(p); err != nil {
			return err
		}
	}
	return nil
}

func readAnswer(r io.Reader) (id uint32, a answer, err error) {
	var head [4 + answerHeader]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, a, err
	}
	text := make([]byte, binary.BigEndian.Uint32(head[:])-answerHeader)
	if _, err := io.ReadFull(r, text); err != nil {
		return 0, a, err
	}
	a = answer{
		code:  int32(binary.BigEndian.Uint32(head[8:])),
		extra: binary.BigEndian.Uint32(head[12:]),
		text:  string(text),
	}
	return binary.BigEndian.Uint32(head[4:]), a, nil
}
