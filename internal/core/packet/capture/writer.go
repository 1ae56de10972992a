package capture

import (
	"encoding/binary"
	"fmt"
	"io"
	"time"
)

// Writer writes packets as pcap with nanoseconds or as pcapng.
type Writer struct {
	w     io.Writer
	ng    bool
	links map[LinkType]uint32 // of pcapng: the number of the interface of a link type
	link  LinkType
	begun bool
	buf   []byte
}

// NewPcap makes a Writer of pcap; all packets must have one link type.
func NewPcap(w io.Writer, link LinkType) *Writer { return &Writer{w: w, link: link} }

// NewPcapNG makes a Writer of pcapng.
func NewPcapNG(w io.Writer) *Writer { return &Writer{w: w, ng: true, links: map[LinkType]uint32{}} }

// Begin writes the head of the file. Write does it by itself; call it for a
// file that may stay without packets.
func (w *Writer) Begin() error {
	if w.begun {
		return nil
	}
	w.begun = true
	le := binary.LittleEndian
	b := w.buf[:0]
	if w.ng {
		b = le.AppendUint32(b, blockSection)
		b = le.AppendUint32(b, 28)
		b = le.AppendUint32(b, 0x1a2b3c4d)
		b = le.AppendUint32(b, 1) // version 1.0
		b = le.AppendUint64(b, ^uint64(0))
		b = le.AppendUint32(b, 28)
	} else {
		b = le.AppendUint32(b, 0xa1b23c4d)
		b = le.AppendUint32(b, 2|4<<16) // version 2.4
		b = le.AppendUint64(b, 0)
		b = le.AppendUint32(b, 262_144)
		b = le.AppendUint32(b, uint32(w.link))
	}
	return w.flush(b)
}

func (w *Writer) flush(b []byte) error {
	w.buf = b
	if _, err := w.w.Write(b); err != nil {
		return fmt.Errorf("write the capture: %w", err)
	}
	return nil
}

// Write adds a packet.
func (w *Writer) Write(p *Packet) error {
	if err := w.Begin(); err != nil {
		return err
	}
	le := binary.LittleEndian
	b := w.buf[:0]
	if !w.ng {
		if p.Link != w.link {
			return fmt.Errorf("packet %d has link type %d, the file has %d; pcapng holds both", p.Number, p.Link, w.link)
		}
		b = le.AppendUint32(b, uint32(p.Time.Unix()))
		b = le.AppendUint32(b, uint32(p.Time.Nanosecond()))
		b = le.AppendUint32(b, uint32(len(p.Data)))
		b = le.AppendUint32(b, uint32(p.Length))
		return w.flush(append(b, p.Data...))
	}
	n, there := w.links[p.Link]
	if !there {
		n = uint32(len(w.links))
		w.links[p.Link] = n
		b = le.AppendUint32(b, blockInterface)
		b = le.AppendUint32(b, 32)
		b = le.AppendUint32(b, uint32(p.Link)&0xffff)
		b = le.AppendUint32(b, 262_144)
		b = le.AppendUint32(b, optionResolution|1<<16)
		b = le.AppendUint32(b, 9) // nanoseconds
		b = le.AppendUint32(b, optionEnd)
		b = le.AppendUint32(b, 32)
	}
	pad := -len(p.Data) & 3
	comment := 0
	if len(p.Comment) > 0 && len(p.Comment) < 1<<16 {
		comment = 4 + (len(p.Comment)+3)&^3 + 4
	}
	size := uint32(32 + len(p.Data) + pad + comment)
	b = le.AppendUint32(b, blockPacket)
	b = le.AppendUint32(b, size)
	b = le.AppendUint32(b, n)
	stamp := uint64(p.Time.Sub(time.Unix(0, 0)))
	b = le.AppendUint32(b, uint32(stamp>>32))
	b = le.AppendUint32(b, uint32(stamp))
	b = le.AppendUint32(b, uint32(len(p.Data)))
	b = le.AppendUint32(b, uint32(p.Length))
	b = append(append(b, p.Data...), make([]byte, pad)...)
	if comment > 0 {
		b = le.AppendUint32(b, optionComment|uint32(len(p.Comment))<<16)
		b = append(append(b, p.Comment...), make([]byte, -len(p.Comment)&3)...)
		b = le.AppendUint32(b, optionEnd)
	}
	return w.flush(le.AppendUint32(b, size))
}
