package discovery

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/job"
	"github.com/mainstay-ops/mainstay/internal/estate"
)

// Finding is what a run has to say of an address.
type Finding struct {
	ID       string            `json:"id"`
	RunID    string            `json:"run_id"`
	Address  string            `json:"address"`
	Outcome  string            `json:"outcome" enum:"new,changed,vanished,unchanged"`
	Name     string            `json:"name"`
	About    string            `json:"about" doc:"One line on what it is."`
	Item     string            `json:"item,omitempty" doc:"Name of the item that it is; absent when it is none yet."`
	Changes  []Change          `json:"changes,omitempty"`
	Problems []string          `json:"problems,omitempty"`
	Facts    map[string]string `json:"facts,omitempty"`
	SeenBy   string            `json:"seen_by,omitempty"`
	RTTMS    float64           `json:"rtt_ms,omitempty"`
	LastSeen string            `json:"last_seen,omitempty" doc:"Of one that vanished."`
	FoundAt  time.Time         `json:"found_at"`
}

// like escapes what means something in a LIKE pattern.
var like = strings.NewReplacer("!", "!!", "%", "!%", "_", "!_")

type findingRow struct {
	ID, RunID, JobID, Address, Outcome, Name, About, Detail, Item, Words string
	FoundAt                                                              time.Time
}

// findings lists those of a run or, for drift, all of a job that are not unchanged,
// the newest first.
func (s *Service) findings(ctx context.Context, runID, jobID string, in *FindingsIn) ([]Finding, string, error) {
	where, args, order := "run_id = ?", []any{runID}, "id"
	if runID == "" {
		where, args, order = "job_id = ? AND outcome <> 'unchanged'", []any{jobID}, "id DESC"
	}
	add := func(cond string, vs ...any) { where, args = where+" AND "+cond, append(args, vs...) }
	if len(in.Outcome) > 0 {
		add("outcome IN (?)", bun.In(in.Outcome))
	}
	for _, w := range strings.Fields(strings.ToLower(in.Text)) {
		add("words LIKE ? ESCAPE '!'", "%"+like.Replace(w)+"%")
	}
	switch in.Item {
	case "yes":
		add("item <> ''")
	case "no":
		add("item = ''")
	}
	if in.Cursor != "" {
		if order == "id" {
			add("id > ?", in.Cursor)
		} else {
			add("id < ?", in.Cursor)
		}
	}
	var rows []findingRow
	if err := s.d.DB.Reader().NewRaw("SELECT * FROM discovery_findings WHERE "+where+" ORDER BY "+order+" LIMIT ?", append(args, in.Limit+1)...).Scan(ctx, &rows); err != nil {
		return nil, "", err
	}
	next := ""
	if len(rows) > in.Limit {
		rows = rows[:in.Limit]
		next = rows[in.Limit-1].ID
	}
	out := make([]Finding, len(rows))
	for i, r := range rows {
		var d detail
		if err := json.Unmarshal([]byte(r.Detail), &d); err != nil {
			return nil, "", err
		}
		delete(d.Facts, macsField)
		out[i] = Finding{
			ID: r.ID, RunID: r.RunID, Address: r.Address, Outcome: r.Outcome, Name: r.Name, About: r.About, Item: r.Item, Changes: d.Changes, Problems: d.Problems,
			Facts: d.Facts, SeenBy: d.SeenBy, RTTMS: d.RTTMS, LastSeen: d.Since, FoundAt: r.FoundAt.UTC(),
		}
	}
	return out, next, nil
}

// accept makes items of addresses that a run found.
func (s *Service) accept(ctx context.Context, runID string, addresses []string) ([]Finding, error) {
	if !access.From(ctx).Can(estate.WriteItems) {
		return nil, errs.New(errs.Forbidden, "This needs the permission %s.", estate.WriteItems.Name)
	}
	err := s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		run, err := s.run1(ctx, tx, runID)
		if err != nil {
			return err
		}
		var bad []errs.Field
		for i, addr := range addresses {
			var h hostRow
			if err := tx.NewRaw("SELECT * FROM discovery_hosts WHERE job_id = ? AND address = ?", run.jobID, addr).Scan(ctx, &h); err != nil {
				if err := db.NotFound(err, "x"); !errs.Is(err, errs.NotFound) {
					return err
				}
				bad = append(bad, errs.Field{Path: "addresses[" + itoa(i) + "]", Value: addr, Message: "was not found by this job"})
				continue
			}
			if h.ItemID != "" {
				continue
			}
			var f facts
			if err := json.Unmarshal([]byte(h.Facts), &f); err != nil {
				return err
			}
			it, err := s.placeHost(ctx, tx, f.item("", addr), placed{address: addr, mac: f["mac"], place: run.Spec.From})
			if err != nil {
				return err
			}
			if h.Credential != "" {
				// What an edge reached is read by its next run.
				if run.Spec.From == "" {
					if err := s.d.Jobs.Insert(ctx, tx, readArgs{Item: it.ID, Address: addr, Credential: h.Credential}, job.Options{MaxAttempts: 2, Unique: true}); err != nil {
						return err
					}
				}
				if err := keepReading(ctx, tx, it.ID, h.Credential, addr, run.Spec.From, h.LastSeen, false); err != nil {
					return err
				}
			}
			if err := s.Propose(ctx, tx, it, from(run.Spec.From, f.proposals(it.Name, addr))); err != nil {
				return err
			}
			if _, err := tx.NewRaw("UPDATE discovery_hosts SET item_id = ?, item = ? WHERE job_id = ? AND address = ?", it.ID, it.Name, run.jobID, addr).Exec(ctx); err != nil {
				return err
			}
			if _, err := tx.NewRaw("UPDATE discovery_findings SET item = ? WHERE job_id = ? AND address = ?", it.Name, run.jobID, addr).Exec(ctx); err != nil {
				return err
			}
			if err := audit.Write(ctx, tx, audit.Change{Action: "discovery.accept", Ref: entity.Ref{Kind: "item", ID: it.ID}, Name: it.Name, After: map[string]string{"address": addr, "job": run.Job}}); err != nil {
				return err
			}
		}
		return errs.Fields(bad...)
	})
	if err != nil {
		return nil, err
	}
	var rows []findingRow
	if err := s.d.DB.Reader().NewRaw("SELECT * FROM discovery_findings WHERE run_id = ? AND address IN (?) ORDER BY id", runID, bun.In(addresses)).Scan(ctx, &rows); err != nil {
		return nil, err
	}
	out := make([]Finding, len(rows))
	for i, r := range rows {
		out[i] = Finding{ID: r.ID, RunID: r.RunID, Address: r.Address, Outcome: r.Outcome, Name: r.Name, About: r.About, Item: r.Item, FoundAt: r.FoundAt.UTC()}
	}
	return out, nil
}
