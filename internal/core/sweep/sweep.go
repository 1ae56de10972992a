package sweep

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/icmp"
)

// Host is an address at which something answered.
type Host struct {
	// Index is the place in the targets; it is handed back to Done.
	Index   int
	Address netip.Addr
	// Asked is the name that was the target, if it was one.
	Asked string
	// SeenBy is icmp, arp, tcp or udp: what showed first that it is there.
	SeenBy string
	// RTT of the echo request; 0 when it was not answered.
	RTT time.Duration
	MAC string
	// Names are those of reverse DNS. Name is the first that leads back to the
	// address.
	Names    []string
	Name     string
	Services []Service
	// Extra is for what Visit found out.
	Extra any `json:"-"`
}

// Plan says what a sweep asks.
type Plan struct {
	Targets *Targets
	// From is the index to begin at: those before are done.
	From int
	// Rate in packets per second counts echo requests, connections and questions
	// about names.
	Rate float64
	// Ping sends echo requests; Tries of them at most, Timeout after each.
	Ping    bool
	Tries   int
	Timeout time.Duration
	// Ports are tried at hosts that are there.
	Ports []int
	// Everything also tries Ports, and Visit, at addresses that answer neither an
	// echo request nor ARP: hosts behind a firewall.
	Everything bool
	// Names asks the DNS for names of hosts.
	Names bool
	// Visit, if set, looks at a host further. It tells whether something answered:
	// for an address that was silent until then, this decides.
	Visit func(ctx context.Context, h *Host, pace func(context.Context) error) bool
	// Found gets each host, from several goroutines. It calls Done when the host is
	// kept safely.
	Found func(*Host)
	// Say gets sentences about the sweep itself.
	Say func(string)
}

// Net is the way to the network.
type Net struct {
	Ping interface {
		Of(addr netip.Addr) (*icmp.Socket, error)
	}
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Resolver asks the DNS.
	Resolver interface {
		LookupAddr(ctx context.Context, addr string) ([]string, error)
		LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
	}
	// ARP gives the hardware addresses of the local segment, by address; an address
	// that two devices claim has two.
	ARP func() map[netip.Addr][]string
}

// Sweep is one run of a plan.
type Sweep struct {
	plan Plan
	net  Net
	pace *pacer
	led  *ledger

	sent, answered atomic.Int64
	dials          chan struct{}

	arpMu sync.Mutex
	arpAt time.Time
	arp   map[netip.Addr][]string
}

// Limits of what is under way at once.
const (
	atOnce     = 256
	dialsAt    = 2048
	dialLimit  = 1500 * time.Millisecond
	nameLimit  = 3 * time.Second
	visitLimit = 3 * time.Minute
)

// New prepares a sweep.
func New(n Net, p Plan) *Sweep {
	p.Tries = max(p.Tries, 1)
	if p.Timeout <= 0 {
		p.Timeout = time.Second
	}
	if p.Say == nil {
		p.Say = func(string) {}
	}
	return &Sweep{plan: p, net: n, pace: newPacer(p.Rate), led: newLedger(p.Targets.Count(), p.From), dials: make(chan struct{}, dialsAt)}
}

// Progress says how far a sweep is. Sent counts packets since it began; Safe is the
// index to go on from after an interruption.
type Progress struct {
	Total, Done, Safe int
	Sent, Answered    int64
}

// Progress tells it.
func (s *Sweep) Progress() Progress {
	done, low := s.led.state()
	return Progress{Total: s.plan.Targets.Count(), Done: done, Safe: low, Sent: s.sent.Load(), Answered: s.answered.Load()}
}

// Done notes that what was found at a host is kept.
func (s *Sweep) Done(h *Host) { s.led.mark(h.Index) }

// Run asks all targets. It returns when every host was handed to Found, or with the
// error of ctx when that ended.
func (s *Sweep) Run(ctx context.Context) error {
	live := make(chan *Host, atOnce)
	var wg sync.WaitGroup
	for range atOnce {
		wg.Go(func() {
			for h := range live {
				if ctx.Err() == nil {
					s.look(ctx, h)
				}
			}
		})
	}
	s.ask(ctx, live)
	close(live)
	wg.Wait()
	return ctx.Err()
}

// look finds out what a host is.
func (s *Sweep) look(ctx context.Context, h *Host) {
	var wg sync.WaitGroup
	var seen, visited bool
	if len(s.plan.Ports) > 0 {
		wg.Go(func() { seen = s.ports(ctx, h) })
	}
	if s.plan.Names && h.SeenBy != "" {
		wg.Go(func() { s.names(ctx, h) })
	}
	if s.plan.Visit != nil {
		wg.Go(func() {
			vctx, cancel := context.WithTimeout(ctx, visitLimit)
			defer cancel()
			visited = s.plan.Visit(vctx, h, s.paced)
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		return
	}
	if h.SeenBy == "" {
		switch {
		case seen:
			h.SeenBy = "tcp"
		case visited:
			h.SeenBy = "udp"
		default:
			s.led.mark(h.Index)
			return
		}
		if s.plan.Names {
			s.names(ctx, h)
		}
	}
	h.MAC = s.mac(h.Address)
	s.answered.Add(1)
	s.plan.Found(h)
}

func (s *Sweep) paced(ctx context.Context) error {
	s.sent.Add(1)
	return s.pace.wait(ctx)
}
