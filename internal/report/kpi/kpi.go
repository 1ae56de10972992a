package kpi

import (
	"time"

	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/report/kpi/figures"
	"github.com/mainstay-ops/mainstay/internal/respond"
)

// Report is the report of one item and period. A figure is null when nothing was
// there to count.
type Report struct {
	Item               string                  `json:"item"`
	From               time.Time               `json:"from"`
	To                 time.Time               `json:"to"`
	RulesVersion       string                  `json:"rules_version" doc:"The version of the rules in docs/reports.md."`
	Availability       *float64                `json:"availability" doc:"From 0 to 1."`
	DowntimeSeconds    float64                 `json:"downtime_seconds"`
	Incidents          int                     `json:"incidents"`
	Failures           int                     `json:"failures"`
	MTTDSeconds        *float64                `json:"mttd_seconds"`
	MTTASeconds        *float64                `json:"mtta_seconds"`
	MTTRSeconds        *float64                `json:"mttr_seconds" doc:"Mean time to recovery, the whole outage."`
	MTTRRespondSeconds *float64                `json:"mttr_respond_seconds" doc:"Mean time from detection to restored."`
	MTTRRepairSeconds  *float64                `json:"mttr_repair_seconds" doc:"Mean time from the start of work to restored."`
	MTTRResolveSeconds *float64                `json:"mttr_resolve_seconds" doc:"Mean time from the start of the impact to resolved."`
	MTBFSeconds        *float64                `json:"mtbf_seconds"`
	Means              map[string]figures.Mean `json:"means" doc:"Mean, median, 90th percentile and population, by the key of the definition."`
	Buckets            Buckets                 `json:"buckets"`
	Definitions        []figures.Definition    `json:"definitions"`
	Outages            []OutageLine            `json:"outages" doc:"The newest 1000."`
	OutagesTotal       int                     `json:"outages_total"`
	IncidentList       []IncidentLine          `json:"incident_list" doc:"Those of the incidents that you may see."`
}

// Buckets divide the period; they add up to it.
type Buckets struct {
	UpSeconds          float64 `json:"up_seconds"`
	DownSeconds        float64 `json:"down_seconds"`
	PlannedSeconds     float64 `json:"planned_seconds"`
	UnreachableSeconds float64 `json:"unreachable_seconds"`
	UnknownSeconds     float64 `json:"unknown_seconds"`
	NoDataSeconds      float64 `json:"no_data_seconds"`
}

// OutageLine is one outage of one check.
type OutageLine struct {
	Start time.Time  `json:"start"`
	End   *time.Time `json:"end" doc:"Null while it lasts."`
	// DurationSeconds counts what lies inside the period.
	DurationSeconds float64 `json:"duration_seconds" doc:"The part inside the period."`
	Check           string  `json:"check"`
	Item            string  `json:"item"`
	Worst           string  `json:"worst" enum:"warning,critical,unknown"`
	CountsAsDown    bool    `json:"counts_as_down" doc:"Whether a part of it is in the downtime."`
	Planned         bool    `json:"planned" doc:"Whether all of it in the period is inside planned maintenance."`
}

// IncidentLine is one incident of the report.
type IncidentLine struct {
	Number          string     `json:"number"`
	Title           string     `json:"title"`
	State           string     `json:"state"`
	Priority        int        `json:"priority"`
	ImpactStartedAt time.Time  `json:"impact_started_at"`
	DetectedAt      time.Time  `json:"detected_at"`
	AcknowledgedAt  *time.Time `json:"acknowledged_at"`
	WorkStartedAt   *time.Time `json:"work_started_at"`
	RestoredAt      *time.Time `json:"restored_at"`
	ResolvedAt      *time.Time `json:"resolved_at"`
}

// Point is one step of a trend.
type Point struct {
	From            time.Time `json:"from"`
	To              time.Time `json:"to"`
	Availability    *float64  `json:"availability"`
	DowntimeSeconds float64   `json:"downtime_seconds"`
	Failures        int       `json:"failures"`
	Buckets         Buckets   `json:"buckets"`
}

// Line is one item of the table.
type Line struct {
	Item            string   `json:"item"`
	Title           string   `json:"title"`
	Kind            string   `json:"kind"`
	Availability    *float64 `json:"availability"`
	DowntimeSeconds float64  `json:"downtime_seconds"`
	Failures        int      `json:"failures"`
	Incidents       int      `json:"incidents"`
}

func newReport(item string, p figures.Span, u figures.Uptime, m figures.Response) Report {
	return Report{
		Item: item, From: p.From, To: p.To, RulesVersion: figures.RulesVersion,
		Availability: u.Availability, DowntimeSeconds: u.In(figures.Down), Failures: u.Failures, MTBFSeconds: u.MTBF,
		MTTDSeconds: m.MTTD.MeanSeconds, MTTASeconds: m.MTTA.MeanSeconds, MTTRSeconds: m.MTTR.MeanSeconds,
		MTTRRespondSeconds: m.MTTRRespond.MeanSeconds, MTTRRepairSeconds: m.MTTRRepair.MeanSeconds, MTTRResolveSeconds: m.MTTRResolve.MeanSeconds,
		Means:   map[string]figures.Mean{"mttd": m.MTTD, "mtta": m.MTTA, "mttr": m.MTTR, "mttr_respond": m.MTTRRespond, "mttr_repair": m.MTTRRepair, "mttr_resolve": m.MTTRResolve},
		Buckets: bucketsOf(u), Definitions: figures.Definitions(),
	}
}

func bucketsOf(u figures.Uptime) Buckets {
	return Buckets{
		UpSeconds: u.In(figures.Up), DownSeconds: u.In(figures.Down), PlannedSeconds: u.In(figures.Planned),
		UnreachableSeconds: u.In(figures.Unreachable), UnknownSeconds: u.In(figures.UnknownState), NoDataSeconds: u.In(figures.NoData),
	}
}

// maxOutages caps the list of outages; the figures count all.
const maxOutages = 1000

func outages(p figures.Span, w figures.Watch, names map[string]estate.Item) []OutageLine {
	out := []OutageLine{}
	for _, o := range w.Outages {
		in := figures.Span{From: o.Start, To: o.End}
		if in.From.Before(p.From) {
			in.From = p.From
		}
		if in.To.IsZero() || in.To.After(p.To) {
			in.To = p.To
		}
		if !in.To.After(in.From) {
			continue
		}
		// Measured by itself, the outage tells where its time went.
		alone := figures.Measure(in, figures.Watch{Outages: []figures.Outage{o}, Planned: w.Planned, NoData: w.NoData})
		var whole time.Duration
		for _, d := range alone.Time {
			whole += d
		}
		l := OutageLine{
			Start: o.Start.UTC(), DurationSeconds: whole.Seconds(), Check: o.Check, Item: names[o.ItemID].Name, Worst: o.Worst,
			CountsAsDown: alone.Time[figures.Down] > 0, Planned: whole > 0 && alone.Time[figures.Planned] == whole,
		}
		if !o.End.IsZero() {
			end := o.End.UTC()
			l.End = &end
		}
		out = append(out, l)
	}
	return out
}

func incidentLine(i respond.Incident) IncidentLine {
	return IncidentLine{
		Number: i.Number, Title: i.Title, State: i.State, Priority: i.Priority, ImpactStartedAt: i.ImpactStartedAt, DetectedAt: i.DetectedAt,
		AcknowledgedAt: i.AcknowledgedAt, WorkStartedAt: i.WorkStartedAt, RestoredAt: i.RestoredAt, ResolvedAt: i.ResolvedAt,
	}
}
