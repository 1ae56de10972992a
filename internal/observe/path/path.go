package path

import (
	"net/netip"
	"regexp"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/edgewire"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/netpath"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// Spec is a path as in ops.yaml and in the API.
type Spec struct {
	Name    string           `json:"name" yaml:"name" minLength:"1" maxLength:"200" doc:"Name of the path."`
	Host    string           `json:"host" yaml:"host" minLength:"1" maxLength:"253" doc:"Name or address of the target."`
	Item    string           `json:"item,omitempty" yaml:"item,omitempty" maxLength:"1000" doc:"Item that the target is; its team owns the path."`
	Proto   string           `json:"proto,omitempty" yaml:"proto,omitempty" enum:"icmp,udp,tcp" doc:"icmp when not given."`
	Port    uint16           `json:"port,omitempty" yaml:"port,omitempty" doc:"Of udp (33434) and tcp (443)."`
	Every   observe.Duration `json:"every,omitempty" yaml:"every,omitempty" doc:"From one round to the next, 1s to 60s; 2.5s when not given."`
	Family  string           `json:"family,omitempty" yaml:"family,omitempty" enum:"auto,4,6" doc:"Version of IP; auto takes 4 if there is one."`
	From    string           `json:"from,omitempty" yaml:"from,omitempty" maxLength:"200" doc:"Name of the edge that measures; the server when not given."`
	MaxHops int              `json:"max_hops,omitempty" yaml:"max_hops,omitempty" minimum:"0" maximum:"64" doc:"Look no farther; 30 when not given."`
	Size    int              `json:"size,omitempty" yaml:"size,omitempty" minimum:"0" maximum:"1400" doc:"Bytes of payload besides the identity of the probe, for icmp and udp."`
	DSCP    int              `json:"dscp,omitempty" yaml:"dscp,omitempty" minimum:"0" maximum:"63" doc:"Differentiated services code point."`
	Off     bool             `json:"disabled,omitempty" yaml:"disabled,omitempty" doc:"Not measured."`
}

const (
	defaultEvery = observe.Duration(2500 * time.Millisecond)
	leastEvery   = time.Second
	maxPaths     = 5000
)

// hostRE is a name of DNS; underscores are in use.
var hostRE = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_.])?$`)

// normal fills in what is not given and leaves out what says nothing.
func (s *Spec) normal() {
	s.Name, s.Host = strings.TrimSpace(s.Name), strings.TrimSpace(s.Host)
	if s.Proto == "" {
		s.Proto = string(netpath.ICMP)
	}
	if s.Every == 0 {
		s.Every = defaultEvery
	}
	if s.Family == "auto" {
		s.Family = ""
	}
	if s.From == observe.FromServer {
		s.From = ""
	}
	if s.MaxHops == 0 {
		s.MaxHops = netpath.DefaultTTL
	}
	switch {
	case s.Proto == string(netpath.ICMP):
		s.Port = 0
	case s.Port == 0 && s.Proto == string(netpath.UDP):
		s.Port = netpath.DefaultUDPPort
	case s.Port == 0:
		s.Port = netpath.DefaultTCPPort
	}
}

func (s *Spec) validate() error {
	var bad []errs.Field
	add := func(path, value, msg string) {
		bad = append(bad, errs.Field{Path: path, Value: value, Message: msg})
	}
	if s.Name == "" || len(s.Name) > 200 || strings.ContainsAny(s.Name, "/\n\r\t") {
		add("name", s.Name, "must have 1 to 200 characters, without a slash")
	}
	if a, err := netip.ParseAddr(s.Host); err == nil {
		switch {
		case a.IsMulticast() || a.IsUnspecified():
			add("host", s.Host, "must be the address of one machine")
		case (s.Family == "4" && !a.Unmap().Is4()) || (s.Family == "6" && a.Unmap().Is4()):
			add("family", s.Family, "is not that of the address")
		}
	} else if !hostRE.MatchString(s.Host) {
		add("host", s.Host, "must be a host name or an IP address")
	}
	switch netpath.Proto(s.Proto) {
	case netpath.ICMP, netpath.UDP, netpath.TCP:
	default:
		add("proto", s.Proto, "must be icmp, udp or tcp")
	}
	if s.Every.D() < leastEvery || s.Every.D() > netpath.MaxEvery {
		add("every", s.Every.String(), "must be between 1s and 60s")
	}
	if s.Family != "" && s.Family != "4" && s.Family != "6" {
		add("family", s.Family, "must be auto, 4 or 6")
	}
	if s.From == observe.FromAny || s.From == observe.FromAll {
		add("from", s.From, "must be the name of one edge: a path begins at one place")
	}
	if s.MaxHops < 1 || s.MaxHops > netpath.MaxTTL {
		add("max_hops", "", "must be between 1 and 64")
	}
	if s.Size < 0 || s.Size > netpath.MaxSize {
		add("size", "", "must be between 0 and 1400")
	}
	if s.DSCP < 0 || s.DSCP > 63 {
		add("dscp", "", "must be between 0 and 63")
	}
	return errs.Fields(bad...)
}

func (s *Spec) target() netpath.Target {
	return netpath.Target{Proto: netpath.Proto(s.Proto), Port: s.Port, Every: s.Every.D(), MaxTTL: s.MaxHops, Size: s.Size, DSCP: s.DSCP}
}

func (s *Spec) wire(id string, meta bool) edgewire.Path {
	return edgewire.Path{
		ID: id, Host: s.Host, Family: s.Family, Proto: s.Proto, Port: s.Port, EveryMS: s.Every.D().Milliseconds(),
		MaxHops: s.MaxHops, Size: s.Size, DSCP: s.DSCP, AllowMeta: meta,
	}
}

// place is where the path begins, as people say it.
func (s *Spec) place() string {
	if s.From == "" {
		return observe.FromServer
	}
	return s.From
}
