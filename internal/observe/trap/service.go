package trap

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/module"
	"github.com/mainstay-ops/mainstay/internal/core/snmp/profile"
	snmptrap "github.com/mainstay-ops/mainstay/internal/core/snmp/trap"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

const (
	maxQueue   = 10_000
	maxBatch   = 500
	maxSenders = 5000
	// gather is how long a batch waits for more after its first packet.
	gather = 50 * time.Millisecond
)

// Service receives traps.
type Service struct {
	d       module.Deps
	items   estate.Items
	owners  estate.AddressOwners
	creds   estate.Credentials
	checks  observe.WaitingChecks
	results observe.ResultTaker
	names   *profile.Naming
	stats   *prometheus.CounterVec
	engine  []byte

	conn     net.PacketConn
	receiver *snmptrap.Receiver
	boots    int64
	queue    chan packet
	// placed are deliveries of edges for the worker; ended is closed when it ends.
	placed  chan *delivery
	ended   chan struct{}
	devices observe.PlacedDevices
	edges   observe.Places
	cancel  context.CancelFunc
	wg      sync.WaitGroup
	mu      sync.Mutex
	asked   []func() // to be run by the worker

	// What follows is touched by the worker alone.
	senders map[string]*sender
	places  map[string]place
	open    map[string]map[string]problem
	keys    *snmptrap.Keys
	evicted []string
	set     Settings

	stale  atomic.Bool // places must be looked up again
	rekey  atomic.Bool // keys and settings must be read again
	counts counts
}

type counts struct{ taken, repeated, limited, refused, malformed, dropped atomic.Int64 }

func (s *Service) count(what string, n *atomic.Int64) {
	n.Add(1)
	s.stats.WithLabelValues(what).Inc()
}

type packet struct {
	data []byte
	from net.Addr
	at   time.Time
	// What an edge received was opened there, and has no data and from.
	edge, sender string
	opened       *snmptrap.Message
}

// who is the sender, without and with its edge.
func (p *packet) who() (addr, key string) {
	addr = p.sender
	if p.opened == nil {
		addr = hostOf(p.from)
	}
	return addr, senderKey(addr, p.edge)
}

func (s *Service) forgetPlaces() { s.stale.Store(true) }

// itemMerged moves what is known of a sender to the item that stays.
func (s *Service) itemMerged(gone, stays string) {
	s.later(func() {
		for _, x := range s.senders {
			if x.ItemID == gone {
				x.ItemID = stays
			}
		}
	})
	s.forgetPlaces()
}

// later has f run by the worker; without one it does nothing. It does not wait: it
// may be called where a transaction has just ended, which the worker may wait for.
func (s *Service) later(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cancel != nil && len(s.asked) < maxQueue {
		s.asked = append(s.asked, f)
	}
}

func (s *Service) takeAsked() []func() {
	s.mu.Lock()
	defer s.mu.Unlock()
	fs := s.asked
	s.asked = nil
	return fs
}

// Start opens the port, when one is set. Without it what edges bring is taken.
func (s *Service) Start(ctx context.Context) error {
	if err := s.openPort(); err != nil {
		return err
	}
	ctx = access.AsSystem(context.WithoutCancel(ctx))
	if err := s.load(ctx); err != nil {
		if s.conn != nil {
			_ = s.conn.Close()
		}
		return err
	}
	s.receiver = snmptrap.New(s.engine, uint32(s.boots), time.Now()) //nolint:gosec // the table holds 31 bits
	s.mu.Lock()
	ctx, s.cancel = context.WithCancel(ctx)
	s.mu.Unlock()
	if s.conn != nil {
		s.wg.Go(func() { s.listen(ctx) })
		s.d.Logger.Info("traps are received", "address", s.conn.LocalAddr().String())
	}
	s.wg.Go(func() { s.work(ctx) })
	return nil
}

func (s *Service) openPort() error {
	addr, chosen := s.d.Config.Listen.Address("trap")
	if addr == "" {
		return nil
	}
	conn, err := net.ListenPacket("udp", addr)
	if err != nil {
		if !chosen {
			s.d.Logger.Warn("traps are not received: the port cannot be opened", "address", addr, "error", err)
			return nil
		}
		return errs.Wrap(errs.Unavailable, err, "The port for traps %s (listen.trap) cannot be opened.", addr)
	}
	if u, ok := conn.(*net.UDPConn); ok {
		_ = u.SetReadBuffer(4 << 20) // what the system does not give is no error
	}
	s.conn = conn
	return nil
}

// Stop closes the port and works off what waits.
func (s *Service) Stop(context.Context) {
	if s.cancel == nil {
		return
	}
	if s.conn != nil {
		_ = s.conn.Close()
	}
	s.cancel()
	s.wg.Wait()
}

// load reads what is known, and counts the start of the engine.
func (s *Service) load(ctx context.Context) error {
	err := s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		if _, err := tx.NewRaw("UPDATE trap_settings SET boots = CASE WHEN boots >= 2147483646 THEN 1 ELSE boots + 1 END WHERE id = 1").Exec(ctx); err != nil {
			return err
		}
		return tx.NewRaw("SELECT boots FROM trap_settings WHERE id = 1").Scan(ctx, &s.boots)
	})
	if err != nil {
		return err
	}
	q := s.d.DB.Reader()
	var rows []sourceRow
	if err := q.NewRaw("SELECT * FROM trap_sources ORDER BY last_at DESC LIMIT ?", maxSenders).Scan(ctx, &rows); err != nil {
		return err
	}
	for _, r := range rows {
		s.senders[r.Address] = &sender{sourceRow: r}
	}
	var open []struct {
		CheckID, ProblemKey, Output string
		Status                      int64
		At                          time.Time
	}
	if err := q.NewRaw("SELECT * FROM trap_open").Scan(ctx, &open); err != nil {
		return err
	}
	for _, o := range open {
		if s.open[o.CheckID] == nil {
			s.open[o.CheckID] = map[string]problem{}
		}
		s.open[o.CheckID][o.ProblemKey] = problem{status: observe.Status(o.Status), output: o.Output, at: o.At.UTC()} //nolint:gosec // 0 to 3
	}
	s.rekey.Store(true)
	return nil
}

// listen reads packets and never waits for the database.
func (s *Service) listen(ctx context.Context) {
	buf := make([]byte, 65535)
	for {
		n, from, err := s.conn.ReadFrom(buf)
		if err != nil {
			if ctx.Err() != nil {
				return
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(100 * time.Millisecond): // an error that lasts must not spin
			}
			continue
		}
		p := packet{data: append([]byte(nil), buf[:n]...), from: from, at: time.Now()}
		select {
		case s.queue <- p:
		default:
			s.count("dropped", &s.counts.dropped)
		}
	}
}

// work takes batches until ctx ends and the queue is empty.
func (s *Service) work(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	defer close(s.ended)
	// What was received is stored even when the program ends meanwhile.
	store := context.WithoutCancel(ctx)
	s.resend(store)
	for ctx.Err() == nil {
		select {
		case p := <-s.queue:
			_ = s.batch(store, s.more(ctx, p), nil)
		case d := <-s.placed:
			d.done <- s.deliver(store, d)
		case <-tick.C:
			_ = s.batch(store, nil, nil)
		case <-ctx.Done():
		}
	}
	for len(s.queue) > 0 {
		_ = s.batch(store, s.more(ctx, <-s.queue), nil)
	}
	_ = s.batch(store, nil, nil)
}

func (s *Service) more(ctx context.Context, first packet) []packet {
	batch := []packet{first}
	timer := time.NewTimer(gather)
	defer timer.Stop()
	for len(batch) < maxBatch {
		select {
		case p := <-s.queue:
			batch = append(batch, p)
		case <-timer.C:
			return batch
		case <-ctx.Done():
			return batch
		}
	}
	return batch
}

func hostOf(a net.Addr) string {
	if ap, err := netip.ParseAddrPort(a.String()); err == nil {
		return ap.Addr().Unmap().WithZone("").String()
	}
	return a.String()
}
