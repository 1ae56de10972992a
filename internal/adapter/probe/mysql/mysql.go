// Package mysql logs in to MySQL or MariaDB, or, without a user, only reads the
// server's greeting.
package mysql

import (
	"context"
	"crypto/sha1" // mysql_native_password is defined with it
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"time"

	"github.com/mainstay-ops/mainstay/internal/adapter/probe/internal/probekit"
	"github.com/mainstay-ops/mainstay/internal/core/netguard"
	"github.com/mainstay-ops/mainstay/internal/core/netline"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// Config says what to check.
type Config struct {
	Address       string           `json:"address" yaml:"address" doc:"Host and, if it is not the usual one, port."`
	User          string           `json:"user,omitempty" yaml:"user,omitempty" doc:"User to log in; when empty only the greeting is read."`
	Password      string           `json:"password,omitempty" yaml:"password,omitempty" doc:"Password of the user." secret:"true"`
	TLS           bool             `json:"tls,omitempty" yaml:"tls,omitempty" doc:"Log in over TLS."`
	TLSSkipVerify bool             `json:"tls_skip_verify,omitempty" yaml:"tls_skip_verify,omitempty" doc:"Accept any certificate."`
	Timeout       observe.Duration `json:"timeout,omitempty" yaml:"timeout,omitempty" doc:"Limit for the whole run."`
	Warn          observe.Duration `json:"warn,omitempty" yaml:"warn,omitempty" doc:"Warning when the run takes longer."`
	Crit          observe.Duration `json:"crit,omitempty" yaml:"crit,omitempty" doc:"Critical when the run takes longer."`
}

func init() {
	observe.RegisterProbe(observe.ProbeType{
		Name: "mysql", Title: "MySQL",
		New: func() observe.ProbeConfig { return newConfig() },
		FromTarget: func(t string) (observe.ProbeConfig, error) {
			c := newConfig()
			c.Address = t
			return c, c.Validate()
		},
	})
}

func newConfig() *Config { return &Config{Timeout: observe.Duration(observe.DefaultProbeTimeout)} }

// Validate implements observe.ProbeConfig.
func (c *Config) Validate() error {
	var f probekit.FieldChecks
	f.Address("address", probekit.WithPort(c.Address, "3306"))
	if c.User == "" && (c.Password != "" || c.TLS) {
		f.Add("user", "", "is needed with password or tls")
	}
	f.Timeout("timeout", c.Timeout)
	f.Limits("warn", c.Warn, "crit", c.Crit)
	return f.Err()
}

// Target implements observe.ProbeConfig.
func (c *Config) Target() string { return probekit.WithPort(c.Address, "3306") }

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
	target := p.cfg.Target()
	c, err := netline.Dial(ctx, netguard.Guard{AllowMetadata: p.env.AllowMetadata}, target, 0)
	if err != nil {
		return probekit.Report(start, observe.Critical, "%s: %s", target, netguard.Explain(err))
	}
	defer func() { _ = c.Close() }()
	w := &wire{c: c}
	var g greeting
	packet, err := w.read()
	if err == nil {
		g, err = parseGreeting(packet)
	}
	if err == nil && p.cfg.User != "" {
		err = p.login(ctx, w, g)
	}
	if err != nil {
		return probekit.Report(start, observe.Critical, "%s: %s", target, netguard.Explain(err))
	}
	took := time.Since(start)
	did := "greets"
	if p.cfg.User != "" {
		did = "logged in"
	}
	return probekit.Report(start, probekit.Over(took, p.cfg.Warn.D(), p.cfg.Crit.D()), "%s: MySQL %s %s in %s", target, g.version, did, probekit.Millis(took))
}

// Capabilities of the protocol that are used.
const (
	capLongPassword = 1 << 0
	capProtocol41   = 1 << 9
	capSSL          = 1 << 11
	capSecure       = 1 << 15
	capPluginAuth   = 1 << 19
)

func (p *probe) login(ctx context.Context, w *wire, g greeting) error {
	caps := uint32(capLongPassword | capProtocol41 | capSecure | capPluginAuth)
	head := make([]byte, 32)
	if p.cfg.TLS {
		if g.caps&capSSL == 0 {
			return errors.New("the server does not offer TLS")
		}
		caps |= capSSL
	}
	binary.LittleEndian.PutUint32(head, caps)
	binary.LittleEndian.PutUint32(head[4:], 1<<16)
	head[8] = 45 // utf8mb4
	if p.cfg.TLS {
		if err := w.write(head); err != nil {
			return err
		}
		host, _, _ := net.SplitHostPort(p.cfg.Target())
		if err := w.c.StartTLS(ctx, &tls.Config{ServerName: host, InsecureSkipVerify: p.cfg.TLSSkipVerify, MinVersion: tls.VersionTLS10}); err != nil {
			return err
		}
	}
	proof, err := prove(g.plugin, p.cfg.Password, g.salt)
	if err != nil {
		// The server may still ask for another method.
		g.plugin, proof = "mysql_native_password", nil
	}
	body := slices.Concat(head, []byte(p.cfg.User))
	body = append(body, 0, byte(len(proof)))
	body = append(body, proof...)
	body = append(body, g.plugin...)
	if err := w.write(append(body, 0)); err != nil {
		return err
	}
	return p.finish(w, g.plugin)
}

// finish follows the server's questions to its verdict.
func (p *probe) finish(w *wire, plugin string) error {
	for range 6 {
		b, err := w.read()
		if err != nil {
			return err
		}
		if len(b) == 0 {
			return errNotMySQL
		}
		switch b[0] {
		case 0:
			_ = w.writeQuit()
			return nil
		case 0xff:
			return serverError(b)
		case 0xfe: // use another method
			name, rest := cstring(b[1:])
			plugin = name
			proof, err := prove(plugin, p.cfg.Password, trimSalt(rest))
			if err != nil {
				return err
			}
			if err := w.write(proof); err != nil {
				return err
			}
		case 1: // more about caching_sha2_password
			if len(b) < 2 || plugin != "caching_sha2_password" {
				return errNotMySQL
			}
			if b[1] == 3 {
				continue // known to the server; the verdict follows
			}
			if w.c.TLS() == nil {
				return errors.New("the server wants the password over TLS; set tls")
			}
			if err := w.write(append([]byte(p.cfg.Password), 0)); err != nil {
				return err
			}
		default:
			return errNotMySQL
		}
	}
	return errNotMySQL
}

// prove answers the challenge of an authentication method.
func prove(plugin, password string, salt []byte) ([]byte, error) {
	if password == "" {
		return nil, nil
	}
	switch plugin {
	case "mysql_native_password": // SHA1(p) XOR SHA1(salt + SHA1(SHA1(p)))
		h1 := sha1.Sum([]byte(password))
		h2 := sha1.Sum(h1[:])
		h3 := sha1.Sum(append(append([]byte(nil), salt...), h2[:]...))
		for i := range h1 {
			h1[i] ^= h3[i]
		}
		return h1[:], nil
	case "caching_sha2_password": // SHA256(p) XOR SHA256(SHA256(SHA256(p)) + salt)
		h1 := sha256.Sum256([]byte(password))
		h2 := sha256.Sum256(h1[:])
		h3 := sha256.Sum256(append(h2[:], salt...))
		for i := range h1 {
			h1[i] ^= h3[i]
		}
		return h1[:], nil
	}
	return nil, errors.New("the server wants the authentication method " + probekit.Line(plugin, 60) + ", which is not supported")
}

// wire reads and writes packets: 3 bytes of length, 1 of sequence, then the body.
type wire struct {
	c   *netline.Conn
	seq byte
}

func (w *wire) read() ([]byte, error) {
	var h [4]byte
	if _, err := io.ReadFull(w.c, h[:]); err != nil {
		return nil, err
	}
	n := int(h[0]) | int(h[1])<<8 | int(h[2])<<16
	if n > 16<<10 {
		return nil, errNotMySQL
	}
	w.seq = h[3] + 1
	b := make([]byte, n)
	_, err := io.ReadFull(w.c, b)
	return b, err
}

func (w *wire) write(b []byte) error {
	p := append([]byte{byte(len(b)), byte(len(b) >> 8), byte(len(b) >> 16), w.seq}, b...)
	w.seq++
	_, err := w.c.Write(p)
	return err
}

func (w *wire) writeQuit() error {
	w.seq = 0
	return w.write([]byte{1})
}
