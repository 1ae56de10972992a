package path

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/netpath"
)

const (
	// keepEnds is how far back the ends of rounds are in memory, for lists and judges.
	keepEnds = time.Hour
	// settle is how long a minute waits after its end for rounds that are under way.
	settle = netpath.Wait + 4*time.Second
	// maxMinutes bounds what waits for a database that does not write.
	maxMinutes = 30
	maxBlock   = 4 << 20
)

// end is what became of the probe to the target.
type end struct {
	at   time.Time
	rtt  time.Duration // -1 is lost
	hops uint8
}

// recorder keeps what was measured of one path until it is written.
type recorder struct {
	mu      sync.Mutex
	minutes map[int64][]*netpath.Round
	ends    []end
	route   netpath.Route
	changes int64
	last    netpath.RouteChange
	hops    int
	heard   time.Time
	address string
	problem string
}

func newRecorder() *recorder { return &recorder{minutes: map[int64][]*netpath.Round{}} }

// take takes a round that is to be written.
func (r *recorder) take(x *netpath.Round) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := x.At.Unix() / 60
	if len(r.minutes) < maxMinutes && len(r.minutes[m]) < netpath.MaxRounds {
		r.minutes[m] = append(r.minutes[m], x)
	}
	r.see(x)
}

// saw takes a round that is written already.
func (r *recorder) saw(x *netpath.Round) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.see(x)
}

func (r *recorder) see(x *netpath.Round) {
	e := end{at: x.At, rtt: -1, hops: uint8(min(len(x.Hops), 255))} //nolint:gosec // bounded
	if x.Arrived {
		e.rtt = x.End.RTT
	}
	if x.Arrived || x.End.Code != netpath.NotSent {
		i := len(r.ends)
		for i > 0 && r.ends[i-1].at.After(e.at) {
			i--
		}
		if i > 0 && r.ends[i-1].at.Equal(e.at) {
			return // it is known
		}
		r.ends = slices.Insert(r.ends, i, e)
	}
	if old := r.ends; len(old) > 64 && x.At.Sub(old[0].at) > keepEnds+10*time.Minute {
		cut := 0
		for cut < len(old) && x.At.Sub(old[cut].at) > keepEnds {
			cut++
		}
		r.ends = slices.Clone(old[cut:])
	}
	r.route.Take(x)
	if n := len(r.route.Changes); n > 0 {
		r.changes += int64(n)
		r.last = r.route.Changes[n-1]
		r.route.Changes = nil
	}
	if x.At.After(r.heard) {
		r.heard, r.hops = x.At, len(x.Hops)
	}
}

// window gives the ends since from.
func (r *recorder) window(from time.Time) []end {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := len(r.ends)
	for i > 0 && !r.ends[i-1].at.Before(from) {
		i--
	}
	return slices.Clone(r.ends[i:])
}

// waiting gives the rounds that are not written, in order.
func (r *recorder) waiting() []*netpath.Round {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []*netpath.Round
	for _, rs := range r.minutes {
		out = append(out, rs...)
	}
	sortRounds(out)
	return out
}

func sortRounds(rs []*netpath.Round) {
	slices.SortFunc(rs, func(a, b *netpath.Round) int { return a.At.Compare(b.At) })
}

// minute is a row to write.
type minute struct {
	path   string
	number int64
	rounds []*netpath.Round
}

// ripe gives the minutes that have ended, or all of them.
func (r *recorder) ripe(path string, now time.Time, all bool) []minute {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []minute
	for n, rs := range r.minutes {
		if all || now.Sub(time.Unix((n+1)*60, 0)) > settle {
			out = append(out, minute{path, n, slices.Clone(rs)})
		}
	}
	return out
}

// written forgets a minute.
func (r *recorder) written(m minute) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.minutes[m.number]) <= len(m.rounds) {
		delete(r.minutes, m.number)
		return
	}
	r.minutes[m.number] = r.minutes[m.number][len(m.rounds):]
}

// codec packs minutes for the database.
type codec struct {
	enc *zstd.Encoder
	dec *zstd.Decoder
}

func newCodec() (codec, error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedDefault))
	if err != nil {
		return codec{}, err
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(2), zstd.WithDecoderMaxMemory(maxBlock))
	return codec{enc, dec}, err
}

func (c codec) pack(number int64, rs []*netpath.Round) []byte {
	return c.enc.EncodeAll(netpath.Pack(time.Unix(number*60, 0), rs), nil)
}

func (c codec) unpack(number int64, b []byte) ([]*netpath.Round, error) {
	raw, err := c.dec.DecodeAll(b, nil)
	if err != nil {
		return nil, err
	}
	return netpath.Unpack(time.Unix(number*60, 0).UTC(), raw)
}

// minuteRow is a minute in the database.
type minuteRow struct {
	bun.BaseModel `bun:"path_minutes"`

	PathID string `bun:"path_id,pk"`
	Minute int64  `bun:"minute,pk"`
	Rounds []byte `bun:"rounds"`
}

// write stores minutes. Rounds that are there already are not doubled.
func (s *Service) write(ctx context.Context, ms []minute) error {
	for len(ms) > 0 {
		part := ms[:min(len(ms), 200)]
		ms = ms[len(part):]
		err := s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error { return s.writePart(ctx, tx, part) })
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) writePart(ctx context.Context, tx *db.Tx, ms []minute) error {
	type key struct {
		path string
		n    int64
	}
	have := map[key][]*netpath.Round{}
	ids, numbers := []string{}, []int64{}
	for _, m := range ms {
		ids, numbers = append(ids, m.path), append(numbers, m.number)
	}
	var old []minuteRow
	if err := tx.NewSelect().Model(&old).Where("path_id IN (?) AND minute IN (?)", bun.In(ids), bun.In(numbers)).Scan(ctx); err != nil {
		return err
	}
	for _, o := range old {
		if rs, err := s.codec.unpack(o.Minute, o.Rounds); err == nil {
			have[key{o.PathID, o.Minute}] = rs
		}
	}
	for _, m := range ms {
		k := key{m.path, m.number}
		have[k] = append(have[k], m.rounds...)
	}
	rows := make([]minuteRow, 0, len(have))
	for k, rs := range have {
		sortRounds(rs)
		rs = slices.CompactFunc(rs, func(a, b *netpath.Round) bool { return a.At.UnixMilli() == b.At.UnixMilli() })
		rs = rs[:min(len(rs), netpath.MaxRounds)]
		rows = append(rows, minuteRow{PathID: k.path, Minute: k.n, Rounds: s.codec.pack(k.n, rs)})
	}
	if len(rows) == 0 {
		return nil
	}
	_, err := tx.NewInsert().Model(&rows).On("CONFLICT (path_id, minute) DO UPDATE").Set("rounds = EXCLUDED.rounds").Exec(ctx)
	return err
}

// rounds calls f with all rounds of a path in a window, in order, stored or not.
func (s *Service) rounds(ctx context.Context, q bun.IDB, pathID string, from, to time.Time, f func(*netpath.Round)) error {
	var waiting []*netpath.Round
	if r := s.recorder(pathID); r != nil {
		waiting = r.waiting()
	}
	give := func(r *netpath.Round) {
		if !r.At.Before(from) && r.At.Before(to) {
			f(r)
		}
	}
	last := int64(0) // in ms: what is stored may still be in memory too
	const page = 2000
	for after := from.Unix()/60 - 1; ; {
		var rows []minuteRow
		if err := q.NewSelect().Model(&rows).Where("path_id = ? AND minute > ? AND minute <= ?", pathID, after, to.Unix()/60).OrderExpr("minute").Limit(page).Scan(ctx); err != nil {
			return err
		}
		for _, m := range rows {
			rs, err := s.codec.unpack(m.Minute, m.Rounds)
			if err != nil {
				s.d.Logger.Warn("a minute of a network path is damaged and left out", "path_id", pathID, "minute", m.Minute, "error", err)
				continue
			}
			for _, r := range rs {
				for len(waiting) > 0 && waiting[0].At.UnixMilli() < r.At.UnixMilli() {
					give(waiting[0])
					waiting = waiting[1:]
				}
				for len(waiting) > 0 && waiting[0].At.UnixMilli() == r.At.UnixMilli() {
					waiting = waiting[1:]
				}
				give(r)
				last = r.At.UnixMilli()
			}
		}
		if len(rows) < page {
			break
		}
		after = rows[len(rows)-1].Minute
	}
	for _, r := range waiting {
		if r.At.UnixMilli() > last {
			give(r)
		}
	}
	return nil
}
