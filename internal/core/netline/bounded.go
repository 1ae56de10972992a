package netline

import "net"

// Bounded gives a connection that reads at most n bytes and then fails with
// ErrTooMuch, for protocol libraries that know no limit.
func Bounded(c net.Conn, n int64) net.Conn {
	return &bounded{Conn: c, lim: limited{r: c, left: n}}
}

type bounded struct {
	net.Conn
	lim limited
}

func (b *bounded) Read(p []byte) (int, error) { return b.lim.Read(p) }
