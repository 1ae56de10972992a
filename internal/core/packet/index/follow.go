package index

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/packet"
	"github.com/mainstay-ops/mainstay/internal/core/packet/capture"
)

// Piece is a run of bytes that one side sent without an answer between.
type Piece struct {
	FromServer bool
	Number     int // packet of its first byte
	Time       time.Time
	Data       []byte
	// Gap is how many bytes are missing before it.
	Gap int
}

// Followed is what both sides of a conversation said.
type Followed struct {
	Talk   packet.Conversation
	Pieces []Piece
	// Client and Server are the bytes of each side that are in Pieces.
	Client, Server int
	Cut            bool // more was said
}

// errEnough ends reading early.
var errEnough = errors.New("enough")

// Follow puts together what a conversation of TCP or UDP carries, at most so
// many bytes.
func (x *Index) Follow(ctx context.Context, id uint64, most int) (*Followed, error) {
	numbers, err := x.Conversation(id)
	if err != nil {
		return nil, err
	}
	if len(numbers) == 0 {
		return nil, errNone
	}
	out := &Followed{}
	d := packet.NewDissector(packet.Limits{StreamBytes: 4096, AllBytes: 1 << 20})
	var p packet.Packet
	var ways [2]way
	total := 0
	add := func(server bool, data []byte, gap int) {
		if len(data) == 0 {
			return
		}
		if total+len(data) > most {
			data = data[:most-total]
			out.Cut = true
		}
		total += len(data)
		if server {
			out.Server += len(data)
		} else {
			out.Client += len(data)
		}
		if n := len(out.Pieces); n > 0 && out.Pieces[n-1].FromServer == server && gap == 0 {
			out.Pieces[n-1].Data = append(out.Pieces[n-1].Data, data...)
			return
		}
		out.Pieces = append(out.Pieces, Piece{FromServer: server, Number: p.Number, Time: p.Time, Data: slices.Clone(data), Gap: gap})
	}
	err = x.each(ctx, numbers, func(c *capture.Packet) error {
		d.Dissect(c, &p)
		talk, server, ok := p.Conversation()
		if !ok {
			return nil
		}
		out.Talk = talk
		if p.TCP == nil {
			if f := p.Find("udp.payload"); f != nil {
				out.gapless(&p, server, f.Bytes(), add)
			}
		} else {
			i := 0
			if server {
				i = 1
			}
			if p.TCP.Flags&packet.ACK != 0 {
				ways[1-i].acked(p.TCP.Ack, func(b []byte, gap int) { add(!server, b, gap) })
			}
			ways[i].take(p.TCP, func(b []byte, gap int) { add(server, b, gap) })
		}
		if out.Cut {
			return errEnough
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, err
	}
	for i := range ways {
		ways[i].rest(func(b []byte, gap int) { add(i == 1, b, gap) })
	}
	return out, nil
}

// gapless adds a datagram as a piece of its own.
func (f *Followed) gapless(p *packet.Packet, server bool, b []byte, add func(bool, []byte, int)) {
	n := len(f.Pieces)
	if n > 0 && f.Pieces[n-1].FromServer == server {
		f.Pieces = append(f.Pieces, Piece{FromServer: server, Number: p.Number, Time: p.Time})
	}
	add(server, b, 0)
}

// way is one direction of a connection while it is put together.
type way struct {
	begun bool
	next  uint32
	early []packet.Segment
	held  int
}

const mostEarly = 4 << 20

func (w *way) take(s *packet.Segment, out func([]byte, int)) {
	seq := s.Seq
	if s.Flags&packet.SYN != 0 {
		seq++
		w.begun, w.next, w.early, w.held = true, seq, nil, 0
	}
	if len(s.Data) == 0 {
		return
	}
	if !w.begun {
		w.begun, w.next = true, seq
	}
	switch d := int32(w.next - seq); {
	case d < 0:
		w.early = append(w.early, packet.Segment{Seq: seq, Data: slices.Clone(s.Data)})
		if w.held += len(s.Data); w.held > mostEarly {
			w.rest(out)
		}
	case int(d) < len(s.Data):
		data := s.Data[d:]
		w.next += uint32(len(data))
		out(data, 0)
		w.drain(out, false)
	}
}

// acked gives up what is missing once the other side has it.
func (w *way) acked(ack uint32, out func([]byte, int)) {
	for len(w.early) > 0 && int32(ack-w.next) > 0 {
		w.drain(out, true)
		if len(w.early) == 0 || int32(w.early[0].Seq-ack) >= 0 {
			return
		}
	}
}

func (w *way) rest(out func([]byte, int)) {
	for len(w.early) > 0 {
		w.drain(out, true)
	}
}

// drain gives segments that are next now; with jump over the gap before the first.
func (w *way) drain(out func([]byte, int), jump bool) {
	slices.SortStableFunc(w.early, func(a, b packet.Segment) int { return int(int32(a.Seq - b.Seq)) })
	for len(w.early) > 0 {
		e := w.early[0]
		d := int32(w.next - e.Seq)
		gap := 0
		if d < 0 {
			if !jump {
				return
			}
			jump = false
			gap, d = int(-d), 0
			w.next = e.Seq
		}
		w.early = w.early[1:]
		w.held -= len(e.Data)
		if int(d) < len(e.Data) {
			data := e.Data[d:]
			w.next += uint32(len(data))
			out(data, gap)
		}
	}
}

// Content gives the bytes of an object, decoded: chunks put together, gzip and
// deflate unpacked, at most so many bytes.
func (x *Index) Content(ctx context.Context, o Object, most int) ([]byte, error) {
	f, err := x.Follow(ctx, o.Conversation, 256<<20)
	if err != nil {
		return nil, err
	}
	var sides [2]bytes.Buffer
	for _, p := range f.Pieces {
		if p.Gap > 0 && p.FromServer == o.FromServer {
			return nil, fmt.Errorf("%d bytes of this connection are missing in the capture", p.Gap)
		}
		if p.FromServer {
			sides[1].Write(p.Data)
		} else {
			sides[0].Write(p.Data)
		}
	}
	if o.FromServer {
		return nthAnswer(&sides[1], &sides[0], o.Order, most)
	}
	return nthQuestion(&sides[0], o.Order, most)
}

func nthQuestion(in io.Reader, n, most int) ([]byte, error) {
	r := bufio.NewReader(in)
	for i := 0; ; i++ {
		q, err := http.ReadRequest(r)
		if err != nil {
			return nil, fmt.Errorf("the request cannot be read: %w", err)
		}
		if i == n {
			return body(q.Body, q.Header, most)
		}
		if _, err := io.Copy(io.Discard, q.Body); err != nil {
			return nil, err
		}
	}
}

func nthAnswer(in, asked io.Reader, n, most int) ([]byte, error) {
	r, q := bufio.NewReader(in), bufio.NewReader(asked)
	for i := 0; ; i++ {
		req, err := http.ReadRequest(q)
		if err != nil {
			req = &http.Request{Method: http.MethodGet}
		} else if _, err := io.Copy(io.Discard, req.Body); err != nil {
			req = &http.Request{Method: req.Method}
		}
		a, err := http.ReadResponse(r, req) //nolint:bodyclose // it is no connection; body closes what is read
		if err != nil {
			return nil, fmt.Errorf("the answer cannot be read: %w", err)
		}
		if i == n {
			return body(a.Body, a.Header, most)
		}
		if _, err := io.Copy(io.Discard, a.Body); err != nil {
			return nil, err
		}
	}
}

// body reads and unpacks. What ends early gives what there is.
func body(r io.ReadCloser, h http.Header, most int) ([]byte, error) {
	defer r.Close()
	raw, err := io.ReadAll(io.LimitReader(r, int64(most)))
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	switch strings.ToLower(strings.TrimSpace(h.Get("Content-Encoding"))) {
	case "gzip", "x-gzip":
		z, err := gzip.NewReader(bytes.NewReader(raw))
		if err != nil {
			return raw, nil
		}
		return unzip(z, most)
	case "deflate":
		z, err := zlib.NewReader(bytes.NewReader(raw))
		if err != nil {
			return unzip(flate.NewReader(bytes.NewReader(raw)), most)
		}
		return unzip(z, most)
	}
	return raw, nil
}

func unzip(r io.Reader, most int) ([]byte, error) {
	out, err := io.ReadAll(io.LimitReader(r, int64(most)))
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, fmt.Errorf("the content cannot be unpacked: %w", err)
	}
	return out, nil
}
