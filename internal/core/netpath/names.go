package netpath

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// Names knows the names of addresses by reverse DNS. It asks in the background and
// keeps what it heard; the zero value is not ready, see NewNames.
type Names struct {
	look func(ctx context.Context, addr string) ([]string, error)
	// Found is called when a name became known; nil for nobody.
	Found func()

	mu    sync.Mutex
	known map[netip.Addr]name
	slots chan struct{}
}

type name struct {
	text  string
	until time.Time
	busy  bool
}

const (
	maxNames   = 50_000
	nameFor    = 12 * time.Hour
	noNameFor  = time.Hour
	nameWithin = 3 * time.Second
)

// NewNames asks the resolver of the system.
func NewNames(r *net.Resolver) *Names {
	return &Names{look: r.LookupAddr, known: map[netip.Addr]name{}, slots: make(chan struct{}, 8)}
}

// Of gives the name of an address; empty while there is none or it is not known yet.
func (n *Names) Of(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	now := time.Now()
	n.mu.Lock()
	defer n.mu.Unlock()
	x := n.known[a]
	if x.busy || now.Before(x.until) {
		return x.text
	}
	select {
	case n.slots <- struct{}{}:
	default:
		return x.text // asked when fewer are asked
	}
	if len(n.known) >= maxNames {
		clear(n.known)
	}
	x.busy = true
	n.known[a] = x
	go n.ask(a)
	return x.text
}

func (n *Names) ask(a netip.Addr) {
	ctx, cancel := context.WithTimeout(context.Background(), nameWithin)
	defer cancel()
	got, err := n.look(ctx, a.WithZone("").String())
	<-n.slots
	x := name{until: time.Now().Add(noNameFor)}
	if err == nil && len(got) > 0 {
		x = name{text: clean(got[0]), until: time.Now().Add(nameFor)}
	}
	n.mu.Lock()
	n.known[a] = x
	n.mu.Unlock()
	if n.Found != nil && x.text != "" {
		n.Found()
	}
}

// clean leaves what a host name may have: whoever runs the reverse zone of a hop
// writes its name, and it is shown on terminals.
func clean(s string) string {
	s = strings.TrimSuffix(s, ".")
	if len(s) > 253 {
		s = s[:253]
	}
	return strings.Map(func(r rune) rune {
		if r == '-' || r == '.' || r == '_' || (r >= '0' && r <= '9') || (r >= 'a' && r <= 'z') || (r >= 'A' && r <= 'Z') {
			return r
		}
		return -1
	}, s)
}
