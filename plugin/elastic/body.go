package elastic

import (
	"io"
	"sync"
)

// body is a request's body that knows when the transport has done with it:
// net/http may go on reading after it returned the answer, and promises only
// that it closes the body in the end (http.RoundTripper).
type body struct {
	rest   []byte
	length int64
	// handed says that the transport has got it, so that a close will come.
	handed bool
	read   bool
	once   sync.Once
	closed chan struct{}
}

func newBody(b []byte) *body {
	return &body{rest: b, length: int64(len(b)), closed: make(chan struct{})}
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	b.read = true
	if len(b.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

// writeTo writes what is left of the body, up to most bytes, to w.
//
// Possible errors: those of w.
func (b *body) writeTo(w io.Writer, most int64) (int64, error) {
	b.read = true
	n, err := w.Write(b.rest[:min(int64(len(b.rest)), most)])
	b.rest = b.rest[n:]
	return int64(n), err
}

// Close implements io.Closer. The transport may call it more than once.
func (b *body) Close() error {
	b.once.Do(func() { close(b.closed) })
	return nil
}

// wait returns once the transport has closed the body.
func (b *body) wait() {
	if b.handed {
		<-b.closed
	}
}
