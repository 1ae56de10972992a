package netguard

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"
)

func TestCheckAddresses(t *testing.T) {
	t.Parallel()
	metadata := []string{
		"169.254.169.254", "169.254.170.2", "fd00:ec2::254", "::ffff:169.254.169.254",
		"64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1", "fd00:ec2::23", "::169.254.169.254",
	}
	for _, s := range metadata {
		a := netip.MustParseAddr(s)
		var refused *RefusedError
		require.ErrorAs(t, Guard{}.Check(a), &refused, s)
		require.NoError(t, Guard{AllowMetadata: true}.Check(a), s)
	}
	for _, s := range []string{"127.0.0.1", "10.1.2.3", "::1", "fe80::1%eth0", "100.64.0.1", "0.0.0.0", "fd00::1", "::ffff:10.0.0.1", "224.0.0.1"} {
		a := netip.MustParseAddr(s)
		require.NoError(t, Guard{}.Check(a), s)
		require.Error(t, Guard{DenyPrivate: true}.Check(a), s)
	}
	for _, s := range []string{"192.0.2.1", "2001:db8::1", "8.8.8.8", "100.128.0.1"} {
		require.NoError(t, Guard{DenyPrivate: true}.Check(netip.MustParseAddr(s)), s)
	}
}

// A name that answers with a harmless address first and the metadata address
// later is refused when the second address is connected.
func TestRebindingIsRefusedAtConnect(t *testing.T) {
	t.Parallel()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	answers := make(chan string, 8)
	srv := &dns.Server{PacketConn: pc, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, r *dns.Msg) {
		m := new(dns.Msg)
		m.SetReply(r)
		if r.Question[0].Qtype == dns.TypeA {
			rr, _ := dns.NewRR(r.Question[0].Name + " 0 IN A " + <-answers)
			m.Answer = append(m.Answer, rr)
		}
		_ = w.WriteMsg(m)
	})}
	go func() { _ = srv.ActivateAndServe() }()
	t.Cleanup(func() { _ = srv.Shutdown() })

	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = ln.Close() })
	_, port, _ := net.SplitHostPort(ln.Addr().String())

	d := Guard{}.Dialer(5 * time.Second)
	d.Resolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", pc.LocalAddr().String())
	}}
	answers <- "127.0.0.1"
	c, err := d.Dial("tcp", "rebind.example.test:"+port)
	require.NoError(t, err)
	_ = c.Close()
	answers <- "169.254.169.254"
	_, err = d.Dial("tcp", "rebind.example.test:"+port)
	var refused *RefusedError
	require.ErrorAs(t, err, &refused)
	require.Contains(t, Explain(err), "169.254.169.254")
}

func TestExplain(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := ln.Addr().String()
	require.NoError(t, ln.Close())
	_, err = net.Dial("tcp", addr)
	require.Equal(t, "connection refused", Explain(err))
	require.Equal(t, "no answer in time", Explain(context.DeadlineExceeded))
	require.Equal(t, "", Explain(nil))
	require.Equal(t, "odd", Explain(errors.New("odd")))
}
