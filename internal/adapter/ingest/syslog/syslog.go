// Package syslog takes syslog over UDP, TCP and TLS: RFC 5424, RFC 3164 and what
// devices send in its name, those of Cisco among them. On TCP, messages are framed by
// octet counting (RFC 6587, section 3.4.1) or end with a line break or a zero byte.
package syslog

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/mainstay-ops/mainstay/internal/adapter/ingest/internal/conns"
	"github.com/mainstay-ops/mainstay/internal/adapter/ingest/internal/lines"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

const name = "syslog"

// maxMessage is the longest message on TCP. What is longer is taken in pieces.
const maxMessage = 256 << 10

func init() {
	signal.Register(signal.Protocol{Name: name, Title: "Syslog", Listeners: []signal.Listener{
		{Port: "syslog_udp", Network: "udp", Packets: packets},
		{Port: "syslog_tcp", Network: "tcp", Stream: stream},
		{Port: "syslog_tls", Network: "tls", Stream: stream},
	}})
}

// read makes a line of a message; ok is false when there is nothing in it.
func read(from signal.Source, text string, now time.Time) (l signal.Line, ok bool) {
	l = Parse(text, now)
	if l.Message == "" && len(l.Fields) == 0 {
		return l, false
	}
	if from.Address.IsValid() {
		addr := from.Address.Unmap().String()
		if l.Hints.Host == "" {
			l.Hints.Address = addr
			l.Stream = append(l.Stream, signal.Field{Name: "address", Value: addr})
		}
	}
	return l, true
}

func packets(ctx context.Context, env signal.Env, sockets []net.PacketConn) error {
	d := lines.NewDatagrams(env)
	var wg sync.WaitGroup
	running, stop := context.WithCancel(ctx)
	wg.Go(func() { d.Run(running) })
	err := conns.Packets(ctx, env, name, sockets, func(from signal.Source, b []byte) {
		if l, ok := read(from, string(b), time.Now()); ok {
			d.Add(ctx, from, l)
		}
	})
	stop()
	wg.Wait()
	return err
}

func stream(ctx context.Context, env signal.Env, ln net.Listener) error {
	return conns.Serve(ctx, env, name, ln, func(ctx context.Context, from signal.Source, c net.Conn) {
		in := bufio.NewReaderSize(idle{c}, 64<<10)
		var batch []signal.Line
		if head, _ := in.Peek(2); len(head) == 2 && head[0] == 0x16 && head[1] == 3 {
			env.Malformed(from, "a TLS handshake came to the port without TLS")
			return
		}
		for {
			text, err := next(in)
			if l, ok := read(from, text, time.Now()); ok && text != "" {
				batch = append(batch, l)
			}
			// Stored when nothing more is here to be read, or when it is enough.
			if len(batch) > 0 && (err != nil || in.Buffered() == 0 || len(batch) >= lines.Most) {
				if lines.Store(ctx, env, from, batch) != nil {
					return
				}
				batch = batch[:0]
			}
			if err != nil {
				if errors.Is(err, errFrame) {
					env.Malformed(from, err.Error())
				}
				return
			}
		}
	})
}

// idle ends a connection that says nothing for long.
type idle struct{ c net.Conn }

func (i idle) Read(b []byte) (int, error) {
	if err := i.c.SetReadDeadline(time.Now().Add(conns.Idle)); err != nil {
		return 0, err
	}
	return i.c.Read(b)
}

var errFrame = errors.New("the length in front of a message is wrong")

// next reads one message. With an error, text is what came before it.
func next(in *bufio.Reader) (text string, err error) {
	first, err := in.Peek(1)
	if err != nil {
		return "", err
	}
	if first[0] >= '1' && first[0] <= '9' {
		if n, ok := count(in); ok {
			return counted(in, n)
		}
	}
	var b []byte
	for {
		// What is here already, up to the end of the message.
		if _, err := in.Peek(1); err != nil {
			return string(b), err
		}
		here, _ := in.Peek(in.Buffered())
		if end := bytes.IndexAny(here, "\n\x00"); end >= 0 {
			b = append(b, here[:end]...)
			_, err := in.Discard(end + 1)
			return string(b), err
		}
		b = append(b, here...)
		if _, err := in.Discard(len(here)); err != nil || len(b) >= maxMessage {
			return string(b), err
		}
	}
}

// count reads the number of octets and the space behind it, if they are there.
func count(in *bufio.Reader) (int, bool) {
	const digits = 7
	head, _ := in.Peek(digits + 1)
	n := 0
	for i, c := range head {
		switch {
		case c >= '0' && c <= '9' && i < digits:
			n = n*10 + int(c-'0')
		case c == ' ' && i > 0:
			// "123 <13>" is a count; "2026 something" without a priority is text.
			if more, _ := in.Peek(i + 2); len(more) == i+2 && more[i+1] != '<' {
				return 0, false
			}
			_, _ = in.Discard(i + 1)
			return n, true
		default:
			return 0, false
		}
	}
	return 0, false
}

func counted(in *bufio.Reader, n int) (string, error) {
	if n > maxMessage {
		return "", errFrame
	}
	b := make([]byte, n)
	got, err := io.ReadFull(in, b)
	if err != nil {
		return string(b[:got]), io.EOF
	}
	return string(b), nil
}
