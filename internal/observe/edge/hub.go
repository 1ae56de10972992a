package edge

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/edgewire"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/natslog"
)

const (
	openWithin = 10 * time.Second
	// slots bound what is worked on at once: batches, and everything else.
	batchSlots = 8
	otherSlots = 32
	// askWithin bounds the work on one request.
	askWithin = 60 * time.Second
	// maxQueued bounds the bytes that wait for a slot.
	maxQueued = 128 << 20
)

// hub is the NATS server of this process. It listens for leaf nodes of edges only;
// nothing else can connect.
type hub struct {
	s    *Service
	addr string

	mu     sync.Mutex
	wanted bool // an edge exists
	err    error
	nats   *server.Server
	conn   *nats.Conn
	port   int
	links  map[string]uint64 // connection of each edge
}

// open starts the server unless it runs. The error says why it cannot.
func (h *hub) open() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.wanted = true
	if h.nats != nil {
		return nil
	}
	h.err = h.begin()
	return h.err
}

// retry opens the port when that failed before.
func (h *hub) retry() {
	h.mu.Lock()
	again := h.wanted && h.nats == nil && h.addr != ""
	h.mu.Unlock()
	if again {
		if err := h.open(); err == nil {
			h.s.d.Logger.Info("the port for edges is open", "address", h.addr)
		}
	}
}

func (h *hub) begin() error {
	refuse := func(err error) error {
		return errs.Wrap(errs.Unavailable, err, "The port for edges, %s, cannot be opened. Is another program using it? Choose another with edges.listen, or off.", h.addr)
	}
	host, port, err := net.SplitHostPort(h.addr)
	if err != nil {
		return refuse(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return refuse(err)
	}
	// The server would not say why it cannot listen.
	l, err := net.Listen("tcp", h.addr)
	if err != nil {
		return refuse(err)
	}
	if err := l.Close(); err != nil {
		return refuse(err)
	}
	if n == 0 {
		n = -1
	}
	o := &server.Options{
		ServerName: "mainstay", DontListen: true, NoSigs: true, NoSystemAccount: true, MaxPayload: edgewire.MaxMessage, MaxPending: 2 * edgewire.MaxMessage,
		CustomClientAuthentication: h, MaxClosedClients: 100,
		LeafNode: server.LeafNodeOpts{
			Host: host, Port: n, NoAdvertise: true, AuthTimeout: 10, TLSTimeout: 10, TLSHandshakeFirst: true, TLSConfig: h.s.trust.ServerTLS(),
			IsolateLeafnodeInterest: true,
		},
	}
	ns, err := server.NewServer(o)
	if err != nil {
		return refuse(err)
	}
	ns.SetLoggerV2(natslog.Logger{To: h.s.d.Logger}, false, false, false)
	ns.Start()
	if !ns.ReadyForConnections(openWithin) {
		ns.Shutdown()
		return refuse(errors.New("it did not become ready"))
	}
	c, err := nats.Connect("", nats.InProcessServer(ns), nats.Name("mainstay"), nats.MaxReconnects(-1))
	if err != nil {
		ns.Shutdown()
		return refuse(err)
	}
	h.nats, h.conn, h.port, h.links = ns, c, o.LeafNode.Port, map[string]uint64{}
	if err := h.serve(c); err != nil {
		h.close()
		return refuse(err)
	}
	return nil
}

// serve answers edges.
func (h *hub) serve(c *nats.Conn) error {
	batches, others := make(chan struct{}, batchSlots), make(chan struct{}, otherSlots)
	for word, ask := range map[string]func(ctx context.Context, e *edgeRow, m *nats.Msg) (any, error){
		edgewire.AskHello: h.s.hello, edgewire.AskBatch: h.s.batch, edgewire.AskConfig: h.s.config, edgewire.AskCertificate: h.s.renew,
		edgewire.AskSwept: h.s.swept, edgewire.AskCaptured: h.s.captured,
	} {
		slots := others
		if word == edgewire.AskBatch {
			slots = batches
		}
		sub, err := c.Subscribe(edgewire.Subject("*", word), func(m *nats.Msg) {
			select {
			case slots <- struct{}{}:
			case <-h.s.ctx.Done():
				return
			}
			h.s.wg.Go(func() {
				defer func() { <-slots }()
				h.answer(m, ask)
			})
		})
		if err != nil {
			return err
		}
		if err := sub.SetPendingLimits(10_000, maxQueued); err != nil {
			return err
		}
	}
	return c.Flush()
}

// answer does what an edge asks. The subject says who asks: the server lets an edge
// use its own only.
func (h *hub) answer(m *nats.Msg, ask func(ctx context.Context, e *edgeRow, m *nats.Msg) (any, error)) {
	ctx, cancel := context.WithTimeout(access.AsSystem(h.s.ctx), askWithin)
	defer cancel()
	out := edgewire.Answer{}
	e, err := h.s.known(ctx, strings.Split(m.Subject, ".")[1])
	var body any
	if err == nil {
		body, err = ask(ctx, e, m)
	}
	if raw, ready := body.(json.RawMessage); err == nil && ready {
		out.Body = raw
	} else if err == nil {
		out.Body, err = json.Marshal(body)
	}
	if err != nil {
		if errs.CodeOf(err) == errs.Internal && h.s.ctx.Err() == nil {
			h.s.d.Logger.Error("what an edge asked failed", "subject", m.Subject, "error", err)
		}
		out = edgewire.Answer{Code: string(errs.CodeOf(err)), Reason: errs.Message(err)}
	}
	b, err := json.Marshal(out)
	if err == nil {
		err = m.Respond(b)
	}
	if err != nil {
		h.s.d.Logger.Debug("an edge was not answered", "subject", m.Subject, "error", err)
	}
}

// Check implements server.Authentication. The certificate says which edge it is, the
// table whether it still may connect.
func (h *hub) Check(c server.ClientAuthentication) bool {
	if c.Kind() == server.CLIENT {
		return true // only this process has a way in
	}
	st := c.GetTLSConnectionState()
	if c.Kind() != server.LEAF || st == nil || len(st.VerifiedChains) == 0 {
		return false
	}
	cert := st.VerifiedChains[0][0]
	ctx, cancel := context.WithTimeout(access.AsSystem(h.s.ctx), openWithin)
	defer cancel()
	e, err := h.s.known(ctx, cert.Subject.CommonName)
	if err != nil {
		h.s.d.Logger.Warn("an edge may not connect", "edge", cert.Subject.CommonName, "reason", errs.Message(err))
		return false
	}
	address := ""
	if a := c.RemoteAddress(); a != nil {
		address, _, _ = net.SplitHostPort(a.String())
	}
	own := []string{edgewire.Subject(e.ID, ">")}
	c.RegisterUser(&server.User{
		Username: e.ID, ConnectionDeadline: cert.NotAfter,
		Permissions: &server.Permissions{Publish: &server.SubjectPermission{Allow: own}, Subscribe: &server.SubjectPermission{Allow: own}},
	})
	id := c.GetID()
	go func() { // open may hold the lock while the first edge connects
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.links != nil {
			h.links[e.ID] = id
		}
	}()
	h.s.connected(e.ID, address)
	return true
}

// drop ends the connection of an edge.
func (h *hub) drop(edgeID string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if id, ok := h.links[edgeID]; ok && h.nats != nil {
		_ = h.nats.DisconnectClientByID(id) // it may have gone by itself
		delete(h.links, edgeID)
	}
}

func (h *hub) publish(subject string, body []byte) {
	h.mu.Lock()
	c := h.conn
	h.mu.Unlock()
	if c == nil {
		return
	}
	if err := c.Publish(subject, body); err != nil {
		h.s.d.Logger.Debug("edges were not told", "subject", subject, "error", err)
	}
}

// close ends all connections. h.mu is held.
func (h *hub) close() {
	if h.conn != nil {
		h.conn.Close()
	}
	if h.nats != nil {
		h.nats.Shutdown()
		h.nats.WaitForShutdown()
	}
	h.conn, h.nats, h.links = nil, nil, nil
}

func (h *hub) stop() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.wanted = false
	h.close()
}

// problem is told by /readyz.
func (h *hub) problem() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.err
}

// url is where edges reach the port; empty while it is closed.
func (h *hub) url() string {
	if h.addr == "" {
		return ""
	}
	if u := h.s.d.Config.Edges.PublicURL; u != "" {
		return u
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.nats == nil {
		return ""
	}
	host := "127.0.0.1"
	if u, err := url.Parse(h.s.d.Config.PublicURL); err == nil && u.Hostname() != "" {
		host = u.Hostname()
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "tls://" + net.JoinHostPort(host, strconv.Itoa(h.port))
}
