// Package icmp sends echo requests ("ping") and measures loss and round-trip time.
// All probes share one socket per address family.
package icmp

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/adapter/probe/internal/probekit"
	"github.com/mainstay-ops/mainstay/internal/core/icmp"
	"github.com/mainstay-ops/mainstay/internal/core/netguard"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// Config says whom to ask, how often, and what is too slow or too little.
type Config struct {
	Host      string           `json:"host" yaml:"host" doc:"Name or address."`
	Count     int              `json:"count,omitempty" yaml:"count,omitempty" doc:"Echo requests of one run."`
	Interval  observe.Duration `json:"interval,omitempty" yaml:"interval,omitempty" doc:"Time between the requests of one run."`
	Timeout   observe.Duration `json:"timeout,omitempty" yaml:"timeout,omitempty" doc:"How long to wait for the last answer."`
	LossWarn  float64          `json:"loss_warn,omitempty" yaml:"loss_warn,omitempty" doc:"Warning when more than this percentage is lost."`
	LossCrit  float64          `json:"loss_crit,omitempty" yaml:"loss_crit,omitempty" doc:"Critical when more than this percentage is lost."`
	RTTWarn   observe.Duration `json:"rtt_warn,omitempty" yaml:"rtt_warn,omitempty" doc:"Warning when the mean round-trip time is above this."`
	RTTCrit   observe.Duration `json:"rtt_crit,omitempty" yaml:"rtt_crit,omitempty" doc:"Critical when the mean round-trip time is above this."`
	IPVersion int              `json:"ip_version,omitempty" yaml:"ip_version,omitempty" doc:"4 or 6 to use only that version; 0 for both."`
}

// shared is the process's one pair of sockets for probes: the point is that all use
// the same.
var shared icmp.Sockets

func init() {
	observe.RegisterProbe(observe.ProbeType{
		Name: "icmp", Title: "Ping (ICMP)",
		New: func() observe.ProbeConfig { return newConfig() },
		FromTarget: func(t string) (observe.ProbeConfig, error) {
			c := newConfig()
			c.Host = t
			return c, c.Validate()
		},
	})
}

func newConfig() *Config {
	return &Config{
		Count: 3, Interval: observe.Duration(200 * time.Millisecond), Timeout: observe.Duration(3 * time.Second),
		LossWarn: 20, LossCrit: 60,
	}
}

// Validate implements observe.ProbeConfig.
func (c *Config) Validate() error {
	var f probekit.FieldChecks
	f.Required("host", c.Host, "router.example.org")
	if strings.ContainsAny(c.Host, " /\t\n") {
		f.Add("host", c.Host, "must be a name or an address")
	}
	f.Between("count", c.Count, 1, 100)
	if c.Interval < observe.Duration(time.Millisecond) || c.Interval > observe.Duration(10*time.Second) {
		f.Add("interval", c.Interval, "must be from 1ms to 10s")
	}
	f.Timeout("timeout", c.Timeout)
	for _, l := range []struct {
		path string
		v    float64
	}{{"loss_warn", c.LossWarn}, {"loss_crit", c.LossCrit}} {
		if !(l.v >= 0 && l.v <= 100) {
			f.Add(l.path, l.v, "must be a percentage from 0 to 100")
		}
	}
	f.Limits("rtt_warn", c.RTTWarn, "rtt_crit", c.RTTCrit)
	if c.IPVersion != 0 && c.IPVersion != 4 && c.IPVersion != 6 {
		f.Add("ip_version", c.IPVersion, "must be 4, 6 or 0 for both")
	}
	return f.Err()
}

// Target implements observe.ProbeConfig.
func (c *Config) Target() string { return c.Host }

// TimeLimit implements observe.TimeLimited: sending takes its time too.
func (c *Config) TimeLimit() time.Duration {
	if c.Timeout <= 0 {
		return 0
	}
	return c.Timeout.D() + time.Duration(c.Count-1)*c.Interval.D()
}

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
	ctx, cancel := p.env.Bound(ctx, observe.Duration(p.cfg.TimeLimit()))
	defer cancel()
	addr, err := resolve(ctx, p.cfg.Host, p.cfg.IPVersion)
	if err == nil {
		err = netguard.Guard{AllowMetadata: p.env.AllowMetadata}.Check(addr)
	}
	if err != nil {
		return probekit.Report(start, observe.Critical, "%s: %s", p.cfg.Host, netguard.Explain(err))
	}
	e, err := shared.Of(addr)
	if err != nil {
		return probekit.Report(start, observe.Unknown, "%v", err)
	}
	return p.ask(ctx, e, addr, start)
}

func (p *probe) ask(ctx context.Context, e *icmp.Socket, addr netip.Addr, start time.Time) observe.Result {
	n := p.cfg.Count
	out := make(chan icmp.Reply, n)
	tokens := make([]uint64, 0, n)
	defer func() {
		for _, t := range tokens {
			e.Forget(t)
		}
	}()
	var (
		s       stats
		sent    int
		lastErr error
		tick    <-chan time.Time
	)
	send := func() {
		t, err := e.Send(addr, sent, out)
		sent++
		if err != nil {
			lastErr = err
			s.failed++
		} else {
			tokens = append(tokens, t)
		}
	}
	send()
	if n > 1 {
		timer := time.NewTicker(p.cfg.Interval.D())
		defer timer.Stop()
		tick = timer.C
	}
	for s.got+s.failed < n {
		select {
		case r := <-out:
			s.add(r.RTT)
		case <-tick:
			if send(); sent == n {
				tick = nil
			}
		case <-ctx.Done():
			return p.judge(start, addr, max(sent, 1), &s, lastErr)
		}
	}
	return p.judge(start, addr, n, &s, lastErr)
}

type stats struct {
	got, failed   int
	min, max, sum time.Duration
}

func (s *stats) add(d time.Duration) {
	if s.got == 0 || d < s.min {
		s.min = d
	}
	s.max = max(s.max, d)
	s.sum += d
	s.got++
}

func (p *probe) judge(start time.Time, addr netip.Addr, sent int, s *stats, err error) observe.Result {
	loss := 100 * float64(sent-s.got) / float64(sent)
	status := probekit.Over(loss, p.cfg.LossWarn, p.cfg.LossCrit)
	if s.got == 0 {
		status = observe.Critical
		why := ""
		if err != nil {
			why = ": " + netguard.Explain(err)
		}
		r := probekit.Report(start, status, "%s (%s): no answer to %d requests%s", p.cfg.Host, addr, sent, why)
		r.Measures = []observe.Measure{{Name: "probe_icmp_loss_percent", Value: 100}}
		return r
	}
	avg := s.sum / time.Duration(s.got)
	status = probekit.Worst(status, probekit.Over(avg, p.cfg.RTTWarn.D(), p.cfg.RTTCrit.D()))
	r := probekit.Report(start, status, "%s: %d of %d answered, round trip %s", p.cfg.Host, s.got, sent, probekit.Millis(avg))
	r.Measures = []observe.Measure{
		{Name: "probe_icmp_loss_percent", Value: loss},
		{Name: "probe_icmp_rtt_min_seconds", Value: s.min.Seconds()},
		{Name: "probe_icmp_rtt_avg_seconds", Value: avg.Seconds()},
		{Name: "probe_icmp_rtt_max_seconds", Value: s.max.Seconds()},
	}
	return r
}

// resolve gives the address to ask; version is 4, 6 or 0 for either.
func resolve(ctx context.Context, host string, version int) (netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return a.Unmap(), nil
	}
	family := map[int]string{0: "ip", 4: "ip4", 6: "ip6"}[version]
	as, err := net.DefaultResolver.LookupNetIP(ctx, family, host)
	if err != nil {
		return netip.Addr{}, err
	}
	return as[0].Unmap(), nil
}
