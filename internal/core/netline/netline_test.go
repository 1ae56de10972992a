package netline

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func pair(t *testing.T, ctx context.Context, budget int64) (*Conn, net.Conn) {
	t.Helper()
	a, b := net.Pipe()
	c := New(ctx, a, budget)
	t.Cleanup(func() { _ = c.Close(); _ = b.Close() })
	return c, b
}

func TestReadLineForms(t *testing.T) {
	t.Parallel()
	c, srv := pair(t, context.Background(), 0)
	go func() { _, _ = srv.Write([]byte("one\r\ntwo\n" + strings.Repeat("x", 3000) + "\r\n")) }()
	for _, want := range []string{"one", "two", strings.Repeat("x", 3000)} {
		got, err := c.ReadLine()
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

func TestEndlessLineAndBudget(t *testing.T) {
	t.Parallel()
	for _, unit := range []string{"xxxxxxxx", "line\n"} {
		c, srv := pair(t, context.Background(), 10000)
		go func() {
			for {
				if _, err := srv.Write([]byte(unit)); err != nil {
					return
				}
			}
		}()
		var err error
		for err == nil {
			_, err = c.ReadLine()
		}
		require.ErrorIs(t, err, ErrTooMuch)
	}
}

func TestCancelUnblocks(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	c, _ := pair(t, ctx, 0)
	go cancel()
	_, err := c.ReadLine()
	require.Error(t, err)
}
