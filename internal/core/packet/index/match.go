package index

import (
	"context"
	"errors"
	"io"
	"runtime"
	"slices"
	"sync"

	"github.com/mainstay-ops/mainstay/internal/core/packet"
	"github.com/mainstay-ops/mainstay/internal/core/packet/capture"
	"github.com/mainstay-ops/mainstay/internal/core/packet/filter"
)

// Match gives the numbers of the packets that a filter chooses, in order, of
// those after the packet number after. seen is the number of the last packet
// that was looked at: what came later is for the next call.
func (x *Index) Match(ctx context.Context, f *filter.Filter, after int) (found []uint32, seen int, err error) {
	blocks := x.view()
	i, _ := slices.BinarySearchFunc(blocks, after, func(b block, n int) int { return b.First + b.Count - n - 1 })
	blocks = blocks[min(i, len(blocks)):]
	if len(blocks) == 0 {
		return nil, after, nil
	}
	last := blocks[len(blocks)-1]
	seen = last.First + last.Count
	uses := merge(f.Uses())
	parts := make([][]uint32, len(blocks))
	away := make([][]uint32, len(blocks))
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	work := make(chan int)
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(blocks)) {
		wg.Go(func() {
			for k := range work {
				var err error
				if parts[k], away[k], err = x.matchBlock(blocks[k], f, uses, after); err != nil {
					cancel(err)
				}
			}
		})
	}
feed:
	for k := range blocks {
		select {
		case work <- k:
		case <-ctx.Done():
			break feed
		}
	}
	close(work)
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, after, err
	}
	found = slices.Concat(parts...)
	if rest := slices.Concat(away...); len(rest) > 0 {
		more, err := x.decodeMatch(ctx, f, rest)
		if err != nil {
			return nil, after, err
		}
		found = append(found, more...)
		slices.Sort(found)
	}
	return found, seen, nil
}

func merge(uses []filter.Use) []filter.Use {
	var out []filter.Use
	for _, u := range uses {
		i := slices.IndexFunc(out, func(o filter.Use) bool { return o.Def == u.Def })
		if i < 0 {
			out = append(out, u)
			continue
		}
		out[i].Value = out[i].Value || u.Value
	}
	return out
}

// source of one field while a block is looked at.
type cursor struct {
	def   *packet.Def
	value bool
	r     *reader
	more  bool
}

// matchBlock judges the packets of one block by its columns. away are packets
// with a value that is neither in the index nor in the frame.
func (x *Index) matchBlock(b block, f *filter.Filter, uses []filter.Use, after int) (found, away []uint32, err error) {
	cs := make([]cursor, len(uses))
	bytes := false
	for i, u := range uses {
		r, err := x.column(b, u.Def.Name)
		if err != nil {
			return nil, nil, err
		}
		cs[i] = cursor{def: u.Def, value: u.Value, r: r, more: r.nextPacket(b.Count)}
		bytes = bytes || u.Value && (u.Def.Kind == packet.Bytes || u.Def.Kind == packet.Protocol)
	}
	var fr *frames
	if bytes {
		if fr, err = x.frames(b); err != nil {
			return nil, nil, err
		}
	}
	var p packet.Packet
	p.Sources = make([]packet.Source, 1)
	for i := range b.Count {
		p.Fields = p.Fields[:0]
		p.Sources[0].Data = nil
		missing := false
		for k := range cs {
			c := &cs[k]
			if !c.more || c.r.at != i {
				continue
			}
			for c.r.left > 0 {
				v := c.r.next()
				fd := c.def.Make(v.num, v.data)
				switch {
				case v.away && c.value:
					missing = true
				case v.ref && c.value:
					data, err := fr.of(i)
					if err != nil {
						return nil, nil, err
					}
					p.Sources[0].Data = data
					s := min(v.start, len(data))
					e := min(s+v.len, len(data))
					fd = c.def.Make(0, data[s:e:e])
					fd.Start, fd.End = int32(s), int32(e)
				}
				p.Fields = append(p.Fields, fd)
			}
			if c.r.bad {
				return nil, nil, errDamaged
			}
			c.more = c.r.nextPacket(b.Count)
		}
		n := b.First + i + 1
		switch {
		case n <= after:
		case missing:
			away = append(away, uint32(n))
		case f.Match(&p):
			found = append(found, uint32(n))
		}
	}
	for k := range cs {
		if cs[k].r.bad {
			return nil, nil, errDamaged
		}
	}
	return found, away, nil
}

// decodeMatch takes the capture apart again up to the last of some packets and
// judges those.
func (x *Index) decodeMatch(ctx context.Context, f *filter.Filter, numbers []uint32) ([]uint32, error) {
	in, err := capture.NewReader(io.NewSectionReader(x.capture, 0, 1<<62))
	if err != nil {
		return nil, err
	}
	defer in.Close()
	d := packet.NewDissector(packet.Limits{})
	var p packet.Packet
	var out []uint32
	for len(numbers) > 0 {
		c, err := in.Next()
		if err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, capture.ErrCut) {
				return out, nil
			}
			return nil, err
		}
		if c.Number%1000 == 0 {
			if err := context.Cause(ctx); err != nil {
				return nil, err
			}
		}
		d.Dissect(c, &p)
		if uint32(c.Number) == numbers[0] {
			numbers = numbers[1:]
			if f.Match(&p) {
				out = append(out, uint32(c.Number))
			}
		}
	}
	return out, nil
}

// frames gives the bytes of the packets of a block. Neighbors are read at once.
type frames struct {
	x          *Index
	at, length []uint64
	from       int64
	buf        []byte
}

func (x *Index) frames(b block) (*frames, error) {
	at, err := x.numbers(b, colPlace)
	if err != nil {
		return nil, err
	}
	length, err := x.numbers(b, colCaptured)
	return &frames{x: x, at: at, length: length}, err
}

const (
	readAhead  = 1 << 20
	mostPacket = 1 << 20
)

func (f *frames) of(i int) ([]byte, error) {
	at, n := int64(f.at[i]), int(f.length[i])
	if n > mostPacket || at < 0 {
		return nil, errDamaged
	}
	if at < f.from || at+int64(n) > f.from+int64(len(f.buf)) || f.buf == nil {
		if cap(f.buf) < readAhead+mostPacket {
			f.buf = make([]byte, readAhead+mostPacket)
		}
		f.buf = f.buf[:cap(f.buf)]
		want := max(n, readAhead)
		got, err := f.x.capture.ReadAt(f.buf[:want], at)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		f.from, f.buf = at, f.buf[:got]
		if got < n {
			return nil, errDamaged
		}
	}
	s := at - f.from
	return f.buf[s : s+int64(n) : s+int64(n)], nil
}
