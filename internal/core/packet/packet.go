package packet

import (
	"net/netip"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/packet/capture"
)

// Source is a run of bytes that fields point into: the frame itself, or bytes
// that were put together from several frames or decompressed.
type Source struct {
	Name string
	Data []byte
}

// Packet is a packet taken apart. It is valid until the Dissector that filled
// it is given the next packet into it.
type Packet struct {
	Number  int
	Time    time.Time
	Length  int // on the wire
	Sources []Source
	Fields  []Field

	// What the innermost layers say, for lists and sessions.
	HasMAC           bool
	SrcMAC, DstMAC   [6]byte
	EtherType        uint16
	Src, Dst         netip.Addr
	IPProtocol       uint8
	HasPorts         bool
	SrcPort, DstPort uint16
	TTL              uint8
	VLANs            []uint16
	Protocol         string // as in the list: the innermost known layer
	Info             string // one line for people
	Malformed        bool
	Cut              bool // more was on the wire than was captured

	// ClientMAC is whom a message of DHCP is about.
	ClientMAC    [6]byte
	HasClientMAC bool

	TCP *Segment // nil: no TCP, or only a later fragment of it

	// Payload is what the transport carries: bytes above TCP, UDP or SCTP, of
	// this frame. PayloadNew are those of them that were not seen before.
	Payload, PayloadNew int
	// App names the application protocols that were seen in this packet.
	App []string

	Findings   []Finding
	fragment   bool
	whole      bool
	stream     int
	tcp        Segment
	talk       Conversation
	fromServer bool
}

// Segment is what a TCP header says.
type Segment struct {
	Seq, Ack uint32
	Flags    uint16
	Window   uint16
	Stream   int
	Data     []byte // the payload
	Start    int    // of Data in the frame
}

// Fragment tells that the packet is a part of a datagram that is not whole yet.
func (p *Packet) Fragment() bool { return p.fragment }

// Reassembled tells that the packet made a datagram in fragments whole.
func (p *Packet) Reassembled() bool { return p.whole }

// Stream is the number of the conversation among those of its protocol, as in
// tcp.stream and udp.stream.
func (p *Packet) Stream() int { return p.stream }

// Ends are the two sides for a list: IP addresses, or MAC addresses where there are none.
func (p *Packet) Ends() (src, dst string) {
	switch {
	case p.Src.IsValid():
		return p.Src.String(), p.Dst.String()
	case p.HasMAC:
		return macText(p.SrcMAC[:]), macText(p.DstMAC[:])
	}
	return "", ""
}

// Protocols are the names of the layers, outermost first, joined by colons.
func (p *Packet) Protocols() string {
	var out []string
	for i := range p.Fields {
		if f := &p.Fields[i]; f.Depth == 0 && f.Def.Kind == Protocol && f.Def != fFrame {
			out = append(out, f.Def.Name)
		}
	}
	return strings.Join(out, ":")
}

// Find gives the first field of a name, or nil.
func (p *Packet) Find(name string) *Field {
	d := Lookup(name)
	for i := range p.Fields {
		if d != nil && d.Is(p.Fields[i].Def) {
			return &p.Fields[i]
		}
	}
	return nil
}

// All gives the values of all fields of a name as text.
func (p *Packet) All(name string) []string {
	var out []string
	d := Lookup(name)
	for i := range p.Fields {
		if d != nil && d.Is(p.Fields[i].Def) {
			out = append(out, p.Fields[i].Value())
		}
	}
	return out
}

// reset makes the packet ready for the next frame and keeps its memory.
func (p *Packet) reset(c *capture.Packet) {
	*p = Packet{
		Number: c.Number, Time: c.Time, Length: c.Length, Cut: c.Length > len(c.Data),
		Sources: append(p.Sources[:0], Source{"frame", c.Data}), Fields: p.Fields[:0],
		VLANs: p.VLANs[:0], App: p.App[:0], Findings: p.Findings[:0],
	}
}

// Protocol of the frame itself.
var (
	fFrame         = def(Protocol, "frame", "Frame")
	fFrameNumber   = def(Uint, "frame.number", "Frame number")
	fFrameTime     = def(Time, "frame.time", "Arrival time")
	fFrameEpoch    = def(Duration, "frame.time_epoch", "Seconds since 1970")
	fFrameDelta    = def(Duration, "frame.time_delta", "Time since the previous frame")
	fFrameRelative = def(Duration, "frame.time_relative", "Time since the first frame")
	fFrameLen      = def(Uint, "frame.len", "Length on the wire")
	fFrameCapLen   = def(Uint, "frame.cap_len", "Captured length")
	fFrameComment  = def(Text, "frame.comment", "Comment")
	fFrameIface    = def(Uint, "frame.interface_id", "Interface of the capture")
	fMalformed     = def(Protocol, "_ws.malformed", "Malformed packet")
	fShort         = def(Protocol, "_ws.short", "Packet that was cut when it was captured")
	fData          = def(Protocol, "data", "Data")
	fDataData      = def(Bytes, "data.data", "Data")
	fDataLen       = def(Uint, "data.len", "Length")
)
