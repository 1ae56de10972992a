// Package ssh reads the banner of an SSH server and may check its host key.
package ssh

import (
	"context"
	"errors"
	"net"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/mainstay-ops/mainstay/internal/adapter/probe/internal/probekit"
	"github.com/mainstay-ops/mainstay/internal/core/netguard"
	"github.com/mainstay-ops/mainstay/internal/core/netline"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// Config says what to check.
type Config struct {
	Address string `json:"address" yaml:"address" doc:"Host and, if it is not the usual one, port."`
	Expect  string `json:"expect,omitempty" yaml:"expect,omitempty" doc:"Text that must be in the banner, for example OpenSSH."`
	HostKey string `json:"host_key,omitempty" yaml:"host_key,omitempty" doc:"Fingerprint that the host key must have, as ssh-keygen -l prints it: SHA256:..."`

	Timeout observe.Duration `json:"timeout,omitempty" yaml:"timeout,omitempty" doc:"Limit for the whole run."`
	Warn    observe.Duration `json:"warn,omitempty" yaml:"warn,omitempty" doc:"Warning when the run takes longer."`
	Crit    observe.Duration `json:"crit,omitempty" yaml:"crit,omitempty" doc:"Critical when the run takes longer."`
}

func init() {
	observe.RegisterProbe(observe.ProbeType{
		Name: "ssh", Title: "SSH",
		New: func() observe.ProbeConfig { return newConfig() },
		FromTarget: func(t string) (observe.ProbeConfig, error) {
			c := newConfig()
			c.Address = t
			return c, c.Validate()
		},
	})
}

func newConfig() *Config {
	return &Config{Timeout: observe.Duration(observe.DefaultProbeTimeout)}
}

// Validate implements observe.ProbeConfig.
func (c *Config) Validate() error {
	var f probekit.FieldChecks
	f.Address("address", probekit.WithPort(c.Address, "22"))
	if c.HostKey != "" && !strings.HasPrefix(c.HostKey, "SHA256:") {
		f.Add("host_key", c.HostKey, "must be a fingerprint that begins with SHA256:")
	}
	f.Timeout("timeout", c.Timeout)
	f.Limits("warn", c.Warn, "crit", c.Crit)
	return f.Err()
}

// Target implements observe.ProbeConfig.
func (c *Config) Target() string { return probekit.WithPort(c.Address, "22") }

// TimeLimit implements observe.TimeLimited.
func (c *Config) TimeLimit() time.Duration { return c.Timeout.D() }

// Probe implements observe.ProbeConfig.
func (c *Config) Probe(env observe.ProbeEnv) (observe.Probe, error) {
	return &probe{cfg: *c, env: env}, nil
}

type probe struct {
	cfg Config
	env observe.ProbeEnv
}

// Run implements observe.Probe.
func (p *probe) Run(ctx context.Context) observe.Result {
	start := time.Now()
	ctx, cancel := p.env.Bound(ctx, p.cfg.Timeout)
	defer cancel()
	fail := func(err error) observe.Result {
		return probekit.Report(start, observe.Critical, "%s: %s", p.cfg.Target(), netguard.Explain(err))
	}
	c, err := netline.Dial(ctx, netguard.Guard{AllowMetadata: p.env.AllowMetadata}, p.cfg.Target(), 0)
	if err != nil {
		return fail(err)
	}
	defer func() { _ = c.Close() }()
	banner, err := readBanner(c)
	if err != nil {
		return fail(err)
	}
	status, why := observe.OK, ""
	if !strings.Contains(banner, p.cfg.Expect) {
		status, why = observe.Critical, ", the banner does not hold \""+probekit.Line(p.cfg.Expect, 60)+"\""
	}
	if p.cfg.HostKey != "" {
		key, err := p.hostKey(ctx)
		if err != nil {
			return fail(err)
		}
		if got := ssh.FingerprintSHA256(key); got != p.cfg.HostKey {
			status, why = observe.Critical, why+", the host key is "+got+", expected "+p.cfg.HostKey
		}
	}
	took := time.Since(start)
	status = probekit.Worst(status, probekit.Over(took, p.cfg.Warn.D(), p.cfg.Crit.D()))
	return probekit.Report(start, status, "%s answered in %s%s: %s", p.cfg.Target(), probekit.Millis(took), why, probekit.Line(banner, 120))
}

// readBanner skips the lines that a server may send before its version (RFC 4253, 4.2).
func readBanner(c *netline.Conn) (string, error) {
	for range 64 {
		line, err := c.ReadLine()
		if err != nil {
			return "", err
		}
		if strings.HasPrefix(line, "SSH-") {
			return line, nil
		}
	}
	return "", errors.New("the target does not speak SSH")
}

var errSeen = errors.New("host key seen")

// hostKey begins a handshake on a connection of its own and ends it at the key,
// which the key exchange has proved by then.
func (p *probe) hostKey(ctx context.Context) (ssh.PublicKey, error) {
	conn, err := netguard.Guard{AllowMetadata: p.env.AllowMetadata}.Dialer(0).DialContext(ctx, "tcp", p.cfg.Target())
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	if d, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(d)
	}
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	var key ssh.PublicKey
	_, _, _, err = ssh.NewClientConn(conn, p.cfg.Target(), &ssh.ClientConfig{
		User: "mainstay",
		HostKeyCallback: func(_ string, _ net.Addr, k ssh.PublicKey) error {
			key = k
			return errSeen
		},
	})
	if key != nil {
		return key, nil
	}
	return nil, err
}
