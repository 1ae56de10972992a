package snmpreplay

import (
	"errors"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gosnmp/gosnmp"

	"github.com/mainstay-ops/mainstay/internal/core/snmp"
)

// maxAnswer is how many bytes of values the agent puts into one packet (RFC 3416:
// a GETBULK is answered with as much as fits).
const maxAnswer = 1300

// Option makes an agent behave badly, or small.
type Option func(*agent)

// Drop leaves requests without an answer; n counts all requests, from 1.
func Drop(which func(n int) bool) Option { return func(a *agent) { a.drop = which } }

// Delay answers that much later.
func Delay(d time.Duration) Option { return func(a *agent) { a.delay = d } }

// Change replaces the bytes of an answer; n counts all requests, from 1. An empty
// result is not sent.
func Change(f func(n int, answer []byte) []byte) Option { return func(a *agent) { a.change = f } }

// Endless makes the table below root go on for ever: after its last row there is
// always one more.
func Endless(root snmp.OID) Option { return func(a *agent) { a.endless = root } }

// Circles answers the request for what follows at with the first value below root.
func Circles(root, at snmp.OID) Option { return func(a *agent) { a.root, a.at = root, at } }

// Shuffled answers GETBULK with its rows in descending order.
func Shuffled() Option { return func(a *agent) { a.shuffled = true } }

// Size limits an answer to that many bytes of values; more is cut from a GETBULK
// and answered with tooBig to a GET.
func Size(bytes int) Option { return func(a *agent) { a.size = bytes } }

type agent struct {
	r         *Recording
	community string
	conn      net.PacketConn
	wire      *gosnmp.GoSNMP
	drop      func(int) bool
	delay     time.Duration
	change    func(int, []byte) []byte
	endless   snmp.OID
	root, at  snmp.OID
	shuffled  bool
	size      int
}

// Serve answers SNMP v1 and v2c on loopback until the test ends, and gives the
// address. A request with another community gets no answer, as from real agents.
func (r *Recording) Serve(t testing.TB, community string, opts ...Option) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a := &agent{
		r: r, community: community, conn: conn, size: maxAnswer,
		wire: &gosnmp.GoSNMP{Version: gosnmp.Version2c, Community: community, MaxOids: gosnmp.MaxOids},
	}
	for _, o := range opts {
		o(a)
	}
	var done sync.WaitGroup
	done.Go(a.serve)
	t.Cleanup(func() { _ = conn.Close(); done.Wait() })
	return conn.LocalAddr().String()
}

func (a *agent) serve() {
	buf := make([]byte, 65535)
	for n := 1; ; n++ {
		size, from, err := a.conn.ReadFrom(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		if a.drop != nil && a.drop(n) {
			continue
		}
		req, err := a.wire.SnmpDecodePacket(buf[:size])
		if err != nil || req.Version == gosnmp.Version3 || req.Community != a.community {
			continue
		}
		out := a.answer(req)
		if a.change != nil {
			out = a.change(n, out)
		}
		if len(out) == 0 {
			continue
		}
		if a.delay == 0 {
			_, _ = a.conn.WriteTo(out, from)
			continue
		}
		time.AfterFunc(a.delay, func() { _, _ = a.conn.WriteTo(out, from) })
	}
}

func (a *agent) answer(req *gosnmp.SnmpPacket) []byte {
	res := &gosnmp.SnmpPacket{
		Version: req.Version, Community: req.Community, PDUType: gosnmp.GetResponse, RequestID: req.RequestID,
		Logger: req.Logger,
	}
	v1 := req.Version == gosnmp.Version1
	switch req.PDUType {
	case gosnmp.GetRequest, gosnmp.GetNextRequest:
		a.each(req, res, v1)
	case gosnmp.GetBulkRequest:
		if v1 {
			return nil
		}
		a.bulk(req, res)
	default:
		return nil
	}
	if a.shuffled && req.PDUType == gosnmp.GetBulkRequest {
		for i, j := 0, len(res.Variables)-1; i < j; i, j = i+1, j-1 {
			res.Variables[i], res.Variables[j] = res.Variables[j], res.Variables[i]
		}
	}
	out, err := res.MarshalMsg()
	if err != nil {
		return nil
	}
	return out
}

func (a *agent) each(req, res *gosnmp.SnmpPacket, v1 bool) {
	bytes := 0
	for i, q := range req.Variables {
		name := snmp.OID(strings.TrimPrefix(q.Name, "."))
		p, ok := gosnmp.SnmpPDU{Name: q.Name, Type: gosnmp.NoSuchInstance}, false
		if req.PDUType == gosnmp.GetRequest {
			var v snmp.Var
			if v, ok = a.r.get(name); ok {
				p = a.pdu(v)
			}
		} else {
			p, ok = a.next(name, v1)
		}
		if v1 && (!ok || p.Type == gosnmp.Counter64) {
			res.Error, res.ErrorIndex, res.Variables = gosnmp.NoSuchName, uint8(min(i+1, 255)), req.Variables
			return
		}
		bytes += weight(p)
		res.Variables = append(res.Variables, p)
	}
	if bytes > a.size && len(req.Variables) > 1 {
		res.Error, res.Variables = gosnmp.TooBig, nil
		if v1 {
			res.Variables = req.Variables
		}
	}
}

func (a *agent) bulk(req, res *gosnmp.SnmpPacket) {
	bytes := 0
	at := make([]snmp.OID, len(req.Variables))
	for i, q := range req.Variables {
		at[i] = snmp.OID(strings.TrimPrefix(q.Name, "."))
	}
	add := func(i int) bool {
		p, _ := a.next(at[i], false)
		if bytes += weight(p); bytes > a.size && len(res.Variables) > 0 {
			return false
		}
		at[i] = snmp.OID(strings.TrimPrefix(p.Name, "."))
		res.Variables = append(res.Variables, p)
		return true
	}
	single := min(int(req.NonRepeaters), len(at))
	for i := range single {
		if !add(i) {
			return
		}
	}
	for range req.MaxRepetitions {
		for i := single; i < len(at); i++ {
			if !add(i) {
				return
			}
		}
	}
}

// next gives what follows name; false at the end of everything.
func (a *agent) next(name snmp.OID, v1 bool) (gosnmp.SnmpPDU, bool) {
	i := a.r.after(name)
	if a.at != "" && name == a.at {
		i = a.r.after(a.root)
	}
	// Version 1 has no Counter64: its agents pass over them (RFC 2576).
	for v1 && i < len(a.r.vars) && a.r.vars[i].Kind == snmp.Counter64 {
		i++
	}
	if a.endless != "" {
		if _, ok := name.Under(a.endless); ok {
			inside := false
			if i < len(a.r.vars) {
				_, inside = a.r.vars[i].OID.Under(a.endless)
			}
			if !inside {
				return gosnmp.SnmpPDU{Name: "." + grow(name), Type: gosnmp.Integer, Value: 1}, true
			}
		}
	}
	if i >= len(a.r.vars) {
		return gosnmp.SnmpPDU{Name: "." + string(name), Type: gosnmp.EndOfMibView}, false
	}
	return a.pdu(a.r.vars[i]), true
}

// grow gives an OID behind o: its last arc plus one.
func grow(o snmp.OID) string {
	i := strings.LastIndexByte(string(o), '.')
	n, _ := strconv.ParseUint(string(o[i+1:]), 10, 32)
	return string(o[:i+1]) + strconv.FormatUint(n+1, 10)
}

func (a *agent) pdu(v snmp.Var) gosnmp.SnmpPDU {
	p := gosnmp.SnmpPDU{Name: "." + string(v.OID)}
	switch v.Kind {
	case snmp.Integer:
		// Some recordings hold more than 32 bits; on the wire there are 32.
		p.Type, p.Value = gosnmp.Integer, int(int32(v.Num)) //nolint:gosec // see above
	case snmp.OctetString:
		p.Type, p.Value = gosnmp.OctetString, v.Raw
	case snmp.ObjectID:
		p.Type, p.Value = gosnmp.ObjectIdentifier, "."+string(v.Raw)
		if len(v.Raw) == 0 {
			p.Value = ".0.0"
		}
	case snmp.IPAddress:
		p.Type, p.Value = gosnmp.IPAddress, string(v.Raw)
	case snmp.Counter32:
		p.Type, p.Value = gosnmp.Counter32, uint32(v.Unum) //nolint:gosec // 32 bits on the wire
	case snmp.Gauge32:
		p.Type, p.Value = gosnmp.Gauge32, uint32(v.Unum) //nolint:gosec // 32 bits on the wire
	case snmp.TimeTicks:
		p.Type, p.Value = gosnmp.TimeTicks, uint32(v.Unum) //nolint:gosec // 32 bits on the wire
	case snmp.Counter64:
		p.Type, p.Value = gosnmp.Counter64, v.Unum
	case snmp.Opaque:
		p.Type, p.Value = gosnmp.Opaque, a.r.opaque[v.OID]
	default:
		p.Type = gosnmp.NoSuchInstance
	}
	return p
}

// weight is about how many bytes a value takes in a packet.
func weight(p gosnmp.SnmpPDU) int {
	n := 12 + len(p.Name)*2/3
	switch b := p.Value.(type) {
	case []byte:
		n += len(b)
	case string:
		n += len(b)
	}
	return n
}
