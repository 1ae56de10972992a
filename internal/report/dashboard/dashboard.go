package dashboard

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// The grid has 24 columns, as Grafana's, and rows of 30 pixels.
const (
	columns   = 24
	maxRow    = 5000
	maxPanels = 100
	maxVars   = 30
)

// Spec is a dashboard as a person makes it.
type Spec struct {
	Name        string `json:"name" yaml:"name" maxLength:"100" doc:"Small letters, digits and hyphens. It cannot change later." required:"true"`
	Title       string `json:"title,omitempty" yaml:"title,omitempty" maxLength:"200"`
	Description string `json:"description,omitempty" yaml:"description,omitempty" maxLength:"2000"`
	// Range is the time it opens with, as an age such as 6h.
	Range string `json:"range,omitempty" yaml:"range,omitempty" maxLength:"10" doc:"Time that it opens with, as an age: 30m, 6h, 7d."`
	// Refresh is how often it asks again; off when empty.
	Refresh   string     `json:"refresh,omitempty" yaml:"refresh,omitempty" maxLength:"10" doc:"How often it asks again: 5s to 1h; never when empty."`
	Variables []Variable `json:"variables,omitempty" yaml:"variables,omitempty" maxItems:"30"`
	Panels    []Panel    `json:"panels,omitempty" yaml:"panels,omitempty" maxItems:"100"`
}

// Variable is a word that queries hold as $name and that people choose a value for.
type Variable struct {
	Name  string `json:"name" yaml:"name" maxLength:"50"`
	Label string `json:"label,omitempty" yaml:"label,omitempty" maxLength:"100"`
	// Kind is query (values of a label), list, item (names of items) or text.
	Kind string `json:"kind" yaml:"kind" enum:"query,list,item,text"`
	// Query of the kind query: label_values(metric{…}, label). Of the kind item: a kind
	// of items, or empty.
	Query   string   `json:"query,omitempty" yaml:"query,omitempty" maxLength:"1000" doc:"label_values(metric, label); for items, a kind."`
	Options []string `json:"options,omitempty" yaml:"options,omitempty" maxItems:"500"`
	// Multi lets people choose several; queries then must match with =~. All adds the
	// choice of everything.
	Multi   bool     `json:"multi,omitempty" yaml:"multi,omitempty"`
	All     bool     `json:"all,omitempty" yaml:"all,omitempty" doc:"Everything can be chosen, as .* in a query."`
	Default []string `json:"default,omitempty" yaml:"default,omitempty" maxItems:"100"`
}

// Panel is one picture on the grid.
type Panel struct {
	ID          string  `json:"id" yaml:"id" maxLength:"50"`
	Title       string  `json:"title,omitempty" yaml:"title,omitempty" maxLength:"200"`
	Description string  `json:"description,omitempty" yaml:"description,omitempty" maxLength:"2000"`
	Kind        string  `json:"kind" yaml:"kind" enum:"series,stat,table,heatmap,top,log,states,items,text"`
	X           int     `json:"x" yaml:"x" minimum:"0" maximum:"23"`
	Y           int     `json:"y" yaml:"y" minimum:"0" maximum:"5000"`
	W           int     `json:"w" yaml:"w" minimum:"2" maximum:"24"`
	H           int     `json:"h" yaml:"h" minimum:"2" maximum:"60"`
	Queries     []Query `json:"queries,omitempty" yaml:"queries,omitempty" maxItems:"10"`
	// Unit as in formats: bytes, B/s, bit/s, seconds, ratio, percent, or any word.
	Unit       string      `json:"unit,omitempty" yaml:"unit,omitempty" maxLength:"20"`
	Stack      bool        `json:"stack,omitempty" yaml:"stack,omitempty"`
	Area       bool        `json:"area,omitempty" yaml:"area,omitempty"`
	Min        *float64    `json:"min,omitempty" yaml:"min,omitempty"`
	Max        *float64    `json:"max,omitempty" yaml:"max,omitempty"`
	Thresholds []Threshold `json:"thresholds,omitempty" yaml:"thresholds,omitempty" maxItems:"10"`
	// Reduce says which value a stat shows: last, mean, min, max or sum.
	Reduce string `json:"reduce,omitempty" yaml:"reduce,omitempty" enum:"last,mean,min,max,sum"`
	// Limit of top lists, tables, lines and items.
	Limit int `json:"limit,omitempty" yaml:"limit,omitempty" minimum:"0" maximum:"500"`
	// Text of a text panel, plain with blank lines between paragraphs.
	Text string `json:"text,omitempty" yaml:"text,omitempty" maxLength:"20000"`
	// ItemKind narrows an items panel.
	ItemKind string `json:"item_kind,omitempty" yaml:"item_kind,omitempty" maxLength:"100"`
}

// Query is one question of a panel: PromQL, or LogsQL in a log panel.
type Query struct {
	Expr   string `json:"expr" yaml:"expr" maxLength:"20000"`
	Legend string `json:"legend,omitempty" yaml:"legend,omitempty" maxLength:"200" doc:"Name of each line, with {{label}}."`
}

// Threshold gives values from here on a tone.
type Threshold struct {
	Value float64 `json:"value" yaml:"value"`
	Tone  string  `json:"tone" yaml:"tone" enum:"ok,warn,down"`
}

var (
	nameRE     = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,99}$`)
	variableRE = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,49}$`)
	ageRE      = regexp.MustCompile(`^[1-9][0-9]{0,3}[smhd]$`)
	// panelRE keeps ids fit for a URL.
	panelRE = regexp.MustCompile(`^[A-Za-z0-9_-]{1,50}$`)
)

// age reads 30m, 6h, 7d.
func age(s string) (time.Duration, bool) {
	if !ageRE.MatchString(s) {
		return 0, false
	}
	n := 0
	for _, c := range s[:len(s)-1] {
		n = n*10 + int(c-'0')
	}
	unit := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour}[s[len(s)-1]]
	return time.Duration(n) * unit, true
}

// Check tells everything that is wrong, and fills what may be left out.
func (s *Spec) Check() error {
	var bad []errs.Field
	add := func(path, value, format string, args ...any) {
		bad = append(bad, errs.Field{Path: path, Value: value, Message: fmt.Sprintf(format, args...)})
	}
	if !nameRE.MatchString(s.Name) {
		add("name", s.Name, "must have 1 to 100 small letters, digits and hyphens")
	}
	if s.Title = strings.TrimSpace(s.Title); s.Title == "" {
		s.Title = s.Name
	}
	if s.Range == "" {
		s.Range = "6h"
	}
	if _, ok := age(s.Range); !ok {
		add("range", s.Range, "must be an age such as 30m, 6h or 7d")
	}
	if d, ok := age(s.Refresh); s.Refresh != "" && (!ok || d < 5*time.Second || d > time.Hour) {
		add("refresh", s.Refresh, "must be from 5s to 1h, or empty")
	}
	if len(s.Panels) > maxPanels {
		add("panels", fmt.Sprint(len(s.Panels)), "must be at most %d", maxPanels)
	}
	if len(s.Variables) > maxVars {
		add("variables", fmt.Sprint(len(s.Variables)), "must be at most %d", maxVars)
	}
	seen := map[string]bool{}
	for i := range s.Variables {
		checkVariable(&s.Variables[i], fmt.Sprintf("variables.%d.", i), seen, add)
	}
	seen = map[string]bool{}
	for i := range s.Panels {
		checkPanel(&s.Panels[i], fmt.Sprintf("panels.%d.", i), seen, add)
	}
	return errs.Fields(bad...)
}

func checkVariable(v *Variable, at string, seen map[string]bool, add func(path, value, format string, args ...any)) {
	if !variableRE.MatchString(v.Name) || strings.HasPrefix(v.Name, "__") {
		add(at+"name", v.Name, "must be letters, digits and _, and must not begin with a digit or __")
	}
	if seen[v.Name] {
		add(at+"name", v.Name, "is there twice")
	}
	seen[v.Name] = true
	switch v.Kind {
	case "query":
		if _, _, ok := labelValues(v.Query); !ok {
			add(at+"query", v.Query, "must be label_values(metric, label)")
		}
	case "list":
		if len(v.Options) == 0 {
			add(at+"options", "", "must have at least one value")
		}
	case "item", "text":
	default:
		add(at+"kind", v.Kind, "must be query, list, item or text")
	}
}

var panelKinds = map[string]bool{"series": true, "stat": true, "table": true, "heatmap": true, "top": true, "log": true, "states": true, "items": true, "text": true}

func checkPanel(p *Panel, at string, seen map[string]bool, add func(path, value, format string, args ...any)) {
	if !panelRE.MatchString(p.ID) {
		add(at+"id", p.ID, "must have 1 to 50 letters, digits, - and _")
	}
	if seen[p.ID] {
		add(at+"id", p.ID, "is there twice")
	}
	seen[p.ID] = true
	if !panelKinds[p.Kind] {
		add(at+"kind", p.Kind, "must be series, stat, table, heatmap, top, log, states, items or text")
	}
	if p.W < 2 || p.H < 2 || p.H > 60 || p.X < 0 || p.Y < 0 || p.Y > maxRow || p.X+p.W > columns {
		add(at+"x", fmt.Sprintf("%d,%d %d×%d", p.X, p.Y, p.W, p.H), "must lie within %d columns; the least size is 2 by 2, the greatest height 60", columns)
	}
	asks := p.Kind != "text" && p.Kind != "items" && p.Kind != "log"
	if asks && len(p.Queries) == 0 {
		add(at+"queries", "", "must have at least one query")
	}
	if p.Kind == "log" && len(p.Queries) > 1 {
		add(at+"queries", "", "must have one query at most: a panel shows one list of lines")
	}
	for i, q := range p.Queries {
		if strings.TrimSpace(q.Expr) == "" && p.Kind != "log" {
			add(fmt.Sprintf("%squeries.%d.expr", at, i), "", "must not be empty")
		}
	}
	for i, t := range p.Thresholds {
		if t.Tone != "ok" && t.Tone != "warn" && t.Tone != "down" {
			add(fmt.Sprintf("%sthresholds.%d.tone", at, i), t.Tone, "must be ok, warn or down")
		}
	}
}
