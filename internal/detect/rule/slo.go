package rule

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/account"
	"github.com/mainstay-ops/mainstay/internal/core/apply"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/detect"
	"github.com/mainstay-ops/mainstay/internal/detect/rule/eval"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

const (
	sloKind       = "slo"
	defaultPeriod = 30 * 24 * time.Hour
	maxSLOs       = 2_000
	windowMark    = "$window"
)

// Objective says which share of events must be good over a period.
type Objective struct {
	Name        string           `yaml:"name" json:"name,omitempty" maxLength:"150" doc:"Taken from the path."`
	Description string           `yaml:"description,omitempty" json:"description,omitempty" maxLength:"4000"`
	Objective   float64          `yaml:"objective" json:"objective" required:"true" doc:"Percent, such as 99.9."`
	Period      observe.Duration `yaml:"period,omitempty" json:"period,omitempty" doc:"7d to 90d; 30d when empty."`
	Total       string           `yaml:"total" json:"total" required:"true" maxLength:"10000" doc:"PromQL for the rate of all events, with $window for the range: sum(rate(http_requests_total[$window]))."`
	Bad         string           `yaml:"bad,omitempty" json:"bad,omitempty" maxLength:"10000" doc:"PromQL for the rate of bad events. This or good."`
	Good        string           `yaml:"good,omitempty" json:"good,omitempty" maxLength:"10000" doc:"PromQL for the rate of good events. This or bad."`
	Item        string           `yaml:"item,omitempty" json:"item,omitempty" maxLength:"200"`
	Team        string           `yaml:"team,omitempty" json:"team,omitempty" maxLength:"200"`
}

func (o Objective) period() time.Duration {
	if o.Period == 0 {
		return defaultPeriod
	}
	return o.Period.D()
}

// budget is the share of events that may be bad.
func (o Objective) budget() float64 { return 1 - o.Objective/100 }

// ratio is PromQL for the share of bad events over a window.
func (o Objective) ratio(w time.Duration) string {
	in := func(expr string) string {
		return strings.ReplaceAll(expr, windowMark, model.Duration(w).String())
	}
	if o.Good != "" {
		return fmt.Sprintf("(1 - (%s) / (%s))", in(o.Good), in(o.Total))
	}
	return fmt.Sprintf("((%s) / (%s))", in(o.Bad), in(o.Total))
}

func (o Objective) check() error {
	var bad []errs.Field
	add := func(path, value, msg string) { bad = append(bad, errs.Field{Path: path, Value: value, Message: msg}) }
	bad = append(bad, errs.FieldsOf(account.CheckName("name", o.Name))...)
	if len(o.Name) > 150 {
		add("name", o.Name, "must have at most 150 characters")
	}
	if !(o.Objective > 0 && o.Objective < 100) {
		add("objective", strconv.FormatFloat(o.Objective, 'g', -1, 64), "must be between 0 and 100 percent, such as 99.9")
	}
	if p := o.period(); p < 7*24*time.Hour || p > 90*24*time.Hour {
		add("period", p.String(), "must be between 7d and 90d")
	}
	if (o.Good == "") == (o.Bad == "") {
		add("bad", o.Bad, "must be given, or good; one of the two")
	}
	for _, e := range []struct{ path, expr string }{{"total", o.Total}, {"bad", o.Bad}, {"good", o.Good}} {
		switch {
		case e.expr == "" && e.path != "total":
		case !strings.Contains(e.expr, windowMark):
			add(e.path, e.expr, "must hold $window where the range stands, such as rate(http_requests_total[$window])")
		default:
			if msg := eval.CheckExpr(strings.ReplaceAll(e.expr, windowMark, "5m")); msg != "" {
				add(e.path, e.expr, msg)
			}
		}
	}
	return errs.Fields(bad...)
}

// burns are the alerts of an objective: at this burn rate over both windows, the share
// burn × long / period of the budget is gone. Those for 30 days are from the Site
// Reliability Workbook, chapter 5, "Multiwindow, Multi-Burn-Rate Alerts".
var burns = [...]struct {
	rate     float64
	long     time.Duration
	severity string
}{
	{14.4, time.Hour, Critical}, {6, 6 * time.Hour, Critical}, {3, 24 * time.Hour, Warning}, {1, 72 * time.Hour, Warning},
}

// rules of an objective, one for each burn rate.
func (o Objective) rules() []Rule {
	out := make([]Rule, 0, len(burns))
	for _, b := range burns {
		long := time.Duration(float64(b.long) * float64(o.period()) / float64(defaultPeriod)).Round(time.Minute)
		short := max((long / 12).Round(time.Minute), time.Minute)
		limit := strconv.FormatFloat(b.rate*o.budget(), 'g', 6, 64)
		rate := strconv.FormatFloat(b.rate, 'g', -1, 64)
		out = append(out, Rule{
			Name: o.Name + "/burn " + rate, Alert: o.Name, Item: o.Item, Team: o.Team, Severity: b.severity,
			Description: fmt.Sprintf("The error budget of %s burns %s times as fast as it may, over %s and over %s.", o.Name, rate, model.Duration(long), model.Duration(short)),
			Expr:        fmt.Sprintf("%s > %s and %s > %s", o.ratio(long), limit, o.ratio(short), limit),
			Labels:      map[string]string{"slo": o.Name, "burn_rate": rate, "window": model.Duration(long).String()},
			Annotations: map[string]string{
				"summary":     o.Name + ": the error budget burns " + rate + " times too fast",
				"description": fmt.Sprintf("{{ $value | humanizePercentage }} of events were bad in the last %s. The objective is %s %% good over %s.", model.Duration(long), strconv.FormatFloat(o.Objective, 'g', -1, 64), model.Duration(o.period())),
			},
		})
	}
	return out
}

type objectiveRow struct {
	bun.BaseModel `bun:"slos"`

	Name      string    `bun:"name,pk"`
	Spec      string    `bun:"spec"`
	TeamID    string    `bun:"team_id"`
	CreatedAt time.Time `bun:"created_at"`
	UpdatedAt time.Time `bun:"updated_at"`
	Version   int64     `bun:"version"`
}

func (r objectiveRow) objective() (Objective, error) {
	var o Objective
	err := json.Unmarshal([]byte(r.Spec), &o)
	return o, err
}

func objectiveRows(ctx context.Context, q bun.IDB) ([]objectiveRow, error) {
	cond, args := access.Where(ctx, detect.ReadRules, "team_id")
	var rows []objectiveRow
	err := q.NewSelect().Model(&rows).Where(cond, args...).OrderExpr("name").Limit(maxSLOs).Scan(ctx)
	return rows, err
}

func objectives(ctx context.Context, q bun.IDB) ([]Objective, error) {
	rows, err := objectiveRows(ctx, q)
	if err != nil {
		return nil, err
	}
	out := make([]Objective, len(rows))
	for i, r := range rows {
		if out[i], err = r.objective(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func objectiveByName(ctx context.Context, q bun.IDB, name string) (objectiveRow, error) {
	var r objectiveRow
	err := q.NewSelect().Model(&r).Where("name = ?", name).Scan(ctx)
	return r, db.NotFound(err, "There is no objective named %q.", name)
}

// saveObjective makes or changes an objective and its rules.
func (s *Service) saveObjective(ctx context.Context, tx *db.Tx, o Objective, ifMatch func(int64) error) (apply.Outcome, error) {
	if err := o.check(); err != nil {
		return "", err
	}
	teamID, err := s.team(ctx, tx, Rule{Team: o.Team, Item: o.Item})
	if err != nil {
		return "", err
	}
	old, err := objectiveByName(ctx, tx, o.Name)
	found := err == nil
	if err != nil && !errs.Is(err, errs.NotFound) {
		return "", err
	}
	if err := ifMatch(old.Version); err != nil {
		return "", err
	}
	spec, err := json.Marshal(o)
	if err != nil {
		return "", err
	}
	if found && old.Spec == string(spec) && old.TeamID == teamID {
		return apply.Unchanged, nil
	}
	n := objectiveRow{Name: o.Name, Spec: string(spec), TeamID: teamID, CreatedAt: tx.Now(), UpdatedAt: tx.Now(), Version: old.Version + 1}
	ch := audit.Change{Action: "slo.create", Ref: entity.Ref{Kind: sloKind, ID: o.Name}, Name: o.Name, After: o}
	outcome := apply.Created
	if found {
		before, err := old.objective()
		if err != nil {
			return "", err
		}
		n.CreatedAt, ch.Action, ch.Before, outcome = old.CreatedAt, "slo.update", before, apply.Updated
	}
	if _, err := tx.NewInsert().Model(&n).On("CONFLICT (name) DO UPDATE").Exec(ctx); err != nil {
		return "", err
	}
	for _, r := range o.rules() {
		if _, err := s.save(ctx, tx, r, o.Name, free); err != nil {
			return "", err
		}
	}
	return outcome, audit.Write(ctx, tx, ch)
}

func (s *Service) removeObjective(ctx context.Context, tx *db.Tx, name string) error {
	old, err := objectiveByName(ctx, tx, name)
	if err != nil {
		return err
	}
	if err := access.Check(ctx, detect.WriteRules, old.TeamID); err != nil {
		return err
	}
	o, err := old.objective()
	if err != nil {
		return err
	}
	for _, r := range o.rules() {
		if err := s.remove(ctx, tx, r.Name, name, free); err != nil {
			return err
		}
	}
	if _, err := tx.NewRaw("DELETE FROM slos WHERE name = ?", name).Exec(ctx); err != nil {
		return err
	}
	return audit.Write(ctx, tx, audit.Change{Action: "slo.delete", Ref: entity.Ref{Kind: sloKind, ID: name}, Name: name, Before: o})
}

// Standing is how an objective is met now.
type Standing struct {
	// GoodPercent is the share of good events over the period; nil without data.
	GoodPercent *float64 `json:"good_percent,omitempty" doc:"Share of good events over the period."`
	// Left is what is left of the budget, 1 for all of it; below 0 it is overdrawn.
	Left *float64 `json:"budget_left,omitempty" doc:"Share of the error budget that is left; below 0 it is overdrawn."`
	Burn *float64 `json:"burn_rate,omitempty" doc:"Burn rate of the last hour; at 1 the budget lasts exactly for the period."`
	// GoneIn is when nothing is left at the present rate.
	GoneIn *float64 `json:"gone_in_seconds,omitempty" doc:"When the budget is gone at the burn rate of the last hour; absent when it is not."`
}

// standing asks how an objective is met. Of several series the worst counts.
func (s *Service) standing(ctx context.Context, o Objective, at time.Time) (Standing, error) {
	var out Standing
	worst := func(w time.Duration) (*float64, error) {
		ss, err := s.metrics.Instant(ctx, o.ratio(w), at)
		if err != nil {
			return nil, err
		}
		var v *float64
		for _, x := range ss {
			if len(x.Points) > 0 && !math.IsNaN(x.Points[0].Value) && (v == nil || x.Points[0].Value > *v) {
				v = &x.Points[0].Value
			}
		}
		return v, nil
	}
	long, err := worst(o.period())
	if err != nil || long == nil {
		return out, err
	}
	good, left := 100*(1-*long), 1-*long/o.budget()
	out.GoodPercent, out.Left = &good, &left
	hour, err := worst(time.Hour)
	if err != nil || hour == nil {
		return out, err
	}
	burn := *hour / o.budget()
	out.Burn = &burn
	if burn > 0 && left > 0 {
		gone := left * o.period().Seconds() / burn
		out.GoneIn = &gone
	}
	return out, nil
}
