// Package netline holds a bounded conversation with a server: every connection has
// a deadline from its context and a budget of bytes that it may read, so that a
// server that hangs or streams for ever costs little.
package netline

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/netguard"
)

// Budget is how many bytes a conversation reads unless it says otherwise.
const Budget = 64 << 10

// ErrTooMuch is returned when the server sent more than the budget or a line that
// is too long.
var ErrTooMuch = errors.New("the target sent more than the limit")

// Conn is one conversation. It is not safe for concurrent use.
type Conn struct {
	conn net.Conn
	lim  *limited
	r    *bufio.Reader
	stop func() bool
	tls  *tls.ConnectionState
}

// limited counts what is read from the connection, below any TLS buffering.
type limited struct {
	r    io.Reader
	left int64
}

func (l *limited) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, ErrTooMuch
	}
	if int64(len(p)) > l.left {
		p = p[:l.left]
	}
	n, err := l.r.Read(p)
	l.left -= int64(n)
	return n, err
}

// Dial connects to address ("host:port") through the guard. The connection ends
// with ctx. budget 0 means Budget.
func Dial(ctx context.Context, g netguard.Guard, address string, budget int64) (*Conn, error) {
	c, err := g.Dialer(0).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return New(ctx, c, budget), nil
}

// New wraps a connection; it is closed by Close and unblocked when ctx ends.
func New(ctx context.Context, c net.Conn, budget int64) *Conn {
	if budget <= 0 {
		budget = Budget
	}
	if d, ok := ctx.Deadline(); ok {
		_ = c.SetDeadline(d)
	}
	n := &Conn{conn: c, lim: &limited{r: c, left: budget}}
	n.r = bufio.NewReaderSize(n.lim, 1024)
	n.stop = context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	return n
}

// StartTLS goes over to TLS on the same connection. Bytes that arrived before the
// handshake are an error (they could have been injected).
func (c *Conn) StartTLS(ctx context.Context, cfg *tls.Config) error {
	if c.r.Buffered() > 0 {
		return errors.New("the target sent data before the TLS handshake")
	}
	t := tls.Client(c.conn, cfg)
	if err := t.HandshakeContext(ctx); err != nil {
		return err
	}
	st := t.ConnectionState()
	c.tls, c.conn, c.lim.r = &st, t, t
	c.r.Reset(c.lim)
	return nil
}

// TLS is the state after StartTLS, nil before.
func (c *Conn) TLS() *tls.ConnectionState { return c.tls }

// ReadLine reads up to a line feed and returns the line without its end. A line
// may have 4096 bytes.
func (c *Conn) ReadLine() (string, error) {
	line := make([]byte, 0, 128)
	for {
		part, err := c.r.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > 4096:
			return "", ErrTooMuch
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil:
			return string(line), err
		}
		n := len(line) - 1
		if n > 0 && line[n-1] == '\r' {
			n--
		}
		return string(line[:n]), nil
	}
}

// Read reads raw bytes within the budget.
func (c *Conn) Read(p []byte) (int, error) { return c.r.Read(p) }

// Writef sends a formatted text as it is, with no line end added.
func (c *Conn) Writef(format string, args ...any) error {
	_, err := fmt.Fprintf(c.conn, format, args...)
	return err
}

// Write sends bytes.
func (c *Conn) Write(p []byte) (int, error) { return c.conn.Write(p) }

// Close ends the conversation.
func (c *Conn) Close() error {
	c.stop()
	return c.conn.Close()
}
