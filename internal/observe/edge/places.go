package edge

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/edgewire"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

const (
	// lookEvery is how often the silence of edges is looked for.
	lookEvery = 5 * time.Second
	// settle joins changes of checks that come together into one hint.
	settle = 200 * time.Millisecond
)

// place is r as checks see it.
func (s *Service) place(r *edgeRow, now, heard time.Time, behind bool) observe.Place {
	p := observe.Place{Name: r.Name}
	switch {
	case r.RevokedAt != nil:
		p.Why = "was revoked"
	case s.hub.addr == "":
		p.Why = "cannot reach the server: edges.listen is off"
	case heard.IsZero() && r.LastSeenAt == nil:
		p.Why = "was not heard of yet"
	case heard.IsZero() && r.Present && now.Sub(s.started) < lateAfter:
		p.Present = true // this process has just begun to listen
	case heard.IsZero() || now.Sub(heard) > lateAfter:
		p.Why = "is silent"
	case behind:
		p.Why = "delivers what it kept while it was cut off"
	default:
		p.Present = true
	}
	return p
}

// refreshPlaces tells checks how the edges are. What changed is stored first.
func (s *Service) refreshPlaces(ctx context.Context) error {
	s.pushing.Lock()
	defer s.pushing.Unlock()
	ctx = access.AsSystem(ctx)
	var rows []edgeRow
	if err := s.d.DB.Reader().NewSelect().Model(&rows).OrderExpr("name").Scan(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	clear(s.ids)
	for i := range rows {
		s.ids[rows[i].Name] = rows[i].ID
	}
	s.mu.Unlock()
	now := s.now()
	next, list := map[string]observe.Place{}, make([]observe.Place, 0, len(rows))
	for i := range rows {
		x := s.session(rows[i].ID)
		x.mu.Lock()
		heard, behind := x.heard, x.behind
		x.mu.Unlock()
		p := s.place(&rows[i], now, heard, behind)
		next[p.Name] = p
		list = append(list, p)
		if p.Present == rows[i].Present {
			continue
		}
		err := s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.NewRaw("UPDATE edges SET present = ? WHERE id = ?", p.Present, rows[i].ID).Exec(ctx)
			return err
		})
		if err != nil {
			return err
		}
	}
	if s.told != nil && maps.Equal(s.told, next) {
		return nil
	}
	for n, p := range next {
		if s.told[n] != p {
			s.changed(n)
		}
	}
	s.told = next
	s.checks.SetPlaces(list)
	return nil
}

// watch looks for silence, and opens the port when it could not be opened before.
func (s *Service) watch(ctx context.Context) {
	t := time.NewTicker(lookEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		if err := s.refreshPlaces(ctx); err != nil && ctx.Err() == nil {
			s.d.Logger.Warn("the states of edges cannot be read", "error", err)
		}
		s.hub.retry()
	}
}

// hint tells connected edges that their checks may have changed.
func (s *Service) hint(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.changes:
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(settle):
		}
		s.mu.Lock()
		ids := slices.Collect(maps.Keys(s.live))
		s.mu.Unlock()
		for _, id := range ids {
			s.hub.publish(edgewire.Subject(id, edgewire.ToldConfig), nil)
		}
	}
}

// RunNow implements observe.Places.
func (s *Service) RunNow(place, checkID string) {
	s.mu.Lock()
	id := s.ids[place]
	s.mu.Unlock()
	b, err := json.Marshal([]string{checkID})
	if id == "" || err != nil {
		return
	}
	s.hub.publish(edgewire.Subject(id, edgewire.ToldRun), b)
}

// configOf gives what the edge is to run, made anew when checks changed.
func (s *Service) configOf(r *edgeRow) (body []byte, revision string, err error) {
	gen := s.generation.Load()
	x := s.session(r.ID)
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.generation == gen {
		return x.config, x.revision, nil
	}
	c := edgewire.Config{Checks: []edgewire.Check{}}
	for _, p := range s.checks.ChecksFor(r.Name) {
		c.Checks = append(c.Checks, edgewire.Check{
			ID: p.ID, Name: p.Name, Type: p.Type, EveryMS: p.Every.Milliseconds(), RetryMS: p.RetryEvery.Milliseconds(), TimeoutMS: p.Timeout.Milliseconds(),
			Attempts: p.Attempts, AllowMeta: s.d.Config.Outbound.AllowMetadata, Probe: p.Probe,
		})
	}
	c.Devices = s.devices.DevicesFor(r.Name)
	if s.paths != nil {
		c.Paths = s.paths.PathsFor(r.Name)
	}
	c.Receive = r.receive()
	if s.traps != nil && c.Receive.Listen[edgewire.PortTrap] != "" {
		if c.TrapKeys, err = s.traps.TrapKeys(access.AsSystem(s.ctx)); err != nil {
			return nil, "", err
		}
	}
	raw, err := json.Marshal(c)
	if err != nil {
		return nil, "", err
	}
	c.Revision = sum(raw)
	if raw, err = json.Marshal(c); err != nil {
		return nil, "", err
	}
	if len(raw) > edgewire.MaxMessage-(1<<20) {
		return nil, "", errs.New(errs.TooLarge, "Edge %s has too many checks and devices: their configuration is larger than %d MiB. Give some to another edge.", r.Name, edgewire.MaxMessage>>20)
	}
	x.config, x.revision, x.generation = raw, c.Revision, gen
	return raw, c.Revision, nil
}
