package discovery

import (
	"context"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/id"
)

// maxLog lines of a run are kept.
const maxLog = 20_000

// LogLine is one thing that a run tried.
type LogLine struct {
	ID      string    `json:"id"`
	At      time.Time `json:"at"`
	Address string    `json:"address,omitempty" doc:"Empty for the run as a whole."`
	Method  string    `json:"method" doc:"run, sweep, ping, arp, tcp, dns, snmp or item."`
	OK      bool      `json:"ok"`
	Text    string    `json:"text"`
}

// note adds a line to the log of the run.
func (a *active) note(address, method string, ok bool, text string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.logged++; a.logged > maxLog {
		return
	}
	if a.logged == maxLog {
		address, method, ok, text = "", "run", false, "The log is full; what comes after is not written down."
	}
	a.log = append(a.log, LogLine{ID: id.New(), At: time.Now().UTC(), Address: address, Method: method, OK: ok, Text: text})
}

// flushLog stores the lines since the last time.
func (a *active) flushLog(ctx context.Context, tx *db.Tx) error {
	a.mu.Lock()
	lines := a.log
	a.log = nil
	a.mu.Unlock()
	for len(lines) > 0 {
		n := min(len(lines), 500)
		q, args := "INSERT INTO discovery_log (id, run_id, at, address, method, ok, text) VALUES ", []any{}
		for i, l := range lines[:n] {
			if i > 0 {
				q += ", "
			}
			q += "(?, ?, ?, ?, ?, ?, ?)"
			args = append(args, l.ID, a.run.ID, l.At, l.Address, l.Method, l.OK, l.Text)
		}
		if _, err := tx.NewRaw(q, args...).Exec(ctx); err != nil {
			return err
		}
		lines = lines[n:]
	}
	return nil
}

func (s *Service) logOf(ctx context.Context, runID, address, cursor string, limit int) ([]LogLine, string, error) {
	out := []LogLine{}
	if err := s.d.DB.Reader().NewRaw("SELECT id, at, address, method, ok, text FROM discovery_log WHERE run_id = ? AND id > ? AND (? = '' OR address = ?) ORDER BY id LIMIT ?", runID, cursor, address, address, limit+1).Scan(ctx, &out); err != nil {
		return nil, "", err
	}
	next := ""
	if len(out) > limit {
		out = out[:limit]
		next = out[limit-1].ID
	}
	for i := range out {
		out[i].At = out[i].At.UTC()
	}
	return out, next, nil
}
