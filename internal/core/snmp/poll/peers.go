package poll

import (
	"context"
	"strings"

	"github.com/mainstay-ops/mainstay/internal/core/sample"
	"github.com/mainstay-ops/mainstay/internal/core/snmp"
	"github.com/mainstay-ops/mainstay/internal/core/snmp/column"
)

// peer is a neighbor of a routing protocol.
type peer struct {
	protocol string // bgp or ospf
	address  string
	remoteAS int64
	on       bool
	state    int64
	series   sample.ID
	has      bool
	seen     bool
}

const (
	bgpPeer  = "1.3.6.1.2.1.15.3.1."  // BGP4-MIB, RFC 4273
	ospfNbr  = "1.3.6.1.2.1.14.10.1." // OSPF-MIB, RFC 4750
	maxPeers = 2000
)

func (p *peer) word() string {
	words := map[string][]string{
		"bgp":  {"", "idle", "connect", "active", "opensent", "openconfirm", "established"},
		"ospf": {"", "down", "attempt", "init", "twoWay", "exchangeStart", "exchange", "loading", "full"},
	}[p.protocol]
	if p.state > 0 && p.state < int64(len(words)) {
		return words[p.state]
	}
	return "unknown"
}

// good tells whether the session is as it should be: OSPF routers that are not
// designated stay at two-way with each other.
func (p *peer) good() bool {
	return p.protocol == "bgp" && p.state == 6 || p.protocol == "ospf" && p.state == 8
}

// peersRead reads the sessions. A device without the MIBs is asked again when its
// interfaces are identified anew.
func (d *dev) peersRead(ctx context.Context, r *column.Reader, m Sink, look bool) error {
	for _, p := range d.peers {
		p.seen = false
	}
	if look || d.hasBGP {
		d.hasBGP = false
		err := r.Rows(ctx, []snmp.OID{bgpPeer + "2", bgpPeer + "3", bgpPeer + "9"}, func(c int, index []byte, v *snmp.Var) {
			d.hasBGP = true
			p := d.peer("bgp", column.Index(index))
			if p == nil {
				return
			}
			n, _ := v.Int()
			switch c {
			case 0:
				p.state = n
			case 1:
				p.on = n == 2
			case 2:
				p.remoteAS = n
			}
		})
		if err != nil {
			return err
		}
	}
	if look || d.hasOSPF {
		d.hasOSPF = false
		err := r.Rows(ctx, []snmp.OID{ospfNbr + "6"}, func(_ int, index []byte, v *snmp.Var) {
			d.hasOSPF = true
			a := strings.Split(column.Index(index), ".")
			if len(a) != 5 {
				return
			}
			if p := d.peer("ospf", strings.Join(a[:4], ".")); p != nil {
				p.state, _ = v.Int()
				p.on = true
			}
		})
		if err != nil {
			return err
		}
	}
	for key, p := range d.peers {
		if !p.seen {
			// The session is configured no more.
			delete(d.peers, key)
			continue
		}
		if !p.has {
			l := map[string]string{"__name__": "network_ospf_neighbor_full", "item": d.item, "neighbor": p.address}
			if p.protocol == "bgp" {
				l = map[string]string{"__name__": "network_bgp_peer_established", "item": d.item, "peer": p.address, "remote_as": number(p.remoteAS)}
			}
			id, err := m.Series(d.source(), l)
			if err != nil {
				d.refused++
				continue
			}
			p.series, p.has = id, true
		}
		d.samples = append(d.samples, sample.Sample{Series: p.series, At: r.At, Value: oneIf(p.good())})
	}
	return nil
}

func (d *dev) peer(protocol, address string) *peer {
	key := protocol + " " + address
	p := d.peers[key]
	if p == nil && len(d.peers) < maxPeers {
		p = &peer{protocol: protocol, address: address}
		d.peers[key] = p
	}
	if p != nil {
		p.seen = true
	}
	return p
}
