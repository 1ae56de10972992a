package index

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/packet"
	"github.com/mainstay-ops/mainstay/internal/core/packet/capture"
)

// errNone says that there is no packet of that number.
var errNone = errors.New("there is no such packet")

// IsNone tells whether an error says that there is no such packet.
func IsNone(err error) bool { return errors.Is(err, errNone) }

const (
	replayHead = 200    // packets at the begin of a conversation that are always read
	replayMost = 50_000 // packets before one that are read with it
)

// One takes one packet apart as it was taken apart in the whole capture: the
// packets of its conversation before it are read first. In conversations of more
// than 50,000 packets the middle is left out.
func (x *Index) One(ctx context.Context, number int) (*packet.Packet, *capture.Packet, error) {
	blocks := x.view()
	b, ok := blockOf(blocks, number)
	if !ok {
		return nil, nil, errNone
	}
	talks, err := x.numbers(b, colTalk)
	if err != nil {
		return nil, nil, err
	}
	var before []uint32
	if talk := talks[number-b.First-1]; talk != 0 {
		if before, err = x.talk(talk, number-1, true); err != nil {
			return nil, nil, err
		}
		if len(before) > replayHead+replayMost {
			before = slices.Concat(before[:replayHead], before[len(before)-replayMost:])
		}
	}
	var p packet.Packet
	d := packet.NewDissector(packet.Limits{})
	var last *capture.Packet
	err = x.each(ctx, append(before, uint32(number)), func(c *capture.Packet) error {
		d.Dissect(c, &p)
		last = c
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	if last == nil {
		return nil, nil, errNone
	}
	return &p, last, x.settle(b, &p)
}

// settle puts the values in that only the whole capture tells, such as the
// number of the stream and the time since the frame before.
func (x *Index) settle(b block, p *packet.Packet) error {
	i := p.Number - b.First - 1
	done := map[*packet.Def]bool{}
	for k := range p.Fields {
		d := p.Fields[k].Def
		switch d.Kind {
		case packet.Uint, packet.Int, packet.Duration, packet.Time:
		default:
			continue
		}
		if !p.Fields[k].Generated || done[d] {
			continue
		}
		done[d] = true
		r, err := x.column(b, d.Name)
		if err != nil {
			return err
		}
		for r.nextPacket(b.Count) {
			if r.at > i {
				break
			}
			var vals []uint64
			for r.left > 0 && !r.bad {
				vals = append(vals, r.next().num)
			}
			if r.bad {
				return errDamaged
			}
			if r.at < i {
				continue
			}
			n := 0
			for j := range p.Fields {
				if p.Fields[j].Def == d {
					n++
				}
			}
			if n != len(vals) {
				break
			}
			n = 0
			for j := range p.Fields {
				if p.Fields[j].Def == d {
					p.Fields[j].SetUint(vals[n])
					n++
				}
			}
		}
	}
	return nil
}

// talk lists the packets of a conversation up to a number; with fragments also
// those parts of datagrams that belong to nobody yet and came shortly before.
func (x *Index) talk(id uint64, upTo int, fragments bool) ([]uint32, error) {
	const near = 2000
	var out []uint32
	for _, b := range x.view() {
		if b.First >= upTo {
			break
		}
		talks, err := x.numbers(b, colTalk)
		if err != nil {
			return nil, err
		}
		var flags []uint64
		if fragments && b.First+b.Count > upTo-near {
			if flags, err = x.numbers(b, colFlags); err != nil {
				return nil, err
			}
		}
		for i, t := range talks {
			n := b.First + i + 1
			if n > upTo {
				break
			}
			if t == id || flags != nil && t == 0 && n > upTo-near && flags[i]&flagFragment != 0 {
				out = append(out, uint32(n))
			}
		}
	}
	return out, nil
}

// Conversation lists the packets of a conversation.
func (x *Index) Conversation(id uint64) ([]uint32, error) { return x.talk(id, 1<<62, false) }

// each reads packets, in order.
func (x *Index) each(ctx context.Context, numbers []uint32, f func(*capture.Packet) error) error {
	blocks := x.view()
	for len(numbers) > 0 {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		b, ok := blockOf(blocks, int(numbers[0]))
		if !ok {
			return errNone
		}
		fr, err := x.frames(b)
		if err != nil {
			return err
		}
		at, err := x.numbers(b, colTime)
		if err != nil {
			return err
		}
		length, err := x.numbers(b, colLength)
		if err != nil {
			return err
		}
		link, err := x.numbers(b, colLink)
		if err != nil {
			return err
		}
		for len(numbers) > 0 && int(numbers[0]) <= b.First+b.Count {
			i := int(numbers[0]) - b.First - 1
			if i < 0 {
				return errNone
			}
			data, err := fr.of(i)
			if err != nil {
				return err
			}
			c := &capture.Packet{
				Number: int(numbers[0]), Time: time.Unix(0, int64(at[i])).UTC(), Data: slices.Clone(data), Length: int(length[i]), At: int64(fr.at[i]),
				Link: capture.LinkType(uint32(link[i])), Interface: int(link[i] >> 32),
			}
			if err := f(c); err != nil {
				return err
			}
			numbers = numbers[1:]
		}
	}
	return nil
}

// Values gives the numbers that a field has in packets, in order of the packets;
// packets without it are left out.
func (x *Index) Values(d *packet.Def, numbers []uint32, f func(number int, n uint64)) error {
	for _, b := range x.view() {
		if len(numbers) == 0 {
			return nil
		}
		if int(numbers[0]) > b.First+b.Count {
			continue
		}
		r, err := x.column(b, d.Name)
		if err != nil {
			return err
		}
		for r.nextPacket(b.Count) {
			n := b.First + r.at + 1
			for len(numbers) > 0 && int(numbers[0]) < n {
				numbers = numbers[1:]
			}
			for r.left > 0 && !r.bad {
				v := r.next()
				if len(numbers) > 0 && int(numbers[0]) == n {
					f(n, v.num)
				}
			}
			if r.bad {
				return errDamaged
			}
		}
		for len(numbers) > 0 && int(numbers[0]) <= b.First+b.Count {
			numbers = numbers[1:]
		}
	}
	return nil
}

// Each calls f with packets, in order; nil is all. The packet may be kept.
func (x *Index) Each(ctx context.Context, numbers []uint32, f func(*capture.Packet) error) error {
	if numbers != nil {
		return x.each(ctx, numbers, f)
	}
	for _, b := range x.view() {
		all := make([]uint32, b.Count)
		for i := range all {
			all[i] = uint32(b.First + i + 1)
		}
		if err := x.each(ctx, all, f); err != nil {
			return err
		}
	}
	return nil
}
