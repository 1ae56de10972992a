package unusual

import (
	"fmt"
	"net/netip"
	"strconv"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// Kind is a way in which traffic can be unusual.
type Kind string

// The kinds.
const (
	NewTalker Kind = "new_talker" // somebody talks to an important item who never did
	PortScan  Kind = "port_scan"  // one address tries many ports of another
	Sweep     Kind = "sweep"      // one address tries one port of many others
	FanOut    Kind = "fan_out"    // one address talks to many more others than usual
	Outflow   Kind = "outflow"    // one address sends much more to the outside than usual
	Flood     Kind = "flood"      // much more traffic, or many more senders, to one address
)

// Kinds are all of them.
func Kinds() []Kind { return []Kind{NewTalker, PortScan, Sweep, FanOut, Outflow, Flood} }

// Settings say what is judged, and from where on something is unusual.
type Settings struct {
	Off           []Kind   `json:"off" yaml:"off,omitempty" doc:"Kinds that are not judged."`
	Ignore        []string `json:"ignore" yaml:"ignore,omitempty" maxItems:"500" doc:"Addresses or networks that are never the reason: scanners, monitoring, backup."`
	Inside        []string `json:"inside" yaml:"inside,omitempty" maxItems:"500" doc:"Networks that are yours besides the private ones."`
	LearningHours int      `json:"learning_hours" yaml:"learning_hours" minimum:"0" maximum:"720" doc:"How long nothing is told, at the beginning and of an address that is new."`
	ScanPorts     int      `json:"scan_ports" yaml:"scan_ports" minimum:"5" maximum:"5000" doc:"Ports of one address that one other tries in five minutes."`
	SweepHosts    int      `json:"sweep_hosts" yaml:"sweep_hosts" minimum:"5" maximum:"5000" doc:"Addresses of which one other tries the same port in five minutes."`
	FanOutHosts   int      `json:"fan_out_hosts" yaml:"fan_out_hosts" minimum:"10" maximum:"5000" doc:"Addresses that one talks to in five minutes, at the least, to be a fan-out."`
	OutflowMB     int      `json:"outflow_mb" yaml:"outflow_mb" minimum:"1" maximum:"10000000" doc:"Megabytes that one address sends to the outside in five minutes, at the least."`
	FloodPackets  int      `json:"flood_packets" yaml:"flood_packets" minimum:"100" maximum:"1000000000" doc:"Packets per second to one address, at the least."`
	FloodSources  int      `json:"flood_sources" yaml:"flood_sources" minimum:"50" maximum:"10000" doc:"Senders to one address in five minutes, at the least."`
	Factor        float64  `json:"factor" yaml:"factor" minimum:"1.5" maximum:"1000" doc:"How many times what is usual."`
}

// Defaults are the settings of somebody who said nothing.
func Defaults() Settings {
	return Settings{
		Off: []Kind{}, Ignore: []string{}, Inside: []string{}, LearningHours: 24, ScanPorts: 100, SweepHosts: 100, FanOutHosts: 100,
		OutflowMB: 500, FloodPackets: 20_000, FloodSources: 1000, Factor: 5,
	}
}

// learning is how long nothing is told.
func (s Settings) learning() time.Duration { return time.Duration(s.LearningHours) * time.Hour }

// Check tells what is wrong: errs.Invalid with fields.
func (s Settings) Check() error {
	var bad []errs.Field
	for i, k := range s.Off {
		if !known(k) {
			bad = append(bad, errs.Field{Path: "off[" + strconv.Itoa(i) + "]", Value: string(k), Message: fmt.Sprintf("must be one of %v", Kinds())})
		}
	}
	for _, l := range []struct {
		path string
		list []string
	}{{"ignore", s.Ignore}, {"inside", s.Inside}} {
		if len(l.list) > 500 {
			bad = append(bad, errs.Field{Path: l.path, Message: "must have at most 500 entries"})
			continue
		}
		for i, text := range l.list {
			if _, err := prefix(text); err != nil {
				bad = append(bad, errs.Field{Path: l.path + "[" + strconv.Itoa(i) + "]", Value: text, Message: "must be an address or a network such as 10.0.0.0/8"})
			}
		}
	}
	within := func(path string, v, lo, hi int) {
		if v < lo || v > hi {
			bad = append(bad, errs.Field{Path: path, Value: strconv.Itoa(v), Message: fmt.Sprintf("must be from %d to %d", lo, hi)})
		}
	}
	within("learning_hours", s.LearningHours, 0, 720)
	within("scan_ports", s.ScanPorts, 5, 5000)
	within("sweep_hosts", s.SweepHosts, 5, 5000)
	within("fan_out_hosts", s.FanOutHosts, 10, 5000)
	within("outflow_mb", s.OutflowMB, 1, 10_000_000)
	within("flood_packets", s.FloodPackets, 100, 1_000_000_000)
	within("flood_sources", s.FloodSources, 50, 10_000)
	if s.Factor < 1.5 || s.Factor > 1000 {
		bad = append(bad, errs.Field{Path: "factor", Value: strconv.FormatFloat(s.Factor, 'g', -1, 64), Message: "must be from 1.5 to 1000"})
	}
	return errs.Fields(bad...)
}

func known(k Kind) bool {
	for _, o := range Kinds() {
		if o == k {
			return true
		}
	}
	return false
}

func prefix(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		a = a.Unmap().WithZone("")
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	return p.Masked(), err
}

// rules are settings as they are used.
type rules struct {
	Settings
	off            map[Kind]bool
	ignore, inside []netip.Prefix
}

// private are the networks that are nobody else's: RFC 1918, RFC 6598, RFC 4193 and
// those that do not leave a link.
var private = []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16"), netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("fc00::/7"), netip.MustParsePrefix("fe80::/10"), netip.MustParsePrefix("::1/128"),
}

func newRules(s Settings) rules {
	r := rules{Settings: s, off: map[Kind]bool{}, inside: private}
	for _, k := range s.Off {
		r.off[k] = true
	}
	for _, t := range s.Ignore {
		if p, err := prefix(t); err == nil {
			r.ignore = append(r.ignore, p)
		}
	}
	for _, t := range s.Inside {
		if p, err := prefix(t); err == nil {
			r.inside = append(r.inside[:len(r.inside):len(r.inside)], p)
		}
	}
	return r
}

func in(ps []netip.Prefix, a netip.Addr) bool {
	for _, p := range ps {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// multicast and broadcast addresses are nobody in particular.
func nobody(a netip.Addr) bool {
	return a.IsMulticast() || a.IsUnspecified() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255})
}
