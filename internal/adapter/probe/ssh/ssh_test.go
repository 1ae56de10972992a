package ssh

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"

	"github.com/mainstay-ops/mainstay/internal/observe"
)

func run(t *testing.T, handle func(net.Conn), change func(*Config)) observe.Result {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); handle(c) }()
		}
	}()
	c := newConfig()
	c.Address, c.Timeout = ln.Addr().String(), observe.Duration(2*time.Second)
	if change != nil {
		change(c)
	}
	require.NoError(t, c.Validate())
	p, err := c.Probe(observe.ProbeEnv{})
	require.NoError(t, err)
	return p.Run(context.Background())
}

func TestServer(t *testing.T) {
	t.Parallel()
	_, priv, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	signer, err := ssh.NewSignerFromKey(priv)
	require.NoError(t, err)
	cfg := &ssh.ServerConfig{NoClientAuth: true, ServerVersion: "SSH-2.0-Test"}
	cfg.AddHostKey(signer)
	server := func(c net.Conn) { _, _, _, _ = ssh.NewServerConn(c, cfg) }
	r := run(t, server, func(c *Config) { c.Expect = "Test" })
	require.Equal(t, observe.OK, r.Status, r.Output)
	r = run(t, server, func(c *Config) { c.HostKey = ssh.FingerprintSHA256(signer.PublicKey()) })
	require.Equal(t, observe.OK, r.Status, r.Output)
	r = run(t, server, func(c *Config) { c.HostKey = "SHA256:other" })
	require.Equal(t, observe.Critical, r.Status)
	require.Contains(t, r.Output, "the host key is")
	require.Equal(t, observe.Critical, run(t, server, func(c *Config) { c.Expect = "Dropbear" }).Status)
}

func TestBadServers(t *testing.T) {
	t.Parallel()
	stream := func(c net.Conn) {
		for {
			if _, err := c.Write([]byte("noise\n")); err != nil {
				return
			}
		}
	}
	require.Contains(t, run(t, stream, nil).Output, "does not speak SSH")
	require.Contains(t, run(t, func(net.Conn) {}, nil).Output, "closed the connection early")
	hang := func(c net.Conn) { _, _ = c.Read(make([]byte, 1)) }
	require.Contains(t, run(t, hang, func(c *Config) { c.Timeout = observe.Duration(100 * time.Millisecond) }).Output, "no answer in time")
}
