package alert

import (
	"context"
	"maps"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/id"
	"github.com/mainstay-ops/mainstay/internal/core/live"
	"github.com/mainstay-ops/mainstay/internal/detect"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/observe"
	"github.com/mainstay-ops/mainstay/internal/respond"
)

const (
	maxTitle  = 300
	maxOutput = 4 << 10
)

// checkChanged takes in what a check says.
func (s *Service) checkChanged(ctx context.Context, tx *db.Tx, f observe.CheckStateChanged) error {
	fp := "check:" + f.CheckID
	a, err := firing(ctx, tx, fp)
	if err != nil {
		return err
	}
	switch {
	case f.Removed:
		why := f.Output
		if why == "" {
			why = "The check was removed."
		}
		return s.end(ctx, tx, a, f.At, why, f.Output)
	case f.To == "ok":
		if a != nil && (a.Told || a.Due) && f.Notice != "recovery" {
			// A notice of the problem was given, and that of the recovery is withheld (it
			// flaps, or cannot be reached) or waits for a fresh result. The alert stands
			// until it comes: should the check fail again before, no second notice of the
			// problem would come.
			a.suppress(append(a.reasons(), f.Withheld...))
			return s.save(ctx, tx, a)
		}
		return s.end(ctx, tx, a, f.At, "The check is ok again.", f.Output)
	}
	if a == nil {
		a = &row{
			ID: id.New(), Fingerprint: fp, Source: fromCheck, Status: Firing, ItemID: f.ItemID, Item: f.Item, CheckID: f.CheckID, Check: f.Check,
			ProblemID: f.ProblemID, StartedAt: f.Since.UTC(), DetectedAt: f.At.UTC(), Severity: severity(f.To), LastChange: tx.Now(),
		}
	} else if a.ProblemID != f.ProblemID && !a.Told && !a.Due {
		// Nobody heard of the one before, so it ends in silence.
		if err := s.end(ctx, tx, a, f.Since, "Another problem began.", ""); err != nil {
			return err
		}
		return s.checkChanged(ctx, tx, f)
	}
	a.ProblemID = f.ProblemID
	switch f.Notice {
	case "problem":
		a.Due = true
		a.suppress(nil)
	case "flapping_start":
		a.suppress(append(a.reasons(), "flapping"))
	case "flapping_end":
		a.suppress(slices.DeleteFunc(a.reasons(), func(r string) bool { return r == "flapping" }))
	default:
		reasons := f.Withheld
		if len(reasons) == 0 && !a.Due {
			reasons = []string{confirming}
		}
		a.suppress(reasons)
	}
	return s.report(ctx, tx, a, severity(f.To), checkTitle(f.Item, f.Check, severity(f.To)), f.Output, f.At)
}

func severity(state string) string {
	switch state {
	case respond.SeverityCritical, respond.SeverityWarning:
		return state
	}
	return respond.SeverityUnknown
}

// report brings the alert up to date and tells what is to be told.
func (s *Service) report(ctx context.Context, tx *db.Tx, a *row, sev, title, output string, at time.Time) error {
	if a.ItemID != "" && a.TeamID == "" {
		items, err := s.items.ByIDs(ctx, tx, []string{a.ItemID})
		if err != nil {
			return err
		}
		a.TeamID = items[a.ItemID].OwnerTeamID
	}
	from := a.Severity
	if from != sev {
		a.LastChange = tx.Now()
	}
	a.Severity, a.Title, a.Output = sev, cut(title, maxTitle), cut(output, maxOutput)
	a.Count++
	var err error
	if a.SilencedBy, err = s.silencedBy(ctx, tx, a); err != nil {
		return err
	}
	told := a.Told
	if err := s.tell(ctx, tx, a); err != nil {
		return err
	}
	if told && from != sev {
		if err := s.d.Events.Append(ctx, tx, respond.AlertChanged{AlertID: a.ID, Severity: sev, From: from, Output: a.Output, At: at.UTC()}); err != nil {
			return err
		}
	}
	return s.save(ctx, tx, a)
}

// tell tells the wing of an alert that is due, once, unless a silence covers it.
func (s *Service) tell(ctx context.Context, tx *db.Tx, a *row) error {
	if !a.Due || a.Told || a.SilencedBy != "" || a.Status != Firing {
		return nil
	}
	a.Told = true
	return s.d.Events.Append(ctx, tx, a.fired())
}

// end resolves a firing alert; a nil alert is over already. The end is told only
// when the beginning was.
func (s *Service) end(ctx context.Context, tx *db.Tx, a *row, at time.Time, reason, output string) error {
	if a == nil {
		return nil
	}
	at = at.UTC()
	if at.Before(a.StartedAt) {
		at = a.StartedAt.UTC()
	}
	a.Status, a.EndedAt, a.EndReason, a.LastChange, a.Due = Resolved, &at, reason, tx.Now(), false
	if output != "" {
		a.Output = cut(output, maxOutput)
	}
	a.suppress(nil)
	if a.Told {
		if err := s.d.Events.Append(ctx, tx, respond.AlertResolved{AlertID: a.ID, At: at, Output: a.Output}); err != nil {
			return err
		}
	}
	return s.save(ctx, tx, a)
}

func (s *Service) save(ctx context.Context, tx *db.Tx, a *row) error {
	if _, err := tx.NewInsert().Model(a).On("CONFLICT (id) DO UPDATE").Exec(ctx); err != nil {
		return err
	}
	note := live.Note{Topic: "alerts", Kind: "changed", ID: a.ID, Data: map[string]any{"status": a.Status, "severity": a.Severity, "title": a.Title}}
	tx.AfterCommit(func() { s.d.Live.Send(note) })
	return nil
}

// signalRaised takes in what a rule says.
func (s *Service) signalRaised(ctx context.Context, tx *db.Tx, f detect.SignalRaised) error {
	a, err := firing(ctx, tx, f.Fingerprint)
	if err != nil {
		return err
	}
	if a == nil {
		a = &row{
			ID: id.New(), Fingerprint: f.Fingerprint, Source: fromRule, Status: Firing, ItemID: f.ItemID, TeamID: f.TeamID, ProblemID: id.New(),
			StartedAt: f.StartedAt.UTC(), DetectedAt: f.DetectedAt.UTC(), LastChange: tx.Now(), Severity: f.Severity,
		}
		if f.ItemID != "" {
			items, err := s.items.ByIDs(ctx, tx, []string{f.ItemID})
			if err != nil {
				return err
			}
			a.Item = items[f.ItemID].Name
		}
	}
	labels := maps.Clone(f.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	labels["rule"] = f.Rule
	a.Link = f.Link
	if err := a.setLabels(labels); err != nil {
		return err
	}
	a.Due = true
	return s.report(ctx, tx, a, f.Severity, f.Title, f.Output, f.DetectedAt)
}

// External is an alert that another program sends.
type External struct {
	Fingerprint string            `json:"fingerprint" minLength:"1" maxLength:"200" doc:"What it is about. A second alert with it while the first is firing updates the first."`
	Title       string            `json:"title,omitempty" maxLength:"300" doc:"Needed while it fires."`
	Severity    string            `json:"severity,omitempty" enum:"critical,warning,unknown" default:"critical"`
	Item        string            `json:"item,omitempty" maxLength:"200" doc:"Name of the item it is about."`
	Status      string            `json:"status,omitempty" enum:"firing,resolved" default:"firing"`
	Output      string            `json:"output,omitempty" maxLength:"4096"`
	Labels      map[string]string `json:"labels,omitempty" doc:"At most 50, each name and value at most 200 characters."`
}

// receive takes in an alert of another program; item is zero for none. It is
// nil when something that never fired is resolved.
func (s *Service) receive(ctx context.Context, tx *db.Tx, in External, item estate.Item) (*row, error) {
	fp := "api:" + in.Fingerprint
	a, err := firing(ctx, tx, fp)
	if err != nil {
		return nil, err
	}
	if in.Status == Resolved {
		return a, s.end(ctx, tx, a, tx.Now(), "The sender says that it is over.", in.Output)
	}
	if a == nil {
		a = &row{
			ID: id.New(), Fingerprint: fp, Source: fromAPI, Status: Firing, ItemID: item.ID, Item: item.Name, TeamID: item.OwnerTeamID, ProblemID: id.New(),
			StartedAt: tx.Now(), DetectedAt: tx.Now(), LastChange: tx.Now(), Severity: in.Severity,
		}
	}
	if err := a.setLabels(in.Labels); err != nil {
		return nil, err
	}
	a.Due = true
	return a, s.report(ctx, tx, a, in.Severity, in.Title, in.Output, tx.Now())
}

// cut keeps the first n characters.
func cut(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}
