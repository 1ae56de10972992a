package flow

import (
	"context"
	"encoding/json"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/apply"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/event"
	"github.com/mainstay-ops/mainstay/internal/core/id"
	"github.com/mainstay-ops/mainstay/internal/core/live"
	"github.com/mainstay-ops/mainstay/internal/detect"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/observe"
	"github.com/mainstay-ops/mainstay/internal/observe/flow/unusual"
)

// judgeSaveEvery is how often what is usual is written.
const judgeSaveEvery = 5 * time.Minute

// judge holds the engine that tells unusual traffic.
type judge struct {
	mu       sync.Mutex
	engine   *unusual.Engine
	settings unusual.Settings
	plan     []netip.Prefix // networks of the address plan that are not private

	// What could not be told yet; only keep touches these.
	raised []unusual.Finding
	ended  []unusual.Ended
}

func (j *judge) observe(batch []record) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for i := range batch {
		r := &batch[i]
		j.engine.Observe(unusual.Record{
			At: r.at, Src: r.Src, Dst: r.Dst, Protocol: r.Protocol, DstPort: r.DstPort, ToServer: r.toServer(), Flags: r.TCPFlags,
			Bytes: r.Bytes, Packets: r.Packets, Service: r.service.String(),
		})
	}
}

// use puts settings in force, with the networks of the address plan as the inside.
func (j *judge) use(v unusual.Settings) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.settings = v
	j.inForce()
}

// maxPlan is how many networks of the address plan count as the inside.
const maxPlan = 200

// setPlan takes the networks of the address plan that are not private anyway.
func (j *judge) setPlan(ps []netip.Prefix) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.plan = j.plan[:0]
	for _, p := range ps {
		if len(j.plan) < maxPlan && !p.Addr().IsPrivate() && !p.Addr().IsLoopback() && !p.Addr().IsLinkLocalUnicast() && p.Bits() > 0 {
			j.plan = append(j.plan, p)
		}
	}
	if j.engine != nil {
		j.inForce()
	}
}

func (j *judge) inForce() {
	v := j.settings
	v.Inside = append([]string{}, v.Inside...)
	for _, p := range j.plan {
		v.Inside = append(v.Inside, p.String())
	}
	j.engine.Change(v)
}

func (j *judge) current() unusual.Settings {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.settings
}

type findingRow struct {
	bun.BaseModel `bun:"table:flow_findings"`

	ID          string     `bun:"id,pk"`
	Fingerprint string     `bun:"fingerprint"`
	Kind        string     `bun:"kind"`
	Key         string     `bun:"key"`
	Subject     string     `bun:"subject"`
	Peer        string     `bun:"peer"`
	Port        int        `bun:"port"`
	ItemID      string     `bun:"item_id"`
	Title       string     `bun:"title"`
	Reason      string     `bun:"reason"`
	Critical    bool       `bun:"critical"`
	BeganAt     time.Time  `bun:"began_at"`
	DetectedAt  time.Time  `bun:"detected_at"`
	EndedAt     *time.Time `bun:"ended_at"`
	EndReason   string     `bun:"end_reason"`
}

func fingerprint(k unusual.Kind, key string) string { return "flow:" + string(k) + ":" + key }

// loadJudge makes the engine with what was learned and what is open.
func (s *Service) loadJudge(ctx context.Context) error {
	q := s.d.DB.Reader()
	set := unusual.Defaults()
	if _, err := readState(ctx, q, "settings", &set); err != nil {
		return err
	}
	s.judge.engine = unusual.New(set)
	var snap unusual.Snapshot
	if _, err := readState(ctx, q, "usual", &snap); err != nil {
		// It is learned again.
		s.d.Logger.Error("what is usual of traffic cannot be read", "error", err)
		snap = unusual.Snapshot{}
	}
	var rows []findingRow
	if err := q.NewSelect().Model(&rows).Where("ended_at IS NULL").Scan(ctx); err != nil {
		return err
	}
	snap.Open = nil
	for _, r := range rows {
		f := unusual.Finding{Kind: unusual.Kind(r.Kind), Key: r.Key, Title: r.Title, Reason: r.Reason, Critical: r.Critical, Began: r.BeganAt, At: r.DetectedAt, Port: uint16(r.Port)} //nolint:gosec // written from 16 bits
		f.Subject, _ = netip.ParseAddr(r.Subject)
		f.Peer, _ = netip.ParseAddr(r.Peer)
		snap.Open = append(snap.Open, f)
	}
	s.judge.engine.Restore(snap)
	s.judge.use(set)
	if _, err := readState(ctx, q, "evident", &s.evident); err != nil || s.evident == nil {
		s.evident = map[string]bool{}
	}
	return nil
}

func (s *Service) saveJudge(ctx context.Context) error {
	s.judge.mu.Lock()
	snap := s.judge.engine.Snapshot()
	s.judge.mu.Unlock()
	if snap.Begun.IsZero() {
		return nil // nothing came yet
	}
	snap.Open = nil
	return s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error { return writeState(ctx, tx, "usual", snap) })
}

// tell asks the engine what is unusual and tells it.
func (s *Service) tell(ctx context.Context, now time.Time) error {
	j := &s.judge
	j.mu.Lock()
	raised, ended := j.engine.Tick(now)
	j.mu.Unlock()
	j.raised, j.ended = append(j.raised, raised...), append(j.ended, ended...)
	if len(j.raised)+len(j.ended) == 0 {
		return nil
	}
	l := s.labels(ctx)
	err := s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		for _, f := range j.raised {
			if err := s.raise(ctx, tx, l, f); err != nil {
				return err
			}
		}
		for _, f := range j.ended {
			if err := s.end(ctx, tx, f); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err // and again with the next tick
	}
	j.raised, j.ended = nil, nil
	s.d.Live.Send(live.Note{Topic: "flows", Kind: "unusual"})
	return nil
}

func (s *Service) raise(ctx context.Context, tx *db.Tx, l *labeler, f unusual.Finding) error {
	fp := fingerprint(f.Kind, f.Key)
	r := findingRow{
		ID: id.New(), Fingerprint: fp, Kind: string(f.Kind), Key: f.Key, Subject: f.Subject.String(), Port: int(f.Port), Title: f.Title, Reason: f.Reason,
		Critical: f.Critical, BeganAt: f.Began.UTC(), DetectedAt: f.At.UTC(),
	}
	if f.Peer.IsValid() {
		r.Peer = f.Peer.String()
	}
	// It is about the item that does it, or, when that is none, to which it is done.
	for _, a := range []string{r.Subject, r.Peer} {
		name := ""
		if a != "" {
			name = l.itemIn(ctx, tx, a)
		}
		if name == "" {
			continue
		}
		r.Reason += " " + a + " is " + name + "."
		if r.ItemID != "" {
			continue
		}
		it, err := s.items.ByName(ctx, tx, name)
		if err == nil {
			r.ItemID = it.ID
			r.Title += " (" + name + ")"
		}
	}
	var item estate.Item
	if r.ItemID != "" {
		its, err := s.items.ByIDs(ctx, tx, []string{r.ItemID})
		if err != nil {
			return err
		}
		item = its[r.ItemID]
	}
	if _, err := tx.NewInsert().Model(&r).Exec(ctx); err != nil {
		return err
	}
	severity := "warning"
	if f.Critical {
		severity = "critical"
	}
	labels := map[string]string{"kind": string(f.Kind), "address": r.Subject}
	if r.Peer != "" {
		labels["peer"] = r.Peer
	}
	if f.Port != 0 {
		labels["port"] = strconv.Itoa(int(f.Port))
	}
	return s.d.Events.Append(ctx, tx, detect.SignalRaised{
		Fingerprint: fp, Rule: "traffic " + string(f.Kind), Severity: severity, Title: r.Title, Output: r.Reason, ItemID: item.ID, TeamID: item.OwnerTeamID,
		Labels: labels, StartedAt: r.BeganAt, DetectedAt: r.DetectedAt,
	})
}

func (s *Service) end(ctx context.Context, tx *db.Tx, f unusual.Ended) error {
	fp := fingerprint(f.Kind, f.Key)
	if _, err := tx.NewRaw("UPDATE flow_findings SET ended_at = ?, end_reason = ? WHERE fingerprint = ? AND ended_at IS NULL", f.At.UTC(), f.Reason, fp).Exec(ctx); err != nil {
		return err
	}
	return s.d.Events.Append(ctx, tx, detect.SignalCleared{Fingerprint: fp, Rule: "traffic " + string(f.Kind), At: f.At.UTC(), Reason: f.Reason})
}

// maxImportant bounds the items whose talkers are known.
const maxImportant = 5_000

// important tells the engine which addresses belong to items that matter.
func (s *Service) important(ctx context.Context) {
	if s.catalog == nil || s.network == nil {
		return
	}
	q := s.d.DB.Reader()
	var ids []string
	after := ""
	for len(ids) < maxImportant {
		page, err := s.catalog.Catalog(ctx, q, estate.CatalogFilter{After: after, Limit: 500})
		if err != nil {
			s.d.Logger.Warn("important items cannot be listed", "error", err)
			return
		}
		for _, it := range page {
			if it.Criticality == estate.Critical || it.Criticality == estate.High {
				ids = append(ids, it.ID)
			}
		}
		if len(page) < 500 {
			break
		}
		after = page[len(page)-1].Name
	}
	var addrs []netip.Addr
	if len(ids) > 0 {
		byItem, err := s.network.Addresses(ctx, q, ids)
		if err != nil {
			s.d.Logger.Warn("the addresses of important items cannot be read", "error", err)
			return
		}
		for _, list := range byItem {
			for _, a := range list {
				if ip, err := netip.ParseAddr(a.Address); err == nil && !ip.IsLoopback() && !ip.IsLinkLocalUnicast() {
					addrs = append(addrs, ip.Unmap())
				}
			}
		}
	}
	s.judge.mu.Lock()
	s.judge.engine.SetImportant(addrs)
	s.judge.mu.Unlock()
}

// saveSettings changes what is judged; they hold after the commit.
func (s *Service) saveSettings(ctx context.Context, tx *db.Tx, v unusual.Settings) (changed bool, err error) {
	if v.Off == nil {
		v.Off = []unusual.Kind{}
	}
	if v.Ignore == nil {
		v.Ignore = []string{}
	}
	if v.Inside == nil {
		v.Inside = []string{}
	}
	if err := access.Check(ctx, observe.WriteFlows, ""); err != nil {
		return false, err
	}
	if err := v.Check(); err != nil {
		return false, err
	}
	before := s.judge.current()
	a, _ := json.Marshal(before)
	b, err := json.Marshal(v)
	if err != nil || string(a) == string(b) {
		return false, err
	}
	if err := writeState(ctx, tx, "settings", v); err != nil {
		return false, err
	}
	tx.AfterCommit(func() { s.judge.use(v) })
	return true, audit.Write(ctx, tx, audit.Change{Action: "flow.settings", Ref: entity.Ref{Kind: "setting", ID: "flows"}, Name: "Unusual traffic", Before: before, After: v})
}

// Resources implements module.HasResources.
func (s *Service) Resources() []apply.Resource {
	return []apply.Resource{{
		Key: "unusual_traffic", Order: 60, Single: true, Need: observe.WriteFlows,
		New: func() any {
			v := unusual.Defaults()
			return &v
		},
		Apply: func(ctx context.Context, tx *db.Tx, entry any) (apply.Change, error) {
			c := apply.Change{Outcome: apply.Unchanged}
			changed, err := s.saveSettings(ctx, tx, *entry.(*unusual.Settings))
			if changed {
				c.Outcome = apply.Updated
			}
			return c, err
		},
		Export: func(context.Context, bun.IDB) ([]any, error) {
			v := s.judge.current()
			a, err := json.Marshal(v)
			if b, _ := json.Marshal(unusual.Defaults()); err != nil || string(a) == string(b) {
				return nil, err
			}
			return []any{&v}, nil
		},
	}}
}

// Subscribe implements module.HasEvents.
func (s *Service) Subscribe(r *event.Router) {
	event.On(r, func(ctx context.Context, tx *db.Tx, f estate.ItemMerged, _ event.Meta) error {
		_, err := tx.NewRaw("UPDATE flow_findings SET item_id = ? WHERE item_id = ?", f.ItemID, f.GoneID).Exec(ctx)
		return err
	})
}
