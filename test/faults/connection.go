package faults

import (
	"crypto/tls"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
)

// TLS has the shares of connections, 0 to 1, that are reset in the handshake and later.
type TLS struct{ HandshakeResets, DataResets float64 }

type stage uint8

const (
	never stage = iota
	inHandshake
	inData
)

// Bytes after which a connection is reset. A handshake takes about 1.7 KB from the client and 2 KB
// from the server; after it, answers are shorter than requests.
const (
	handshakeBytes = 1200
	dataFrom       = 5 << 10
	readTo         = 60 << 10
	writtenTo      = 12 << 10
)

// tlsListener returns connections that are reset after a random number of bytes. It lies below TLS.
type tlsListener struct {
	net.Listener
	shares TLS
	ledger *ledger

	mu     sync.Mutex
	source *rand.Rand
}

func newTLSListener(l net.Listener, seed uint64, shares TLS, to *ledger) *tlsListener {
	return &tlsListener{Listener: l, shares: shares, ledger: to, source: rand.New(rand.NewPCG(seed, 1))}
}

// Accept implements net.Listener.
func (l *tlsListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	draw, bytes, reading := l.source.Float64(), l.source.IntN(1<<30), l.source.IntN(2) == 0
	c := &doomed{Conn: conn, ledger: l.ledger, reading: reading}
	dataTo := map[bool]int{true: readTo, false: writtenTo}[reading]
	switch {
	case draw < l.shares.HandshakeResets:
		c.stage, c.left = inHandshake, 1+bytes%handshakeBytes
	case draw < l.shares.HandshakeResets+l.shares.DataResets:
		c.stage, c.left = inData, dataFrom+bytes%(dataTo-dataFrom)
	}
	return c, nil
}

// doomed is a connection that is reset after a number of bytes, read or written.
type doomed struct {
	net.Conn
	ledger  *ledger
	stage   stage
	reading bool // counts bytes that are read, else those that are written

	mu   sync.Mutex
	left int
	done bool
}

// spend takes at most n bytes of the remaining ones, and returns the number of bytes that may pass.
func (d *doomed) spend(n int, read bool) (may int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stage == never || d.reading != read {
		return n
	}
	may = min(n, d.left)
	d.left -= may
	return may
}

// end resets the connection, once.
func (d *doomed) end() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.done {
		d.done = true
		d.ledger.reset(d.stage)
		reset(d.Conn)
	}
	return net.ErrClosed
}

// Read implements net.Conn.
func (d *doomed) Read(p []byte) (int, error) {
	may := d.spend(len(p), true)
	if may == 0 && len(p) > 0 {
		return 0, d.end()
	}
	n, err := d.Conn.Read(p[:may])
	d.giveBack(may - n)
	return n, err
}

// giveBack returns bytes that were spent on a read and did not arrive.
func (d *doomed) giveBack(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stage != never && d.reading {
		d.left += n
	}
}

// Write implements net.Conn.
func (d *doomed) Write(p []byte) (int, error) {
	may := d.spend(len(p), false)
	n, err := d.Conn.Write(p[:may])
	if err == nil && may < len(p) {
		err = d.end()
	}
	return n, err
}

// hijack takes the connection from the HTTP server. It is nil if there is none any more.
func (x *exchange) hijack() net.Conn {
	conn, _, err := http.NewResponseController(x.w).Hijack()
	if err != nil {
		return nil
	}
	return conn
}

// reset closes a connection with a RST, so that its peer gets an error instead of an end. conn may
// be nil.
func reset(conn net.Conn) {
	if conn == nil {
		return
	}
	below := conn
	if secure, ok := below.(*tls.Conn); ok {
		below = secure.NetConn()
	}
	if counted, ok := below.(*doomed); ok {
		below = counted.Conn
	}
	if tcp, ok := below.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = below.Close() // conn itself would send a TLS close_notify first
}
