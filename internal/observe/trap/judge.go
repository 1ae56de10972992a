package trap

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/db"
	snmptrap "github.com/mainstay-ops/mainstay/internal/core/snmp/trap"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// judge is the configuration of a check of the type trap.
type judge interface {
	Judge(t snmptrap.Notice) (status observe.Status, key, output string, ok bool)
	ResetAfter() time.Duration
}

// waiting is a check that waits for traps.
type waiting struct {
	observe.WaitingCheck
	judge judge
}

// problem is something that a trap said is wrong and that has not ended.
type problem struct {
	status observe.Status
	output string
	at     time.Time
}

// maxKeys is how many problems one check may have at a time.
const maxKeys = 1000

// index sorts the checks by item; those without one are under "".
func (s *Service) index() map[string][]waiting {
	out := map[string][]waiting{}
	for _, c := range s.checks.WaitingChecks() {
		if j, ok := c.Config.(judge); ok {
			out[c.ItemID] = append(out[c.ItemID], waiting{c, j})
		}
	}
	return out
}

// judge gives a trap to the checks that wait for it.
func (s *Service) judge(b *batch, t snmptrap.Notice, who, itemID string, checks map[string][]waiting) {
	lists := [][]waiting{checks[""]}
	if itemID != "" {
		lists = append(lists, checks[itemID])
	}
	for _, c := range slices.Concat(lists...) {
		status, key, output, ok := c.judge.Judge(t)
		if !ok {
			continue
		}
		key = clip(key, 200)
		if c.ItemID == "" {
			// The interface 3 of one device is not that of another.
			key = who + " " + key
		}
		open := s.open[c.ID]
		switch {
		case status == observe.OK:
			if _, was := open[key]; was {
				delete(open, key)
				b.checks[c.ID] = true
			}
		case len(open) < maxKeys || open[key].output != "":
			if open == nil {
				open = map[string]problem{}
				s.open[c.ID] = open
			}
			open[key] = problem{status: status, output: output, at: t.At}
			b.checks[c.ID] = true
		}
		b.results = append(b.results, result{c.Name, sum(open, output, t.At)})
	}
}

// sum is the result of a check with these problems; calm is what it says without.
func sum(open map[string]problem, calm string, at time.Time) observe.Result {
	r := observe.Result{Status: observe.OK, Output: calm, Start: at}
	if len(open) == 0 {
		return r
	}
	all := slices.Collect(maps.Values(open))
	slices.SortFunc(all, func(a, b problem) int {
		if a.status != b.status {
			if a.status.Worse(b.status) {
				return -1
			}
			return 1
		}
		return cmp.Or(a.at.Compare(b.at), strings.Compare(a.output, b.output))
	})
	r.Status, r.Output = all[0].status, all[0].output
	if len(all) == 1 {
		return r
	}
	r.Output = fmt.Sprintf("%d problems: %s", len(all), r.Output)
	var lines []string
	for _, p := range all[:min(len(all), 100)] {
		lines = append(lines, p.at.UTC().Format(time.RFC3339)+" "+p.status.String()+": "+p.output)
	}
	r.Detail = clip(strings.Join(lines, "\n"), 16<<10)
	return r
}

// expire ends problems that nobody ended in time, and those of checks that are gone.
func (s *Service) expire(b *batch, now time.Time, checks map[string][]waiting) {
	if len(s.open) == 0 {
		return
	}
	known := map[string]waiting{}
	for _, list := range checks {
		for _, c := range list {
			known[c.ID] = c
		}
	}
	for checkID, open := range s.open {
		c, ok := known[checkID]
		if !ok {
			delete(s.open, checkID)
			b.checks[checkID] = true
			continue
		}
		limit, ended := c.judge.ResetAfter(), false
		for k, p := range open {
			if limit > 0 && now.Sub(p.at) >= limit {
				delete(open, k)
				ended = true
			}
		}
		if ended {
			b.checks[checkID] = true
			b.results = append(b.results, result{c.Name, sum(open, fmt.Sprintf("No trap ended it within %s, so it is taken for ended.", observe.Duration(limit)), now)})
		}
		if len(open) == 0 {
			delete(s.open, checkID)
		}
	}
}

// resend gives checks with open problems their results again: the program may have
// ended between the two.
func (s *Service) resend(ctx context.Context) {
	now := time.Now()
	for _, list := range s.index() {
		for _, c := range list {
			if open := s.open[c.ID]; len(open) > 0 {
				if err := s.results.SendResult(ctx, c.Name, sum(open, "", now)); err != nil {
					s.d.Logger.Warn("a trap could not be given to its check", "check", c.Name, "error", err)
				}
			}
		}
	}
}

// saveOpen writes the open problems of some checks anew.
func (s *Service) saveOpen(ctx context.Context, tx *db.Tx, checks map[string]bool) error {
	for checkID := range checks {
		if _, err := tx.NewRaw("DELETE FROM trap_open WHERE check_id = ?", checkID).Exec(ctx); err != nil {
			return err
		}
		for k, p := range s.open[checkID] {
			if _, err := tx.NewRaw("INSERT INTO trap_open (check_id, problem_key, status, output, at) VALUES (?, ?, ?, ?, ?)", checkID, k, int64(p.status), clip(p.output, 2000), p.at.UTC()).Exec(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}
