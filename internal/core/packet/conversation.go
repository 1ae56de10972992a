package packet

import (
	"container/list"
	"net/netip"
	"time"
)

// Conversation is two ends that talk over one protocol: a TCP connection, or
// the datagrams between two ports.
type Conversation struct {
	ID       uint64 // from 1, in the order of the capture
	Protocol uint8  // of IP
	// Client is who began: the sender of a SYN, the receiver of a SYN-ACK, else
	// the sender of the first packet.
	Client, Server netip.AddrPort
}

// conversation is a Conversation with what the dissection remembers of it.
type conversation struct {
	Conversation
	key    convKey
	stream int // number among those of its protocol, from 0
	half   [2]half
	app    *streamApp
	tried  bool // the first bytes were looked at
	state  any  // of the application protocol
	last   int64
	order  *list.Element

	synTime, synAckTime int64
	synDir              int
	rtt                 time.Duration // of the handshake
	reset               bool
}

type convKey struct {
	low, high netip.AddrPort
	protocol  uint8
}

func keyOf(src, dst netip.AddrPort, protocol uint8) convKey {
	if src.Compare(dst) > 0 {
		src, dst = dst, src
	}
	return convKey{src, dst, protocol}
}

// conversations holds those that are remembered; the one silent longest leaves first.
type conversations struct {
	limits  Limits
	held    *budget
	byKey   map[convKey]*conversation
	recent  *list.List // latest first
	next    uint64
	streams map[uint8]int
	owners  map[netip.Addr]arpOwner
}

type arpOwner struct {
	mac [6]byte
	at  time.Time
}

func newConversations(l Limits, held *budget) *conversations {
	return &conversations{
		limits: l, held: held, byKey: map[convKey]*conversation{}, recent: list.New(),
		streams: map[uint8]int{}, owners: map[netip.Addr]arpOwner{},
	}
}

// of finds or makes the conversation of a packet, and tells the direction: 0
// when the client sends. fresh begins a new one in the place of an old one.
func (c *conversations) of(src, dst netip.AddrPort, protocol uint8, now int64, fresh, swap bool) (*conversation, int) {
	k := keyOf(src, dst, protocol)
	v := c.byKey[k]
	if v != nil && fresh {
		c.drop(v)
		v = nil
	}
	if v == nil {
		for len(c.byKey) >= c.limits.Conversations {
			c.drop(c.recent.Back().Value.(*conversation))
		}
		c.next++
		v = &conversation{Conversation: Conversation{ID: c.next, Protocol: protocol, Client: src, Server: dst}, key: k, stream: c.streams[protocol]}
		if swap {
			v.Client, v.Server = dst, src
		}
		c.streams[protocol]++
		v.order = c.recent.PushFront(v)
		c.byKey[k] = v
	} else {
		c.recent.MoveToFront(v.order)
	}
	v.last = now
	if src == v.Client {
		return v, 0
	}
	return v, 1
}

func (c *conversations) drop(v *conversation) {
	for i := range v.half {
		v.half[i].forget(c.held)
	}
	c.recent.Remove(v.order)
	delete(c.byKey, v.key)
}

// owner notes which machine says that it has an address, and gives the other
// one that said so within the last minute.
func (c *conversations) owner(a netip.Addr, mac [6]byte, now time.Time) (old [6]byte, conflict bool) {
	const most, memory = 10_000, time.Minute
	if a.IsUnspecified() {
		return old, false
	}
	o, there := c.owners[a]
	if there && o.mac != mac && now.Sub(o.at) < memory && now.Sub(o.at) >= 0 {
		return o.mac, true
	}
	if len(c.owners) >= most && !there {
		clear(c.owners)
	}
	c.owners[a] = arpOwner{mac, now}
	return old, false
}

// ends is who sends to whom in this packet.
func (x *dissection) ends() (src, dst netip.AddrPort) {
	return netip.AddrPortFrom(x.Src, x.SrcPort), netip.AddrPortFrom(x.Dst, x.DstPort)
}

// Conversation tells to which conversation the packet belongs and whether the
// server sent it; false for packets that belong to none.
func (p *Packet) Conversation() (c Conversation, fromServer, ok bool) {
	return p.talk, p.fromServer, p.talk.ID != 0
}

// join attaches the packet to its conversation.
func (x *dissection) join(fresh, swap bool) *conversation {
	src, dst := x.ends()
	c, dir := x.d.convs.of(src, dst, x.IPProtocol, x.now, fresh, swap)
	x.conv, x.dir = c, dir
	x.stream = c.stream
	x.talk, x.fromServer = c.Conversation, dir == 1
	return c
}
