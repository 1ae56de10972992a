package path

import (
	"context"
	"net/netip"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/edgewire"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/live"
	"github.com/mainstay-ops/mainstay/internal/core/netpath"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

const (
	workEvery = time.Second
	// tellEvery is how often browsers hear of new rounds of a path.
	tellEvery = 2 * time.Second
	// readAgain is for servers that share a database.
	readAgain = time.Minute
)

// found takes a round of the engine.
func (s *Service) found(id string, r *netpath.Round) {
	if x := s.recorder(id); x != nil {
		x.take(r)
	}
}

func (s *Service) recorder(id string) *recorder {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rec[id]
}

// sync reads what is to be measured and makes it so.
func (s *Service) sync(ctx context.Context) error {
	rows, err := all(ctx, s.d.DB.Reader())
	if err != nil {
		return err
	}
	set, err := readSettings(ctx, s.d.DB.Reader())
	if err != nil {
		return err
	}
	next, jobs := map[string]*kept{}, []netpath.Job{}
	var fresh []string
	s.mu.Lock()
	was := s.rows
	s.set = set
	for i := range rows {
		spec, err := rows[i].spec()
		if err != nil {
			s.mu.Unlock()
			return err
		}
		k := &kept{row: rows[i], spec: spec}
		if old := was[k.ID]; old != nil && old.Name == k.Name && old.spec.From == spec.From {
			k.series = old.series
		}
		next[k.ID] = k
		if s.rec[k.ID] == nil {
			s.rec[k.ID] = newRecorder()
			fresh = append(fresh, k.ID)
		}
		if !spec.Off && spec.From == "" {
			jobs = append(jobs, netpath.Job{ID: k.ID, Host: spec.Host, Family: spec.Family, Target: spec.target()})
		}
	}
	for id, k := range was {
		if next[id] == nil {
			delete(s.rec, id)
			s.metrics.Forget(source(id))
		} else if next[id].series == nil && k.series != nil {
			s.metrics.Forget(source(id))
		}
	}
	s.rows = next
	s.mu.Unlock()
	for _, id := range fresh {
		if err := s.remember(ctx, id); err != nil {
			return err
		}
	}
	s.monitor.Set(jobs)
	if s.places != nil {
		s.places.ChecksChanged()
	}
	return nil
}

// remember reads the last hour of a path.
func (s *Service) remember(ctx context.Context, id string) error {
	r := s.recorder(id)
	now := s.now()
	return s.rounds(ctx, s.d.DB.Reader(), id, now.Add(-keepEnds), now.Add(time.Minute), r.saw)
}

func (s *Service) now() time.Time { return s.d.DB.Clock().Now() }

// work writes, judges and tells until ctx ends.
func (s *Service) work(ctx context.Context) {
	t := time.NewTicker(workEvery)
	defer t.Stop()
	read := s.now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.kick:
			read = time.Time{}
		case <-t.C:
		}
		now := s.now()
		if now.Sub(read) >= readAgain {
			read = now
			if err := s.sync(ctx); err != nil && ctx.Err() == nil {
				s.d.Logger.Error("the network paths to measure could not be read", "error", err)
			}
		}
		if err := s.flush(ctx, false); err != nil && ctx.Err() == nil {
			s.d.Logger.Error("rounds of network paths could not be written; they wait", "error", err)
		}
		s.judge(ctx, now)
		s.tell(now)
	}
}

// flush writes the minutes that have ended, or everything.
func (s *Service) flush(ctx context.Context, all bool) error {
	now := s.now()
	var ms []minute
	s.mu.Lock()
	for id, r := range s.rec {
		ms = append(ms, r.ripe(id, now, all)...)
	}
	s.mu.Unlock()
	if len(ms) == 0 {
		return nil
	}
	if err := s.write(ctx, ms); err != nil {
		return err
	}
	for _, m := range ms {
		if r := s.recorder(m.path); r != nil {
			r.written(m)
		}
	}
	s.measure(ctx, ms)
	return nil
}

// tell lets browsers know that a path has new rounds.
func (s *Service) tell(now time.Time) {
	if !s.d.Live.Wanted(topic) {
		return
	}
	s.mu.Lock()
	var names []string
	for id, k := range s.rows {
		r := s.rec[id]
		r.mu.Lock()
		heard := r.heard
		r.mu.Unlock()
		if heard.After(s.told[id]) && now.Sub(s.told[id]) >= max(tellEvery, k.spec.Every.D()) {
			s.told[id] = now
			names = append(names, k.Name)
		}
	}
	s.mu.Unlock()
	for _, n := range names {
		s.d.Live.Send(live.Note{Topic: topic, Kind: "rounds", ID: n})
	}
}

// PathsFor implements observe.PlacedPaths.
func (s *Service) PathsFor(place string) []edgewire.Path {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []edgewire.Path
	for id, k := range s.rows {
		if k.spec.From == place && !k.spec.Off {
			out = append(out, k.spec.wire(id, s.d.Config.Outbound.AllowMetadata))
		}
	}
	sortPaths(out)
	return out
}

// TakeRounds implements observe.PlacedPaths.
func (s *Service) TakeRounds(ctx context.Context, place string, bs []edgewire.PathBlock) error {
	var ms []minute
	for _, b := range bs {
		s.mu.Lock()
		k, r := s.rows[b.Path], s.rec[b.Path]
		s.mu.Unlock()
		if k == nil || k.spec.From != place {
			continue // it was given to somebody else meanwhile
		}
		r.said(b)
		if len(b.Data) == 0 {
			continue
		}
		rs, err := netpath.Unpack(b.Start.UTC(), b.Data)
		if err != nil {
			return errs.New(errs.Invalid, "The batch has rounds of a path that cannot be read.")
		}
		sortRounds(rs)
		by := map[int64][]*netpath.Round{}
		for _, x := range rs {
			by[x.At.Unix()/60] = append(by[x.At.Unix()/60], x)
		}
		for n, part := range by {
			ms = append(ms, minute{b.Path, n, part})
		}
	}
	if err := s.write(ctx, ms); err != nil {
		return err
	}
	now := s.now()
	for _, m := range ms {
		if r := s.recorder(m.path); r != nil {
			for _, x := range m.rounds {
				if now.Sub(x.At) < keepEnds {
					r.saw(x)
				}
			}
		}
	}
	s.measure(ctx, ms)
	return nil
}

// said keeps what an edge says about the target.
func (r *recorder) said(b edgewire.PathBlock) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.problem = clip(b.Problem, 500)
	if _, err := netip.ParseAddr(b.Address); err == nil {
		r.address = b.Address
	}
}

// state tells the address of a path, and why nothing is measured.
func (s *Service) state(k *kept) (address, problem string) {
	if k.spec.Off {
		return "", ""
	}
	if k.spec.From == "" {
		a, p := s.monitor.State(k.ID)
		if a.IsValid() {
			address = a.String()
		}
		return address, p
	}
	if r := s.recorder(k.ID); r != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.address, r.problem
	}
	return "", ""
}

func clip(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}

var _ observe.PlacedPaths = (*Service)(nil)
