package agent

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/id"
	"github.com/mainstay-ops/mainstay/internal/core/spread"
)

// UpdateRequest says which agents are to become the program that the server has.
type UpdateRequest struct {
	Agents []string          `json:"agents,omitempty" maxItems:"10000" doc:"Names of hosts; without them every agent that you may change."`
	Labels map[string]string `json:"labels,omitempty" doc:"Only agents with these labels."`
	Share  int               `json:"share,omitempty" minimum:"0" maximum:"100" doc:"Percent of those that have another program, at least one; 100 when not given. The next request takes the next."`
}

// UpdateAnswer says what was begun.
type UpdateAnswer struct {
	Asked []string `json:"asked" doc:"Agents that are to update now."`
	// Left have another program and were not asked, because of share.
	Left int `json:"left"`
	// Skipped cannot update, by name, with the reason.
	Skipped map[string]string `json:"skipped"`
}

// Update asks agents to become the program that the server has for their platform.
func (s *Service) Update(ctx context.Context, in UpdateRequest) (UpdateAnswer, error) {
	out := UpdateAnswer{Asked: []string{}, Skipped: map[string]string{}}
	have := s.programMap()
	err := s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		var rows []agentRow
		where, args := access.Where(ctx, WriteAgents, "team_id")
		if err := tx.NewSelect().Model(&rows).Where("revoked_at IS NULL").Where(where, args...).OrderExpr("name").Scan(ctx); err != nil {
			return err
		}
		byName := map[string]*agentRow{}
		for i := range rows {
			byName[rows[i].Name] = &rows[i]
		}
		if len(in.Agents) == 0 {
			for i := range rows {
				in.Agents = append(in.Agents, rows[i].Name)
			}
		}
		slices.Sort(in.Agents)
		var fit []*agentRow
		asked := 0
		for _, n := range slices.Compact(in.Agents) {
			r := byName[n]
			if r == nil {
				return errs.Fields(errs.Field{Path: "agents", Value: n, Message: "is not an agent that you may change"})
			}
			if !hasLabels(r, in.Labels) {
				continue
			}
			p := s.programOf(r, have)
			switch {
			case p.State == "current":
			case p.State == "asked" && in.Share > 0:
				asked++ // of a share before
			case p.State == "unknown":
				out.Skipped[n] = "It did not say which program it is. Agents older than version updates must be installed again."
			case p.State == "none":
				out.Skipped[n] = fmt.Sprintf("This server has no program for %s.", p.Platform)
			case !p.Updates:
				out.Skipped[n] = "It does not update itself: its system or its agent.yaml does not allow it."
			default:
				fit = append(fit, r)
			}
		}
		// The same share meets the same hosts, spread over all.
		slices.SortFunc(fit, func(a, b *agentRow) int { return cmp.Compare(spread.Hash(a.ID), spread.Hash(b.ID)) })
		if in.Share > 0 && in.Share < 100 && len(fit) > 0 {
			n := max(1, len(fit)*in.Share/100)
			out.Left = len(fit) - n
			fit = fit[:n]
		}
		for _, r := range fit {
			x := have[reported(r.Reported).Platform]
			if _, err := tx.NewRaw("UPDATE agents SET update_try = ?, update_program = ?, update_at = ?, updated_at = ? WHERE id = ?", id.New(), x.SHA256, tx.Now(), tx.Now(), r.ID).Exec(ctx); err != nil {
				return err
			}
			out.Asked = append(out.Asked, r.Name)
			if err := audit.Write(ctx, tx, audit.Change{Action: "agent.update_program", Ref: ref(r.ID), Name: r.Name, Before: map[string]string{"program": reported(r.Reported).Program}, After: map[string]string{"program": x.SHA256}}); err != nil {
				return err
			}
		}
		tx.AfterCommit(func() {
			for _, n := range out.Asked {
				s.changed(n)
			}
		})
		return nil
	})
	slices.SortFunc(out.Asked, strings.Compare)
	return out, err
}

func hasLabels(r *agentRow, want map[string]string) bool {
	have := labels(r.Labels)
	for k, v := range want {
		if have[k] != v {
			return false
		}
	}
	return true
}
