package rule

import (
	"context"
	"fmt"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/detect"
	"github.com/mainstay-ops/mainstay/internal/detect/rule/eval"
	"github.com/mainstay-ops/mainstay/internal/respond"
)

// around is how long before and after an incident a rule may fire to have told of it.
const around = 15 * time.Minute

// Told is an incident that a rule would have told of, or not.
type Told struct {
	Number string    `json:"number"`
	Title  string    `json:"title"`
	At     time.Time `json:"impact_started_at"`
	// Lead is how long after the beginning of the impact the rule would have fired;
	// below 0 it would have warned.
	Lead *float64 `json:"after_seconds,omitempty"`
}

// Trial is what a rule would have done, and of which incidents it would have told.
type Trial struct {
	eval.Past

	Night    int      `json:"at_night" doc:"How often it would have fired between 22:00 and 06:00."`
	PerWeek  float64  `json:"per_week"`
	Caught   []Told   `json:"caught" doc:"Incidents that it would have told of."`
	Missed   []Told   `json:"missed" doc:"Incidents on the same items that it would not have told of."`
	Warnings []string `json:"warnings"`
}

type tryIn struct {
	Body struct {
		Rule     Rule      `json:"rule"`
		From     time.Time `json:"from"`
		To       time.Time `json:"to"`
		TimeZone string    `json:"time_zone,omitempty" maxLength:"64" doc:"IANA zone of the night; UTC when empty."`
	}
}

func (s *Service) tryRoutes(api *httpapi.API) {
	httpapi.Handle(api, httpapi.Op{
		ID: "try-rule", Method: "POST", Path: "/api/v1/rules/try", Need: detect.WriteRules, Tag: "rules", Summary: "Try a rule on the past, without saving it",
		Description: "When it would have fired, for how long, how often at night, and of which incidents it would have told.",
	}, func(ctx context.Context, in *tryIn) (*httpapi.Body[Trial], error) {
		r := in.Body.Rule
		if r.Name == "" {
			r.Name = "new"
		}
		if err := r.check(); err != nil {
			return nil, err
		}
		zone, err := time.LoadLocation(in.Body.TimeZone)
		if err != nil || in.Body.TimeZone == "Local" {
			return nil, errs.Fields(errs.Field{Path: "time_zone", Value: in.Body.TimeZone, Message: "must be an IANA zone such as Europe/Berlin"})
		}
		t, err := s.try(ctx, r, in.Body.From, in.Body.To, zone)
		return &httpapi.Body[Trial]{Body: t}, err
	})
}

func (s *Service) try(ctx context.Context, r Rule, from, to time.Time, zone *time.Location) (Trial, error) {
	out := Trial{Caught: []Told{}, Missed: []Told{}, Warnings: []string{}}
	if r.Record != "" {
		return out, errs.New(errs.Invalid, "A rule that records raises nothing, so there is nothing to try.")
	}
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	now := s.db.Clock().Now()
	if to.IsZero() || to.After(now) {
		to = now
	}
	var err error
	begin := from.UTC().Truncate(time.Second)
	if r.Logs != "" {
		out.Past, err = eval.TryPastLogs(ctx, s.logs, r.logQuestion(), r.timing(), begin, to.UTC(), r.every())
	} else {
		out.Past, err = eval.TryPast(ctx, s.metrics, r.question(), r.timing(), begin, to.UTC(), r.every())
	}
	if err != nil {
		return out, err
	}
	if asked := time.Duration(out.Step * float64(time.Second)); asked > r.every() {
		out.Warnings = append(out.Warnings, fmt.Sprintf("This question does not only count lines, so it was asked every %s instead of every %s. Short episodes may be missing.", asked, r.every()))
	}
	out.Night = out.AtNight(zone)
	if weeks := to.Sub(from).Hours() / (24 * 7); weeks > 0 {
		out.PerWeek = float64(out.Fired) / weeks
	}
	if out.Fired > len(out.Episodes) {
		out.Warnings = append(out.Warnings, "Only the first times that it would have fired are told one by one; figures about the night and incidents are of those.")
	}
	return out, s.compare(ctx, r, &out)
}

// compare looks for the incidents of the time on the items that the rule is about.
func (s *Service) compare(ctx context.Context, r Rule, t *Trial) error {
	q := s.db.Reader()
	ids := map[string]string{} // item of each episode, by key
	var all []string
	seen := map[string]bool{}
	for _, e := range t.Episodes {
		key := eval.Key(e.Labels)
		if _, ok := ids[key]; ok {
			continue
		}
		item, err := s.itemFor(ctx, q, r, e.Labels)
		if err != nil {
			return err
		}
		ids[key] = item.ID
		if item.ID != "" && !seen[item.ID] {
			seen[item.ID] = true
			all = append(all, item.ID)
		}
	}
	if item, err := s.itemFor(ctx, q, Rule{Item: r.Item}, nil); err != nil {
		return err
	} else if item.ID != "" && !seen[item.ID] {
		all = append(all, item.ID)
	}
	if len(all) == 0 {
		if t.Fired > 0 {
			t.Warnings = append(t.Warnings, "No item is known for what it is about, so it cannot be compared with incidents.")
		}
		return nil
	}
	incs, err := s.incidents.Between(ctx, q, all, t.From.Add(-around), t.To.Add(around))
	if err != nil {
		return err
	}
	for _, i := range incs {
		told := Told{Number: i.Number, Title: i.Title, At: i.ImpactStartedAt.UTC()}
		if lead, ok := lead(i, t.Episodes, ids); ok {
			told.Lead = &lead
			t.Caught = append(t.Caught, told)
		} else {
			t.Missed = append(t.Missed, told)
		}
	}
	return nil
}

// lead finds the first episode that would have told of an incident and how many
// seconds after its impact began.
func lead(i respond.Incident, es []eval.Episode, items map[string]string) (float64, bool) {
	end := i.ImpactStartedAt.Add(around)
	for _, t := range []*time.Time{i.RestoredAt, i.ResolvedAt} {
		if t != nil && t.After(end) {
			end = *t
			break
		}
	}
	on := map[string]bool{}
	for _, id := range i.ItemIDs {
		on[id] = true
	}
	for _, e := range es {
		if !on[items[eval.Key(e.Labels)]] || e.FiredAt.After(end) || (!e.EndedAt.IsZero() && e.EndedAt.Before(i.ImpactStartedAt.Add(-around))) {
			continue
		}
		return e.FiredAt.Sub(i.ImpactStartedAt).Seconds(), true
	}
	return 0, false
}
