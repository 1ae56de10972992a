package dashboard

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// What is read of a Grafana dashboard (schema 16 and later). Its fields have several
// shapes over the versions, hence the raw ones.
type grafana struct {
	Title       string                `json:"title"`
	Description string                `json:"description"`
	Refresh     any                   `json:"refresh"`
	Time        struct{ From string } `json:"time"`
	Panels      []grafanaPanel        `json:"panels"`
	Templating  struct {
		List []grafanaVariable `json:"list"`
	} `json:"templating"`
	// Dashboard wraps it in answers of Grafana's API.
	Dashboard *grafana `json:"dashboard"`
}

type grafanaPanel struct {
	ID          int                      `json:"id"`
	Type        string                   `json:"type"`
	Title       string                   `json:"title"`
	Description string                   `json:"description"`
	GridPos     struct{ X, Y, W, H int } `json:"gridPos"`
	Targets     []struct {
		Expr         string `json:"expr"`
		LegendFormat string `json:"legendFormat"`
		Hide         bool   `json:"hide"`
	} `json:"targets"`
	FieldConfig struct {
		Defaults struct {
			Unit       string   `json:"unit"`
			Min        *float64 `json:"min"`
			Max        *float64 `json:"max"`
			Thresholds struct {
				Steps []struct {
					Color string   `json:"color"`
					Value *float64 `json:"value"`
				} `json:"steps"`
			} `json:"thresholds"`
			Custom struct {
				FillOpacity float64 `json:"fillOpacity"`
				Stacking    struct {
					Mode string `json:"mode"`
				} `json:"stacking"`
			} `json:"custom"`
		} `json:"defaults"`
	} `json:"fieldConfig"`
	Options struct {
		Content       string `json:"content"`
		ReduceOptions struct {
			Calcs []string `json:"calcs"`
		} `json:"reduceOptions"`
	} `json:"options"`
	Content string                    `json:"content"`
	Stack   bool                      `json:"stack"`
	Format  string                    `json:"format"`
	Yaxes   []struct{ Format string } `json:"yaxes"`
	Panels  []grafanaPanel            `json:"panels"`
}

type grafanaVariable struct {
	Name       string          `json:"name"`
	Label      string          `json:"label"`
	Type       string          `json:"type"`
	Query      json.RawMessage `json:"query"`
	Definition string          `json:"definition"`
	Multi      bool            `json:"multi"`
	IncludeAll bool            `json:"includeAll"`
	Current    struct {
		Value any `json:"value"`
	} `json:"current"`
	Options []struct {
		Value any `json:"value"`
	} `json:"options"`
}

var grafanaKinds = map[string]string{
	"timeseries": "series", "graph": "series", "stat": "stat", "singlestat": "stat", "gauge": "stat", "bargauge": "top",
	"barchart": "top", "piechart": "top", "table": "table", "table-old": "table", "heatmap": "heatmap", "text": "text", "state-timeline": "states", "status-history": "states",
}

var grafanaUnits = map[string]string{
	"bytes": "bytes", "decbytes": "bytes", "bits": "bit", "bps": "bit/s", "binbps": "bit/s", "Bps": "B/s", "binBps": "B/s", "percent": "percent", "percentunit": "ratio",
	"s": "seconds", "dtdurations": "seconds", "ms": "ms", "short": "", "none": "", "ops": "/s", "reqps": "/s", "rps": "/s", "iops": "/s", "pps": "/s", "celsius": "°C", "watt": "W", "volt": "V", "amp": "A", "hertz": "Hz", "humidity": "%",
}

var slugRE = regexp.MustCompile(`[^a-z0-9]+`)

// slug makes a name of a title.
func slug(title string) string {
	s := strings.Trim(slugRE.ReplaceAllString(strings.ToLower(title), "-"), "-")
	if s == "" {
		return "dashboard"
	}
	return strings.Trim(s[:min(len(s), 80)], "-")
}

// fromGrafana reads a dashboard of Grafana and says, panel by panel, what it left out.
func fromGrafana(raw []byte, name string) (*Spec, []string, error) {
	var g grafana
	if err := json.Unmarshal(raw, &g); err != nil {
		return nil, nil, errs.Fields(errs.Field{Path: "grafana", Message: "is no dashboard of Grafana: " + err.Error()})
	}
	if g.Dashboard != nil {
		g = *g.Dashboard
	}
	if g.Title == "" && len(g.Panels) == 0 {
		return nil, nil, errs.Fields(errs.Field{Path: "grafana", Message: "has neither a title nor panels; give the JSON model of a dashboard"})
	}
	left := []string{}
	out := func(format string, args ...any) { left = append(left, fmt.Sprintf(format, args...)) }
	s := &Spec{Name: name, Title: g.Title, Description: g.Description, Range: "6h"}
	if s.Name == "" {
		s.Name = slug(g.Title)
	}
	if r, ok := strings.CutPrefix(g.Time.From, "now-"); ok && ageRE.MatchString(r) {
		s.Range = r
	}
	if r, ok := g.Refresh.(string); ok && r != "" {
		if d, ok := age(r); ok && d >= minStep/2 && d.Hours() <= 1 {
			s.Refresh = r
		}
	}
	for i := range g.Templating.List {
		if v, why := g.Templating.List[i].variable(); why != "" {
			out("Variable %s: %s", g.Templating.List[i].Name, why)
		} else {
			s.Variables = append(s.Variables, v)
		}
	}
	var flat []grafanaPanel
	for _, p := range g.Panels {
		if p.Type != "row" {
			flat = append(flat, p)
			continue
		}
		flat = append(flat, grafanaPanel{Type: "text", Title: p.Title, GridPos: struct{ X, Y, W, H int }{0, p.GridPos.Y, columns, 2}})
		flat = append(flat, p.Panels...)
	}
	for i := range flat {
		p, why := flat[i].panel(len(s.Panels) + 1)
		if p == nil {
			out("Panel %q: %s", flat[i].Title, why)
			continue
		}
		if why != "" {
			out("Panel %q: %s", flat[i].Title, why)
		}
		if len(s.Panels) == maxPanels {
			out("Panel %q: a dashboard has at most %d", flat[i].Title, maxPanels)
			continue
		}
		s.Panels = append(s.Panels, *p)
	}
	place(s.Panels)
	return s, left, nil
}

// place moves panels down that lie on others.
func place(ps []Panel) {
	order := make([]*Panel, len(ps))
	for i := range ps {
		order[i] = &ps[i]
	}
	slices.SortStableFunc(order, func(a, b *Panel) int {
		if a.Y != b.Y {
			return a.Y - b.Y
		}
		return a.X - b.X
	})
	for i, p := range order {
		for moved := true; moved; {
			moved = false
			for _, q := range order[:i] {
				if p.X < q.X+q.W && q.X < p.X+p.W && p.Y < q.Y+q.H && q.Y < p.Y+p.H {
					p.Y, moved = q.Y+q.H, true
				}
			}
		}
	}
}

func (g *grafanaPanel) panel(n int) (*Panel, string) {
	kind, ok := grafanaKinds[g.Type]
	if !ok {
		if g.Type == "logs" {
			return nil, "its query is in another language than LogsQL"
		}
		return nil, "there is no panel like " + g.Type
	}
	d := g.FieldConfig.Defaults
	p := &Panel{
		ID: "p" + strconv.Itoa(n), Title: g.Title, Description: g.Description, Kind: kind, Min: d.Min, Max: d.Max,
		X: max(0, min(g.GridPos.X, columns-2)), Y: max(0, min(g.GridPos.Y, maxRow)), W: max(2, g.GridPos.W), H: max(2, min(60, g.GridPos.H)),
		Stack: g.Stack || d.Custom.Stacking.Mode == "normal" || d.Custom.Stacking.Mode == "percent", Area: d.Custom.FillOpacity > 0 || g.Type == "graph",
	}
	if g.GridPos.W == 0 {
		p.W, p.H = 12, 8
	}
	p.W = min(p.W, columns-p.X)
	if kind == "text" {
		p.Text = g.Options.Content
		if p.Text == "" {
			p.Text = g.Content
		}
		return p, ""
	}
	unit := d.Unit
	if unit == "" {
		unit = g.Format
	}
	if unit == "" && len(g.Yaxes) > 0 {
		unit = g.Yaxes[0].Format
	}
	why := ""
	if u, ok := grafanaUnits[unit]; ok {
		p.Unit = u
	} else if unit != "" {
		why = "the unit " + unit + " is shown as a plain number"
	}
	if c := g.Options.ReduceOptions.Calcs; len(c) > 0 {
		p.Reduce = map[string]string{"lastNotNull": "last", "last": "last", "mean": "mean", "max": "max", "min": "min", "sum": "sum"}[c[0]]
	}
	for _, t := range d.Thresholds.Steps {
		if t.Value == nil {
			continue
		}
		tone := "warn"
		switch {
		case strings.Contains(t.Color, "red"), strings.HasPrefix(t.Color, "#d4"), strings.HasPrefix(t.Color, "#F2495C"):
			tone = "down"
		case strings.Contains(t.Color, "green"):
			tone = "ok"
		}
		if len(p.Thresholds) < 10 {
			p.Thresholds = append(p.Thresholds, Threshold{Value: *t.Value, Tone: tone})
		}
	}
	for _, t := range g.Targets {
		if t.Hide || strings.TrimSpace(t.Expr) == "" || len(p.Queries) == 10 {
			continue
		}
		l := t.LegendFormat
		if l == "__auto" {
			l = ""
		}
		p.Queries = append(p.Queries, Query{Expr: t.Expr, Legend: l})
	}
	if len(p.Queries) == 0 {
		return nil, "it has no query in PromQL"
	}
	return p, why
}

func (g *grafanaVariable) variable() (Variable, string) {
	v := Variable{Name: g.Name, Label: g.Label, Multi: g.Multi, All: g.IncludeAll}
	text := ""
	if json.Unmarshal(g.Query, &text) != nil {
		var o struct{ Query string }
		_ = json.Unmarshal(g.Query, &o)
		text = o.Query
	}
	if text == "" {
		text = g.Definition
	}
	switch g.Type {
	case "query":
		if _, _, ok := labelValues(text); !ok {
			return v, "only label_values(metric, label) is understood"
		}
		v.Kind, v.Query = "query", text
	case "custom", "interval":
		v.Kind = "list"
		for s := range strings.SplitSeq(text, ",") {
			if s = strings.TrimSpace(s); s != "" && len(v.Options) < 500 {
				// "Title : value" names a value.
				if _, val, ok := strings.Cut(s, " : "); ok {
					s = strings.TrimSpace(val)
				}
				v.Options = append(v.Options, s)
			}
		}
		if len(v.Options) == 0 {
			return v, "it has no values"
		}
	case "constant", "textbox":
		v.Kind = "text"
		v.Default = []string{text}
		return v, ""
	case "datasource":
		return v, "there is one metric store only"
	default:
		return v, "the kind " + g.Type + " is not understood"
	}
	switch c := g.Current.Value.(type) {
	case string:
		if c != "" && c != all {
			v.Default = []string{c}
		}
	case []any:
		for _, x := range c {
			if s, ok := x.(string); ok && s != all && len(v.Default) < 100 {
				v.Default = append(v.Default, s)
			}
		}
	}
	if !variableRE.MatchString(v.Name) {
		return v, "its name has signs that cannot be in a query"
	}
	return v, ""
}
