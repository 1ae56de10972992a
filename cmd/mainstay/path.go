package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/netpath"
)

func pathCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "path HOST", Short: "Measure the network path to a host, hop by hop, without a server",
		Long: "Send a probe to every hop on the way to a host, again and again, and show who answers,\nafter how long, and how many answers are lost. The probes are one flow, so that routers\nthat balance load send all of them the same way.\n\n" +
			"Raw sockets need root or CAP_NET_RAW. Without them UDP is used, which needs no right.",
		Example: "  mainstay path example.com\n  mainstay path 192.0.2.7 --proto tcp --port 443\n  mainstay path example.com --count 20 --json",
		Args:    cobra.ExactArgs(1),
		RunE:    runPath,
	}
	f := c.Flags()
	f.String("proto", "", "icmp, udp or tcp; icmp when the program may")
	f.Uint16("port", 0, "port of udp (33434) or tcp (443)")
	f.Duration("interval", time.Second, "from one round to the next, 200ms to 1m")
	f.Int("count", 0, "end after so many rounds; 0 is never, 10 with --json")
	f.Int("max-hops", netpath.DefaultTTL, "look no farther than this")
	f.Int("size", 0, "bytes of payload besides the identity of the probe")
	f.BoolP("ipv4", "4", false, "IPv4 only")
	f.BoolP("ipv6", "6", false, "IPv6 only")
	f.BoolP("numeric", "n", false, "do not ask for names of addresses")
	f.Bool("json", false, "print one JSON object at the end")
	c.MarkFlagsMutuallyExclusive("ipv4", "ipv6")
	return c
}

// resolvePath finds the address of a host.
func resolvePath(ctx context.Context, host string, v4, v6 bool) (netip.Addr, error) {
	network := "ip"
	if v4 {
		network = "ip4"
	} else if v6 {
		network = "ip6"
	}
	as, err := net.DefaultResolver.LookupNetIP(ctx, network, host)
	if err != nil || len(as) == 0 {
		return netip.Addr{}, errs.Wrap(errs.Invalid, err, "The address of %s cannot be found.", host)
	}
	for _, a := range as {
		if a.Unmap().Is4() {
			return a.Unmap(), nil
		}
	}
	return as[0], nil
}

// pathRun is what a run has found so far.
type pathRun struct {
	mu     sync.Mutex
	hops   []*pathHop
	end    netpath.Stats
	rounds int
	long   int // hops of the last round
}

type pathHop struct {
	stats netpath.Stats
	addrs []pathAddr
	last  netpath.Hop
}

type pathAddr struct {
	addr netip.Addr
	n    int
}

func (p *pathRun) take(r *netpath.Round) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rounds++
	if len(r.Hops) > 0 {
		p.long = len(r.Hops)
	}
	p.end.TakeEnd(r)
	for i, h := range r.Hops {
		for len(p.hops) <= i {
			p.hops = append(p.hops, &pathHop{})
		}
		x := p.hops[i]
		x.stats.Take(h)
		x.last = h
		if h.Addr.IsValid() {
			x.saw(h.Addr)
		}
	}
}

func (x *pathHop) saw(a netip.Addr) {
	for i := range x.addrs {
		if x.addrs[i].addr == a {
			x.addrs[i].n++
			return
		}
	}
	if len(x.addrs) < 100 {
		x.addrs = append(x.addrs, pathAddr{a, 1})
	}
}

func runPath(c *cobra.Command, args []string) error {
	f := c.Flags()
	str, _ := f.GetString("proto")
	port, _ := f.GetUint16("port")
	every, _ := f.GetDuration("interval")
	count, _ := f.GetInt("count")
	hops, _ := f.GetInt("max-hops")
	size, _ := f.GetInt("size")
	v4, _ := f.GetBool("ipv4")
	v6, _ := f.GetBool("ipv6")
	numeric, _ := f.GetBool("numeric")
	asJSON, _ := f.GetBool("json")
	proto := netpath.Proto(str)
	switch {
	case str != "" && proto != netpath.ICMP && proto != netpath.UDP && proto != netpath.TCP:
		return errs.New(errs.Invalid, "The protocol %q is not one of icmp, udp, tcp.", str)
	case every < netpath.MinEvery || every > netpath.MaxEvery:
		return errs.New(errs.Invalid, "The interval %s is not between %s and %s.", every, netpath.MinEvery, netpath.MaxEvery)
	case hops < 1 || hops > netpath.MaxTTL:
		return errs.New(errs.Invalid, "--max-hops %d is not between 1 and %d.", hops, netpath.MaxTTL)
	case size < 0 || size > netpath.MaxSize:
		return errs.New(errs.Invalid, "--size %d is not between 0 and %d.", size, netpath.MaxSize)
	}
	addr, err := resolvePath(c.Context(), args[0], v4, v6)
	if err != nil {
		return err
	}
	if asJSON && count == 0 {
		count = 10
	}
	var eng *netpath.Engine
	ready := make(chan struct{})
	wire, err := netpath.Open(func(a netpath.Answer) { <-ready; eng.Hear(a) })
	if err != nil {
		return errs.Wrap(errs.Unavailable, err, "No sockets can be opened.")
	}
	defer wire.Close()
	if proto == "" {
		proto = netpath.ICMP
		if !wire.Raw() {
			proto = netpath.UDP
			fmt.Fprintf(c.ErrOrStderr(), "Probes are sent by UDP. %s\n", netpath.PermissionHelp)
		}
	}
	if err := wire.Can(proto); err != nil {
		var need netpath.NeedsRawError
		if errors.As(err, &need) {
			return errs.New(errs.Forbidden, "%s", need.Error())
		}
		return err
	}
	ctx, cancel := context.WithCancel(c.Context())
	defer cancel()
	run := &pathRun{}
	changed := make(chan struct{}, 1)
	begun := time.Now()
	eng = netpath.New(wire, func(_ string, r *netpath.Round) {
		if count > 0 && run.rounds >= count {
			return
		}
		run.take(r)
		if run.rounds == count {
			cancel()
		}
		select {
		case changed <- struct{}{}:
		default:
		}
	})
	close(ready)
	eng.Put("0", netpath.Target{Addr: addr, Proto: proto, Port: port, Every: every, MaxTTL: hops, Size: size})
	names := netpath.NewNames(net.DefaultResolver)
	nameOf := func(a netip.Addr) string {
		if numeric {
			return ""
		}
		return names.Of(a)
	}
	view := pathView{run: run, host: args[0], addr: addr, proto: proto, names: nameOf, begun: begun}
	out, isFile := c.OutOrStdout().(*os.File)
	done := make(chan struct{})
	go func() { defer close(done); eng.Run(ctx) }()
	if !asJSON && isFile && terminalWidth(out) > 0 {
		view.follow(ctx, out, changed)
	}
	<-done
	if asJSON {
		enc := json.NewEncoder(c.OutOrStdout())
		enc.SetIndent("", "  ")
		return enc.Encode(view.json(every))
	}
	return view.print(c.OutOrStdout(), 0)
}
