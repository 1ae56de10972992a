// Package ntp asks a time server (SNTP, RFC 5905) and judges the offset of the local clock.
package ntp

import (
	"context"
	"encoding/binary"
	"errors"
	"time"

	"github.com/mainstay-ops/mainstay/internal/adapter/probe/internal/probekit"
	"github.com/mainstay-ops/mainstay/internal/core/netguard"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// Config says what to check.
type Config struct {
	Address    string           `json:"address" yaml:"address" doc:"Host and, if it is not the usual one, port."`
	OffsetWarn observe.Duration `json:"offset_warn,omitempty" yaml:"offset_warn,omitempty" doc:"Warning when the clocks differ by more."`
	OffsetCrit observe.Duration `json:"offset_crit,omitempty" yaml:"offset_crit,omitempty" doc:"Critical when the clocks differ by more."`
	MaxStratum int              `json:"max_stratum,omitempty" yaml:"max_stratum,omitempty" doc:"Critical when the server is farther from a reference clock."`

	Timeout observe.Duration `json:"timeout,omitempty" yaml:"timeout,omitempty" doc:"Limit for the whole run."`
	Warn    observe.Duration `json:"warn,omitempty" yaml:"warn,omitempty" doc:"Warning when the run takes longer."`
	Crit    observe.Duration `json:"crit,omitempty" yaml:"crit,omitempty" doc:"Critical when the run takes longer."`
}

func init() {
	observe.RegisterProbe(observe.ProbeType{
		Name: "ntp", Title: "NTP",
		New: func() observe.ProbeConfig { return newConfig() },
		FromTarget: func(t string) (observe.ProbeConfig, error) {
			c := newConfig()
			c.Address = t
			return c, c.Validate()
		},
	})
}

func newConfig() *Config {
	return &Config{OffsetWarn: observe.Duration(100 * time.Millisecond), OffsetCrit: observe.Duration(time.Second), MaxStratum: 15, Timeout: observe.Duration(observe.DefaultProbeTimeout)}
}

// Validate implements observe.ProbeConfig.
func (c *Config) Validate() error {
	var f probekit.FieldChecks
	f.Address("address", probekit.WithPort(c.Address, "123"))
	f.Limits("offset_warn", c.OffsetWarn, "offset_crit", c.OffsetCrit)
	f.Between("max_stratum", c.MaxStratum, 1, 15)
	f.Timeout("timeout", c.Timeout)
	f.Limits("warn", c.Warn, "crit", c.Crit)
	return f.Err()
}

// Target implements observe.ProbeConfig.
func (c *Config) Target() string { return probekit.WithPort(c.Address, "123") }

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
	offset, delay, stratum, err := p.ask(ctx)
	if err != nil {
		return fail(err)
	}
	status := probekit.Over(offset.Abs(), p.cfg.OffsetWarn.D(), p.cfg.OffsetCrit.D())
	why := ""
	if stratum > p.cfg.MaxStratum {
		status, why = observe.Critical, ", which is too far from a reference clock"
	}
	r := probekit.Report(start, status, "%s: offset %s, delay %s, stratum %d%s", p.cfg.Target(), probekit.Millis(offset), probekit.Millis(delay), stratum, why)
	r.Measures = []observe.Measure{
		{Name: "probe_ntp_offset_seconds", Value: offset.Seconds()},
		{Name: "probe_ntp_delay_seconds", Value: delay.Seconds()},
		{Name: "probe_ntp_stratum", Value: float64(stratum)},
	}
	return r
}

// epoch is the start of NTP time, 1900, in Unix seconds.
const epoch = -2208988800

// ask makes one exchange. With t1 and t4 from here, t2 and t3 from the server, the
// offset is ((t2-t1)+(t3-t4))/2 and the delay (t4-t1)-(t3-t2) (RFC 5905, section 8).
func (p *probe) ask(ctx context.Context) (offset, delay time.Duration, stratum int, err error) {
	conn, err := netguard.Guard{AllowMetadata: p.env.AllowMetadata}.Dialer(0).DialContext(ctx, "udp", p.cfg.Target())
	if err != nil {
		return 0, 0, 0, err
	}
	defer func() { _ = conn.Close() }()
	if d, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(d)
	}
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	var b [128]byte
	b[0] = 4<<3 | 3 // version 4, client
	t1 := time.Now()
	put(b[40:48], t1)
	cookie := binary.BigEndian.Uint64(b[40:])
	if _, err := conn.Write(b[:48]); err != nil {
		return 0, 0, 0, err
	}
	for range 8 {
		n, err := conn.Read(b[:])
		if err != nil {
			return 0, 0, 0, err
		}
		t4 := t1.Add(time.Since(t1))
		if n < 48 || b[0]&7 != 4 {
			return 0, 0, 0, errors.New("the answer is not NTP")
		}
		if binary.BigEndian.Uint64(b[24:]) != cookie {
			continue // an answer to somebody else, or made up
		}
		if b[1] == 0 || b[0]>>6 == 3 {
			return 0, 0, 0, errors.New("the server's own clock is not synchronized")
		}
		t2, t3 := get(b[32:40]), get(b[40:48])
		return (t2.Sub(t1) + t3.Sub(t4)) / 2, t4.Sub(t1) - t3.Sub(t2), int(b[1]), nil
	}
	return 0, 0, 0, errors.New("the answers belong to no question")
}

func put(b []byte, t time.Time) {
	binary.BigEndian.PutUint32(b, uint32(t.Unix()-epoch))
	binary.BigEndian.PutUint32(b[4:], uint32(uint64(t.Nanosecond())<<32/1e9))
}

// get reads a time; the 32 bits of seconds begin again in 2036.
func get(b []byte) time.Time {
	sec := int64(binary.BigEndian.Uint32(b))
	if sec < 1<<31 {
		sec += 1 << 32
	}
	return time.Unix(sec+epoch, int64(uint64(binary.BigEndian.Uint32(b[4:]))*1e9>>32))
}
