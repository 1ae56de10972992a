package pattern

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/detect"
	"github.com/mainstay-ops/mainstay/internal/detect/pattern/usual"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// View is a pattern.
type View struct {
	ID       string   `json:"id" doc:"The field pattern of its lines."`
	Template string   `json:"template"`
	Example  string   `json:"example"`
	Level    string   `json:"level,omitempty" doc:"Level of the last lines."`
	Words    []string `json:"words" doc:"Words of severity in the template."`
	State    string   `json:"state" enum:"learning,usual,new,exploding,vanished"`
	// Day and Week are lines.
	Day       uint64     `json:"day" doc:"Lines in 24 hours."`
	Week      uint64     `json:"week" doc:"Lines in 168 hours."`
	FirstSeen time.Time  `json:"first_seen"`
	LastSeen  time.Time  `json:"last_seen"`
	Hours     []uint32   `json:"hours" doc:"Lines of the last 24 hours by hour, the oldest first."`
	Items     []ItemView `json:"items" doc:"Items that it comes from, those with most lines first; 5 in lists."`
	ItemCount int        `json:"item_count"`
	Mark      *Mark      `json:"mark,omitempty"`
}

// Mark is what a person said of a pattern.
type Mark struct {
	Mark    string    `json:"mark" enum:"known,muted,notable"`
	Comment string    `json:"comment,omitempty"`
	By      string    `json:"by"`
	At      time.Time `json:"at"`
}

// ItemView is a pattern on one item.
type ItemView struct {
	Item     string    `json:"item" doc:"Empty for lines of no item."`
	State    string    `json:"state" enum:"learning,usual,new,exploding,vanished"`
	Day      uint64    `json:"day"`
	Week     uint64    `json:"week"`
	LastSeen time.Time `json:"last_seen"`
	Expected *float64  `json:"expected,omitempty" doc:"Lines in ten minutes that are usual at this hour; missing while it is learned."`
	Limit    *float64  `json:"limit,omitempty" doc:"More lines in ten minutes than this are too many."`
}

// Detail is one pattern with its week.
type Detail struct {
	View

	From time.Time `json:"from" doc:"When the first hour of the week began."`
	By   []uint32  `json:"by_hour" doc:"Lines of the last 168 hours by hour."`
}

type listIn struct {
	Q     string `query:"q" maxLength:"200" doc:"Words in the template."`
	State string `query:"state" enum:"learning,usual,new,exploding,vanished"`
	Item  string `query:"item" maxLength:"200"`
	Mark  string `query:"mark" enum:"known,muted,notable,none"`
	Words bool   `query:"words" doc:"Only those with a word of severity."`
	Sort  string `query:"sort" enum:"rare,most,newest,state" default:"state" doc:"rare: fewest lines in the week first."`
	Limit int    `query:"limit" minimum:"1" maximum:"2000" default:"500"`
}

// List are patterns and how many there are in each state.
type List struct {
	Items  []View         `json:"items"`
	Total  int            `json:"total" doc:"How many fit the filter."`
	States map[string]int `json:"states" doc:"How many of all patterns are in each state."`
}

type idIn struct {
	ID string `path:"id" maxLength:"64"`
}

// MarkSpec is what a person says of a pattern.
type MarkSpec struct {
	Mark    string `json:"mark" enum:"known,muted,notable," doc:"Empty takes it back."`
	Comment string `json:"comment,omitempty" maxLength:"1000"`
}

type markIn struct {
	ID   string `path:"id" maxLength:"64"`
	Body MarkSpec
}

type signalsIn struct {
	httpapi.Page
	Kind    string `query:"kind" enum:"new,exploding,vanished"`
	Pattern string `query:"pattern" maxLength:"64"`
	Open    bool   `query:"open" doc:"Only those that have not ended."`
}

// Signal is a time in which a pattern was new, came far too often, or was gone.
type Signal struct {
	ID        string     `json:"id"`
	Pattern   string     `json:"pattern"`
	Item      string     `json:"item,omitempty"`
	Kind      string     `json:"kind" enum:"new,exploding,vanished"`
	Template  string     `json:"template"`
	Example   string     `json:"example"`
	Why       string     `json:"why"`
	Policy    string     `json:"policy,omitempty" doc:"The policy that made an alert of it."`
	StartedAt time.Time  `json:"started_at"`
	EndedAt   *time.Time `json:"ended_at,omitempty"`
	Reason    string     `json:"reason,omitempty" doc:"Why it ended."`
}

type policyIn struct {
	Name string `path:"name" maxLength:"200"`
	Body Policy
}

type policyNameIn struct {
	Name string `path:"name" maxLength:"200"`
}

// Routes implements module.HasRoutes.
func (s *Service) Routes(api *httpapi.API) {
	const tag = "patterns"
	read, write := detect.ReadPatterns, detect.WritePatterns
	httpapi.Handle(api, httpapi.Op{ID: "list-patterns", Method: "GET", Path: "/api/v1/patterns", Need: read, Tag: tag, Summary: "Templates of log lines with their counts and what is usual", Description: "Only for those who may see all logs."}, s.list)
	httpapi.Handle(api, httpapi.Op{ID: "get-pattern", Method: "GET", Path: "/api/v1/patterns/{id}", Need: read, Tag: tag, Summary: "One template of log lines"}, s.get)
	httpapi.Handle(api, httpapi.Op{ID: "mark-pattern", Method: "PUT", Path: "/api/v1/patterns/{id}/mark", Need: detect.MarkPatterns, Tag: tag, Summary: "Mark a pattern as known, muted or notable", Status: http.StatusNoContent},
		func(ctx context.Context, in *markIn) (*struct{}, error) {
			if err := access.Check(ctx, observe.ReadLogs, ""); err != nil {
				return nil, err
			}
			return nil, s.mark(ctx, in.ID, in.Body.Mark, strings.TrimSpace(in.Body.Comment), access.From(ctx).Actor())
		})
	httpapi.Handle(api, httpapi.Op{ID: "list-pattern-signals", Method: "GET", Path: "/api/v1/pattern-signals", Need: read, Tag: tag, Summary: "When patterns were new, came far too often, or had vanished"},
		func(ctx context.Context, in *signalsIn) (*httpapi.Body[httpapi.List[Signal]], error) {
			if err := access.Check(ctx, observe.ReadLogs, ""); err != nil {
				return nil, err
			}
			rows, next, err := signals(ctx, s.d.DB.Reader(), *in)
			out := make([]Signal, len(rows))
			for i, r := range rows {
				out[i] = Signal{r.ID, r.Pattern, r.Item, r.Kind, r.Template, r.Example, r.Why, r.Policy, r.StartedAt.UTC(), r.EndedAt, r.Reason}
			}
			return httpapi.NewList(out, next), err
		})
	httpapi.Handle(api, httpapi.Op{ID: "list-pattern-policies", Method: "GET", Path: "/api/v1/pattern-policies", Need: read, Tag: tag, Summary: "Which signals of patterns become alerts"},
		func(ctx context.Context, _ *struct{}) (*httpapi.Body[httpapi.List[Policy]], error) {
			out, err := policies(ctx, s.d.DB.Reader())
			return httpapi.NewList(out, ""), err
		})
	httpapi.Handle(api, httpapi.Op{ID: "put-pattern-policy", Method: "PUT", Path: "/api/v1/pattern-policies/{name}", Need: write, Tag: tag, Summary: "Make or change a policy of pattern alerts"},
		func(ctx context.Context, in *policyIn) (*httpapi.Body[Policy], error) {
			in.Body.Name = in.Name
			err := s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
				_, err := s.putPolicy(ctx, tx, in.Body)
				return err
			})
			return &httpapi.Body[Policy]{Body: in.Body}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "delete-pattern-policy", Method: "DELETE", Path: "/api/v1/pattern-policies/{name}", Need: write, Tag: tag, Summary: "Remove a policy of pattern alerts", Status: http.StatusNoContent},
		func(ctx context.Context, in *policyNameIn) (*struct{}, error) {
			return nil, s.removePolicy(ctx, in.Name)
		})
}

const itemsInLists = 5

// view lays a template and what is remembered of it together; s.mu is held.
func (s *Service) view(id string, sum *usual.Summary, items int) View {
	v := View{
		ID: id, State: string(sum.State), Day: sum.Day, Week: sum.Week, FirstSeen: sum.First, LastSeen: sum.Seen, Hours: sum.Spark,
		Level: s.levels[id], Words: []string{}, Items: []ItemView{}, ItemCount: len(sum.Items),
	}
	for _, i := range sum.Items[:min(items, len(sum.Items))] {
		iv := ItemView{Item: i.Item, State: string(i.State), Day: i.Day, Week: i.Week, LastSeen: i.Seen}
		if i.Learned {
			iv.Expected, iv.Limit = &i.Expected, &i.Limit
		}
		v.Items = append(v.Items, iv)
	}
	if m, ok := s.marks[id]; ok {
		v.Mark = &Mark{m.Mark, m.Comment, m.By, m.At.UTC()}
	}
	return v
}

// name fills in the text.
func (s *Service) name(v *View) bool {
	if s.templates == nil {
		return false
	}
	t, ok := s.templates.LogPattern(v.ID)
	v.Template, v.Example, v.Words = t.Template, t.Example, wordsOf(t.Template)
	return ok
}

func (s *Service) list(ctx context.Context, in *listIn) (*httpapi.Body[List], error) {
	if err := access.Check(ctx, observe.ReadLogs, ""); err != nil {
		return nil, err
	}
	s.mu.Lock()
	all := s.engine.Summaries()
	views := make([]View, 0, len(all))
	for id, sum := range all {
		if in.Item != "" && !slices.ContainsFunc(sum.Items, func(i usual.ItemSummary) bool { return i.Item == in.Item }) {
			continue
		}
		views = append(views, s.view(id, sum, itemsInLists))
	}
	s.mu.Unlock()
	out := List{Items: []View{}, States: map[string]int{}}
	words := strings.Fields(strings.ToLower(in.Q))
	for _, v := range views {
		if !s.name(&v) {
			continue // forgotten, or joined with another
		}
		out.States[v.State]++
		if in.State != "" && v.State != in.State || in.Words && len(v.Words) == 0 || !v.marked(in.Mark) || !hasAll(v.Template, words) {
			continue
		}
		out.Items = append(out.Items, v)
	}
	slices.SortFunc(out.Items, order(in.Sort))
	out.Total = len(out.Items)
	out.Items = out.Items[:min(in.Limit, len(out.Items))]
	return &httpapi.Body[List]{Body: out}, nil
}

func (v View) marked(want string) bool {
	switch {
	case want == "":
		return true
	case v.Mark == nil:
		return want == "none"
	}
	return v.Mark.Mark == want
}

func hasAll(text string, words []string) bool {
	text = strings.ToLower(text)
	for _, w := range words {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}

var stateOrder = []string{string(usual.Exploding), string(usual.New), string(usual.Vanished), string(usual.Usual), string(usual.Learning)}

func order(by string) func(a, b View) int {
	return func(a, b View) int {
		c := 0
		switch by {
		case "rare":
			c = cmp.Compare(a.Week, b.Week)
		case "most":
			c = cmp.Compare(b.Week, a.Week)
		case "newest":
			c = b.FirstSeen.Compare(a.FirstSeen)
		default:
			c = cmp.Or(cmp.Compare(a.weight(), b.weight()), cmp.Compare(b.Day, a.Day))
		}
		return cmp.Or(c, cmp.Compare(a.ID, b.ID))
	}
}

// weight is the place of a pattern in the list: notable ones first, muted ones last.
func (v View) weight() int {
	w := slices.Index(stateOrder, v.State)
	if v.Mark != nil {
		switch v.Mark.Mark {
		case Notable:
			w -= 10
		case Muted:
			w += 10
		}
	}
	return w
}

func (s *Service) get(ctx context.Context, in *idIn) (*httpapi.Body[Detail], error) {
	if err := access.Check(ctx, observe.ReadLogs, ""); err != nil {
		return nil, err
	}
	s.mu.Lock()
	sum := s.engine.Summaries()[in.ID]
	var out Detail
	if sum != nil {
		out.View = s.view(in.ID, sum, 1000)
		out.From, out.By = s.engine.ByHour(in.ID)
	}
	s.mu.Unlock()
	switch {
	case sum == nil:
		// Its first minute is not over.
		out.View = View{ID: in.ID, State: string(usual.Learning), Words: []string{}, Items: []ItemView{}, Hours: make([]uint32, 24)}
		out.By = make([]uint32, usual.Hours)
		now := s.d.DB.Clock().Now().UTC()
		out.From = now.Truncate(time.Hour).Add(-(usual.Hours - 1) * time.Hour)
		out.FirstSeen, out.LastSeen = now, now
		if !s.name(&out.View) {
			return nil, errs.New(errs.NotFound, "There is no such pattern. It may have been joined with another one.")
		}
	case !s.name(&out.View):
		return nil, errs.New(errs.NotFound, "There is no such pattern. It may have been joined with another one.")
	}
	return &httpapi.Body[Detail]{Body: out}, nil
}
