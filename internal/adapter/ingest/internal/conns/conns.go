// Package conns serves TCP connections of protocols that know no tokens: it admits,
// limits how many there are, and closes all of them when the server stops.
package conns

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

// Max is how many connections a protocol may have open.
const Max = 2000

// Idle is how long a connection may say nothing.
const Idle = 10 * time.Minute

// Serve accepts until ctx ends or the listener closes, and calls handle for each
// connection whose address may send. It returns when all have ended.
func Serve(ctx context.Context, env signal.Env, protocol string, ln net.Listener, handle func(ctx context.Context, from signal.Source, c net.Conn)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = ln.Close() })()
	slots := make(chan struct{}, Max)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	for {
		c, err := ln.Accept()
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return nil
			}
			var temporary interface{ Temporary() bool }
			if errors.As(err, &temporary) && temporary.Temporary() {
				// Out of file descriptors, mostly: others must end first.
				select {
				case <-ctx.Done():
					return nil
				case <-time.After(50 * time.Millisecond):
				}
				continue
			}
			return err
		}
		from, ok := env.Admit(protocol, c.RemoteAddr())
		if !ok {
			env.Dropped(from, "address not allowed", 1)
			_ = c.Close()
			continue
		}
		select {
		case slots <- struct{}{}:
		default:
			env.Dropped(from, "too many connections", 1)
			_ = c.Close()
			continue
		}
		wg.Go(func() {
			defer func() { <-slots }()
			defer c.Close()
			defer context.AfterFunc(ctx, func() { _ = c.Close() })()
			handle(ctx, from, c)
		})
	}
}

// Packets reads datagrams of all sockets until they close, and calls handle with
// each whose address may send. The bytes are used again after handle returns. It is
// called by several goroutines at once.
func Packets(ctx context.Context, env signal.Env, protocol string, sockets []net.PacketConn, handle func(from signal.Source, b []byte)) error {
	var wg sync.WaitGroup
	for _, s := range sockets {
		wg.Go(func() {
			buf := make([]byte, 65536)
			for {
				n, addr, err := s.ReadFrom(buf)
				if err != nil {
					if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
						return
					}
					continue
				}
				from, ok := env.Admit(protocol, addr)
				if !ok {
					env.Dropped(from, "address not allowed", 1)
					continue
				}
				handle(from, buf[:n])
			}
		})
	}
	wg.Wait()
	return nil
}
