package flow

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"net/netip"
	"slices"
	"sort"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/db"
	netflow "github.com/mainstay-ops/mainstay/internal/core/flow"
)

// The tiers of sums.
const (
	tierMinute = iota
	tierHour
	tierDay
)

// span is how long a bucket of a tier is, in seconds; kept is how long buckets stay,
// in days: minutes long enough for a comparison with the week before. Those of days stay as long as the configuration says.
var (
	span = [3]int64{60, 3600, 86400}
	kept = [3]int64{9, 90, 0}
)

// How many keys hours and days keep.
const (
	keepLong      = 600
	keepLongConvs = 3000
)

// total is the name under which the sums of everything are kept.
const total = "total"

// keptDims are the names under which buckets are kept.
func keptDims() []string {
	return append(dimensionNames(), conversations, total)
}

type state struct {
	Written [3]int64 `json:"written"`
}

func readState(ctx context.Context, q bun.IDB, name string, into any) (found bool, err error) {
	var body string
	err = q.NewRaw("SELECT body FROM flow_state WHERE id = ?", name).Scan(ctx, &body)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, json.Unmarshal([]byte(body), into)
}

func writeState(ctx context.Context, q bun.IDB, name string, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = q.NewRaw("INSERT INTO flow_state (id, body) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body", name, string(body)).Exec(ctx)
	return err
}

// loadWritten reads up to where sums are written; a new server begins now.
func (s *Service) loadWritten(ctx context.Context) error {
	var st state
	found, err := readState(ctx, s.d.DB.Reader(), "written", &st)
	if err != nil {
		return err
	}
	if !found {
		now := s.now().Unix()
		for t := range st.Written {
			st.Written[t] = now / span[t] * span[t]
		}
		// Kept at once: after a kill in the first minute it is counted again from there.
		if err := s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error { return writeState(ctx, tx, "written", st) }); err != nil {
			return err
		}
	}
	for t := range st.Written {
		s.written[t].Store(st.Written[t])
	}
	return nil
}

// writtenWith gives the state with one tier changed.
func (s *Service) writtenWith(tier int, at int64) state {
	var st state
	for t := range st.Written {
		st.Written[t] = s.written[t].Load()
	}
	st.Written[tier] = at
	return st
}

func putBucket(ctx context.Context, tx *db.Tx, tier int, dim string, at int64, body []byte) error {
	_, err := tx.NewRaw("INSERT INTO flow_rollups (tier, dimension, at, body) VALUES (?, ?, ?, ?) ON CONFLICT (tier, dimension, at) DO UPDATE SET body = excluded.body", tier, dim, at, body).Exec(ctx)
	return err
}

// saveMinutes writes minutes and up to where they are complete in one transaction.
func (s *Service) saveMinutes(ctx context.Context, ms []*minute, upTo int64) error {
	type packed struct {
		dim  string
		at   int64
		body []byte
	}
	var rows []packed
	for _, m := range ms {
		for _, dim := range keptDims() {
			rows = append(rows, packed{dim, m.at, s.packer.pack(m.bucket(dim))})
		}
	}
	return s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		for _, r := range rows {
			if err := putBucket(ctx, tx, tierMinute, r.dim, r.at, r.body); err != nil {
				return err
			}
		}
		return writeState(ctx, tx, "written", s.writtenWith(tierMinute, upTo))
	})
}

type rollupRow struct {
	At   int64
	Body []byte
}

// buckets reads what is kept of a dimension, in parts, by time.
func (s *Service) buckets(ctx context.Context, tier int, dim string, from, to int64, each func(at int64, body []byte) error) error {
	const part = 500
	for from < to {
		var rows []rollupRow
		if err := s.d.DB.Reader().NewRaw("SELECT at, body FROM flow_rollups WHERE tier = ? AND dimension = ? AND at >= ? AND at < ? ORDER BY at LIMIT ?", tier, dim, from, to, part).Scan(ctx, &rows); err != nil {
			return err
		}
		for _, r := range rows {
			if err := each(r.At, r.Body); err != nil {
				return err
			}
		}
		if len(rows) < part {
			return nil
		}
		from = rows[len(rows)-1].At + 1
	}
	return nil
}

// climb makes hours of minutes and days of hours, as far as these are complete.
func (s *Service) climb(ctx context.Context) error {
	for tier := tierHour; tier <= tierDay; tier++ {
		for ctx.Err() == nil {
			at := s.written[tier].Load()
			if at+span[tier] > s.written[tier-1].Load() {
				break
			}
			// Nothing may have been sent for long.
			var first sql.NullInt64
			if err := s.d.DB.Reader().NewRaw("SELECT MIN(at) FROM flow_rollups WHERE tier = ? AND dimension = ? AND at >= ?", tier-1, total, at).Scan(ctx, &first); err != nil {
				return err
			}
			complete := s.written[tier-1].Load() / span[tier] * span[tier]
			if !first.Valid || first.Int64/span[tier]*span[tier] >= complete {
				at = complete - span[tier]
			} else {
				at = max(at, first.Int64/span[tier]*span[tier])
			}
			if err := s.climbOne(ctx, tier, at); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Service) climbOne(ctx context.Context, tier int, at int64) error {
	s.tiers.Lock()
	defer s.tiers.Unlock()
	bodies := map[string][]byte{}
	for _, dim := range keptDims() {
		sum, found := newGather(), false
		err := s.buckets(ctx, tier-1, dim, at, at+span[tier], func(_ int64, body []byte) error {
			found = true
			other, err := s.packer.unpack(body, sum.add)
			sum.other.add(other)
			return err
		})
		if err != nil {
			return err
		}
		if !found {
			continue
		}
		most := keepLong
		if dim == conversations {
			most = keepLongConvs
		}
		bodies[dim] = s.packer.pack(sum.bucket(most))
	}
	err := s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		for dim, body := range bodies {
			if err := putBucket(ctx, tx, tier, dim, at, body); err != nil {
				return err
			}
		}
		return writeState(ctx, tx, "written", s.writtenWith(tier, at+span[tier]))
	})
	if err == nil {
		s.written[tier].Store(at + span[tier])
	}
	return err
}

// gathered sums buckets by key.
type gathered struct {
	m     map[string]*sums
	other sums
}

func newGather() *gathered { return &gathered{m: map[string]*sums{}} }

func (g *gathered) add(key []byte, s sums) {
	v := g.m[string(key)]
	if v == nil {
		v = &sums{}
		g.m[string(key)] = v
	}
	v.add(s)
}

func (g *gathered) bucket(most int) bucket {
	t := &tally[string]{m: g.m, other: g.other}
	return t.bucket(most, func(s string) string { return s })
}

// prune deletes buckets that are older than they are kept.
func (s *Service) prune(ctx context.Context) error {
	now := s.now().Unix()
	return s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		for tier, days := range kept {
			age := days * 86400
			if tier == tierDay {
				age = int64(s.d.Config.Flows.History.D() / time.Second)
			}
			for _, dim := range keptDims() {
				if _, err := tx.NewRaw("DELETE FROM flow_rollups WHERE tier = ? AND dimension = ? AND at < ?", tier, dim, now-age).Exec(ctx); err != nil {
					return err
				}
			}
		}
		_, err := tx.NewRaw("DELETE FROM flow_findings WHERE ended_at < ?", tx.Now().Add(-s.d.Config.History.Retention.D())).Exec(ctx)
		return err
	})
}

// loadTemplates gives the decoder what it knew.
func (s *Service) loadTemplates(ctx context.Context) error {
	var snap netflow.Snapshot
	if _, err := readState(ctx, s.d.DB.Reader(), "templates", &snap); err != nil {
		// What cannot be read is learned again.
		s.d.Logger.Error("templates of flow exporters cannot be read", "error", err)
		return nil
	}
	s.decoder.Restore(snap)
	s.learned = s.decoder.Learned()
	return nil
}

// saveLearned writes templates and exporters that changed.
func (s *Service) saveLearned(ctx context.Context) error {
	var rows []exporterRow
	for _, x := range s.exporters.all() {
		if r, ok := x.row(); ok {
			rows = append(rows, r)
		}
	}
	learned := s.decoder.Learned()
	if len(rows) == 0 && learned == s.learned {
		return nil
	}
	err := s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		if learned != s.learned {
			if err := writeState(ctx, tx, "templates", s.decoder.Snapshot()); err != nil {
				return err
			}
		}
		for _, r := range rows {
			if _, err := tx.NewRaw("INSERT INTO flow_exporters (address, item_id, first_at, last_at, names, figures) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (address) DO UPDATE SET item_id = excluded.item_id, last_at = excluded.last_at, names = excluded.names, figures = excluded.figures",
				r.Address, r.ItemID, r.FirstAt, r.LastAt, r.Names, r.Figures).Exec(ctx); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		s.learned = learned
		return nil
	}
	for _, r := range rows { // again next time
		a, _ := parseOrigin(r.Address)
		if x := s.exporters.get(a); x != nil {
			x.mu.Lock()
			x.dirty = true
			x.mu.Unlock()
		}
	}
	return err
}

// loadNetworks reads the address plan.
func (s *Service) loadNetworks(ctx context.Context) {
	if s.prefixes == nil {
		return
	}
	ps, err := s.prefixes.Prefixes(ctx, s.d.DB.Reader())
	if err != nil {
		s.d.Logger.Warn("the networks of the address plan cannot be read", "error", err)
		return
	}
	n := &networks{lengths: map[bool][]int{}, known: make(map[netip.Prefix]bool, len(ps))}
	for _, p := range ps {
		n.known[p] = true
		if four := p.Addr().Is4(); !slices.Contains(n.lengths[four], p.Bits()) {
			n.lengths[four] = append(n.lengths[four], p.Bits())
		}
	}
	for _, l := range n.lengths {
		sort.Sort(sort.Reverse(sort.IntSlice(l)))
	}
	s.nets.Store(n)
	s.judge.setPlan(ps)
}
