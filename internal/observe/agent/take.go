package agent

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/agentwire"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// Take keeps a batch, once. Figures and check results go first: taken twice they are
// the same, because the stores know them by their time. All else is written in one
// transaction with the sequence number, so a crash on either side loses nothing and
// doubles nothing.
func (s *Service) Take(ctx context.Context, a *agentRow, b *agentwire.Batch, address string) (agentwire.Answer, error) {
	out := agentwire.Answer{Boot: b.Boot, Seq: b.Seq, Settings: s.settings()}
	x := s.session(a.ID)
	x.busy.Lock()
	defer x.busy.Unlock()
	last, err := s.lastSeq(ctx, a.ID, b.Boot)
	if err != nil {
		return out, err
	}
	now := s.now()
	skew := time.Duration(0)
	if !b.SentAt.IsZero() {
		skew = b.SentAt.Sub(now)
	}
	if err := s.orders(x, a, b, &out); err != nil {
		return out, err
	}
	if b.Seq <= last {
		out.Duplicate = true
		return out, s.seen(ctx, a, b, address, skew)
	}
	if err := s.figures(ctx, x, a, b); err != nil {
		return out, err
	}
	if err := s.lines(ctx, x, a, b, address); err != nil {
		return out, err
	}
	if err := s.placed(ctx, x, a, b); err != nil {
		return out, err
	}
	s.localResults(ctx, a, b)
	err = s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := s.mark(ctx, tx, a, b, address, skew); err != nil {
			return err
		}
		if _, err := tx.NewRaw("INSERT INTO agent_streams (agent_id, boot, seq, at) VALUES (?, ?, ?, ?) ON CONFLICT (agent_id, boot) DO UPDATE SET seq = excluded.seq, at = excluded.at", a.ID, clean(b.Boot, 100), b.Seq, tx.Now()).Exec(ctx); err != nil {
			return err
		}
		if b.Processes != nil {
			body, err := json.Marshal(b.Processes)
			if err != nil {
				return err
			}
			if err := newest(ctx, tx, a.ID, "process", strings.ReplaceAll(string(body), `\u0000`, ""), b.At); err != nil {
				return err
			}
		}
		if b.Inventory != nil {
			return s.inventory(ctx, tx, a, b.Inventory)
		}
		return nil
	})
	if err != nil {
		return out, err
	}
	x.unsure = false
	s.alive(ctx, a, b, skew)
	return out, nil
}

func (s *Service) lastSeq(ctx context.Context, agentID, boot string) (int64, error) {
	var last int64
	err := s.d.DB.Reader().NewRaw("SELECT seq FROM agent_streams WHERE agent_id = ? AND boot = ?", agentID, clean(boot, 100)).Scan(ctx, &last)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return last, err
}

// newest keeps a snapshot unless a newer one is there: what an agent kept while the
// server was away comes in order, but two boots may overlap.
func newest(ctx context.Context, tx *db.Tx, agentID, kind, body string, at time.Time) error {
	var have []time.Time
	if err := tx.NewRaw("SELECT at FROM agent_snapshots WHERE agent_id = ? AND kind = ?", agentID, kind).Scan(ctx, &have); err != nil {
		return err
	}
	if len(have) > 0 && have[0].After(at) {
		return nil
	}
	return setSnapshot(ctx, tx, agentID, kind, body, at.UTC())
}

// seen notes a sign of life of a batch that was kept before.
func (s *Service) seen(ctx context.Context, a *agentRow, b *agentwire.Batch, address string, skew time.Duration) error {
	err := s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error { return s.mark(ctx, tx, a, b, address, skew) })
	if err == nil {
		s.alive(ctx, a, b, skew)
	}
	return err
}

// mark writes the sign of life; it refuses an agent that was revoked meanwhile.
func (s *Service) mark(ctx context.Context, tx *db.Tx, a *agentRow, b *agentwire.Batch, address string, skew time.Duration) error {
	version := clean(b.Version, 50)
	if version == "" {
		version = a.Version
	}
	res, err := tx.NewRaw("UPDATE agents SET last_seen_at = ?, skew_ms = ?, version = ?, address = ?, reported = ? WHERE id = ? AND revoked_at IS NULL", tx.Now(), bounded(skew).Milliseconds(), version, clean(address, 100), clean(asJSON(b.State), 16<<10), a.ID).Exec(ctx)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, errs.New(errs.Forbidden, "This agent was revoked on the server. Enroll the host again with a new token."))
	}
	before := a.state(tx.Now())
	tx.AfterCommit(func() {
		if before != StateUp || reported(a.Reported).Program != b.State.Program || reported(a.Reported).FailedTry != b.State.FailedTry {
			s.changed(a.Name)
		}
	})
	return nil
}

// bounded keeps a difference of clocks within a hundred years.
func bounded(d time.Duration) time.Duration {
	const limit = 100 * 365 * 24 * time.Hour
	return max(-limit, min(limit, d))
}

// alive sends the result of the check "<item> agent". It is about now, whenever the
// batch was made: a late delivery is a sign of life as well.
func (s *Service) alive(ctx context.Context, a *agentRow, b *agentwire.Batch, skew time.Duration) {
	r := observe.Result{Status: observe.OK, Start: s.now(), Output: "The agent delivers."}
	if late := s.now().Sub(b.At) - max(-skew, 0); late > 5*time.Minute {
		r.Output = fmt.Sprintf("The agent delivers what it kept; this is from %s.", b.At.UTC().Format("2006-01-02 15:04 UTC"))
	}
	if skew.Abs() > skewWarns {
		r.Status, r.Output = observe.Warning, fmt.Sprintf("The clock of the host differs by %s.", skew.Round(time.Second))
	}
	if err := s.results.SendResult(ctx, a.CheckName, r); err != nil && !errs.Is(err, errs.NotFound) {
		s.d.Logger.Warn("a sign of life could not be told", "agent", a.Name, "error", err)
	}
}

// localResults hands on what checks on the host found. A check belongs to the host
// when its name begins with that of the item: an agent cannot speak for others.
func (s *Service) localResults(ctx context.Context, a *agentRow, b *agentwire.Batch) {
	for _, c := range b.Checks {
		if !strings.HasPrefix(c.Check, a.Name+" ") || c.Check == a.CheckName {
			continue
		}
		st, err := observe.ParseStatus(c.State)
		if err != nil {
			continue
		}
		err = s.results.SendResult(ctx, c.Check, observe.Result{Status: st, Output: clean(c.Output, 1000), Start: c.At, Duration: time.Duration(min(max(c.DurationMS, 0), 1<<32)) * time.Millisecond})
		if err != nil && !errs.Is(err, errs.NotFound) {
			s.d.Logger.Debug("a result of a local check was not taken", "agent", a.Name, "check", c.Check, "error", err)
		}
	}
}

// figures appends the samples with the labels of the host.
func (s *Service) figures(ctx context.Context, x *session, a *agentRow, b *agentwire.Batch) error {
	if len(b.Points) == 0 {
		return nil
	}
	if x.told != a.Name {
		// The item has another name: its series go on under that.
		clear(x.series)
		x.told = a.Name
	}
	ids := make([]observe.SeriesID, len(b.Series))
	ok := make([]bool, len(b.Series))
	for i, sr := range b.Series {
		key, err := json.Marshal(sr)
		if err != nil || len(sr.Labels) > 30 {
			continue
		}
		sid, known := x.series[string(key)]
		if !known {
			ls := map[string]string{"__name__": sr.Name, "item": a.Name, "agent": a.ID}
			for k, v := range sr.Labels {
				if _, own := ls[k]; !own {
					ls[k] = clean(v, 500)
				}
			}
			if sid, err = s.metrics.Series(source(a.ID), ls); err != nil {
				continue // a bad label or too many series: the figure is dropped, the rest is kept
			}
			x.series[string(key)] = sid
		}
		ids[i], ok[i] = sid, true
	}
	samples := make([]observe.Sample, 0, len(b.Points))
	for _, p := range b.Points {
		if ok[p.Series] {
			samples = append(samples, observe.Sample{Series: ids[p.Series], At: time.UnixMilli(p.At), Value: p.Value})
		}
	}
	return s.metrics.Append(ctx, samples)
}

// Processes of a host.
type Processes struct {
	At        *time.Time          `json:"at,omitempty"`
	Processes []agentwire.Process `json:"processes"`
}

func (s *Service) processes(ctx context.Context, name string) (Processes, error) {
	out := Processes{Processes: []agentwire.Process{}}
	q := s.d.DB.Reader()
	r, err := s.readable(ctx, q, name)
	if err != nil {
		return out, err
	}
	var row struct {
		Body string
		At   time.Time
	}
	err = q.NewRaw("SELECT body, at FROM agent_snapshots WHERE agent_id = ? AND kind = 'process'", r.ID).Scan(ctx, &row)
	if errors.Is(err, sql.ErrNoRows) {
		return out, nil
	}
	if err != nil {
		return out, err
	}
	at := row.At.UTC()
	out.At = &at
	return out, json.Unmarshal([]byte(row.Body), &out.Processes)
}
