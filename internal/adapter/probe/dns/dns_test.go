package dns

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/observe"
)

func serve(t *testing.T, answer func(w dns.ResponseWriter, r *dns.Msg)) string {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &dns.Server{PacketConn: pc, Handler: dns.HandlerFunc(answer)}
	go func() { _ = s.ActivateAndServe() }()
	t.Cleanup(func() { _ = s.Shutdown() })
	return pc.LocalAddr().String()
}

func run(t *testing.T, server string, change func(*Config)) observe.Result {
	t.Helper()
	c := newConfig()
	c.Server, c.Name, c.Timeout = server, "www.example.org", observe.Duration(300*time.Millisecond)
	if change != nil {
		change(c)
	}
	require.NoError(t, c.Validate())
	p, err := c.Probe(observe.ProbeEnv{})
	require.NoError(t, err)
	return p.Run(context.Background())
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w dns.ResponseWriter, r *dns.Msg) {
		m := new(dns.Msg)
		m.SetReply(r)
		switch q := r.Question[0]; q.Name {
		case "www.example.org.":
			for _, text := range []string{" A 192.0.2.1", " A 192.0.2.2"} {
				rr, _ := dns.NewRR(q.Name + text)
				m.Answer = append(m.Answer, rr)
			}
		default:
			m.Rcode = dns.RcodeNameError
		}
		_ = w.WriteMsg(m)
	})
	r := run(t, s, nil)
	require.Equal(t, observe.OK, r.Status, r.Output)
	require.InDelta(t, 2, r.Measures[0].Value, 0)
	require.Equal(t, observe.OK, run(t, s, func(c *Config) { c.Expect = []string{"192.0.2.2"} }).Status)
	r = run(t, s, func(c *Config) { c.Expect = []string{"192.0.2.9"} })
	require.Equal(t, observe.Critical, r.Status)
	require.Contains(t, r.Output, "192.0.2.9 is missing")
	r = run(t, s, func(c *Config) { c.Name = "none.example.org" })
	require.Contains(t, r.Output, "NXDOMAIN")
	require.Equal(t, observe.OK, run(t, s, func(c *Config) { c.Name, c.RCode = "none.example.org", "NXDOMAIN" }).Status)
}

func TestBadServers(t *testing.T) {
	t.Parallel()
	require.Contains(t, run(t, serve(t, func(dns.ResponseWriter, *dns.Msg) {}), nil).Output, "no answer in time")
	r := run(t, serve(t, func(w dns.ResponseWriter, _ *dns.Msg) { _, _ = w.Write([]byte("\xff\xfe garbage that is no message")) }), nil)
	require.Equal(t, observe.Critical, r.Status)
	require.Contains(t, run(t, "169.254.169.254", nil).Output, "metadata")
	c := newConfig()
	c.Type = "a"
	require.ErrorContains(t, c.Validate(), "type:")
}
