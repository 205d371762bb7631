package elastic

import (
	"context"
	"io"
	"net"
)

// line is a connection that takes a request's body whole. Without it, net/http
// copies a body in pieces of 32 KB, through memory that it allocates for each
// request: three quarters of all that a request allocates, and 64 system calls
// for 2 MB. Under TLS the pieces are net/http's: there it writes to crypto/tls.
type line struct{ net.Conn }

// dialLine makes the connections of dial lines.
func dialLine(dial func(ctx context.Context, network, address string) (net.Conn, error)) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &line{conn}, nil
	}
}

// ReadFrom implements io.ReaderFrom, which net/http asks for when the header
// is out (io.Copy in net/http's persistConnWriter): r is then the body, limited
// to its length.
//
// Possible errors: those of the connection and of r.
func (l *line) ReadFrom(r io.Reader) (int64, error) {
	if limited, ok := r.(*io.LimitedReader); ok {
		if b, ok := limited.R.(*body); ok {
			n, err := b.writeTo(l.Conn, limited.N)
			limited.N -= n
			return n, err
		}
	}
	return io.Copy(struct{ io.Writer }{l.Conn}, r)
}
