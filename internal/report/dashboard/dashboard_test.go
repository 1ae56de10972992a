package dashboard

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/require"
)

// What comes with Mainstay is whole, and each of its queries can be read.
func TestShipped(t *testing.T) {
	t.Parallel()
	list := shipped()
	require.GreaterOrEqual(t, len(list), 9)
	for _, v := range list {
		require.NoError(t, v.Check(), v.Name)
		w := wordsOf(v.Variables, map[string][]string{}, time.Minute, time.Hour)
		for _, p := range v.Panels {
			for _, q := range p.Queries {
				if p.Kind == "log" {
					continue
				}
				_, err := parser.NewParser(parser.Options{}).ParseExpr(w.in(q.Expr))
				require.NoError(t, err, "%s, %s: %s", v.Name, p.Title, w.in(q.Expr))
			}
			for _, o := range v.Panels {
				over := p.X < o.X+o.W && o.X < p.X+p.W && p.Y < o.Y+o.H && o.Y < p.Y+p.H
				require.False(t, p.ID != o.ID && over, "%s: %s lies on %s", v.Name, p.Title, o.Title)
			}
		}
	}
}

func TestWords(t *testing.T) {
	t.Parallel()
	vars := []Variable{{Name: "host", Kind: "text"}, {Name: "disk", Kind: "text", Multi: true, All: true}, {Name: "dev", Kind: "text", Default: []string{"eth0"}}}
	for _, c := range []struct {
		chosen   map[string][]string
		in, want string
	}{
		{map[string][]string{"host": {"web.1"}}, `up{item="$host"}`, `up{item="web.1"}`},
		{map[string][]string{"host": {`a"} or up{x="`}}, `up{item="$host"}`, `up{item="a\"} or up{x=\""}`},
		{map[string][]string{"disk": {"/", "/a.b"}}, `x{m=~"${disk}"}`, `x{m=~"(/|/a\\.b)"}`},
		{map[string][]string{"disk": {"$__all"}}, `x{m=~"[[disk]]"}`, `x{m=~".*"}`},
		{nil, `x{m=~"$disk",d="$dev"}[$__rate_interval]`, `x{m=~".*",d="eth0"}[150s]`},
		{nil, `$nothing ${host:regex}`, `$nothing `},
	} {
		require.Equal(t, c.want, wordsOf(vars, c.chosen, time.Minute, time.Hour).in(c.in))
	}
	require.Equal(t, "web in 5", legend("{{ item }} in {{n}}", map[string]string{"item": "web", "n": "5"}))
	require.Equal(t, `up{a="1", b="2"}`, legend("", map[string]string{"__name__": "up", "b": "2", "a": "1"}))
}

func FuzzWords(f *testing.F) {
	f.Add(`a"b`, `up{x="$v"}`)
	f.Fuzz(func(t *testing.T, value, query string) {
		// A value never leaves the quotes it stands in.
		w := wordsOf([]Variable{{Name: "v", Kind: "text"}}, map[string][]string{"v": {value}}, time.Minute, time.Hour)
		_ = w.in(query)
		e, err := parser.NewParser(parser.Options{}).ParseExpr(w.in(`up{x="$v"}`))
		if err != nil {
			return // for example a line break
		}
		s, ok := e.(*parser.VectorSelector)
		require.True(t, ok)
		require.Len(t, s.LabelMatchers, 2)
	})
}

func TestCheck(t *testing.T) {
	t.Parallel()
	s := Spec{Name: "A b", Range: "ages", Refresh: "1s", Variables: []Variable{{Name: "1x", Kind: "list"}}, Panels: []Panel{
		{ID: "a", Kind: "series", W: 30, H: 4},
		{ID: "a", Kind: "pie", W: 4, H: 4, Queries: []Query{{}}},
	}}
	err := s.Check()
	for _, want := range []string{"name", "range", "refresh", "variables.0.name", "variables.0.options", "panels.0.x", "panels.0.queries", "panels.1.id", "panels.1.kind", "panels.1.queries.0.expr"} {
		require.ErrorContains(t, err, want)
	}
	good := Spec{Name: "web", Panels: []Panel{{ID: "a", Kind: "text", W: 4, H: 4}}}
	require.NoError(t, good.Check())
	require.Equal(t, "web", good.Title)
	require.Equal(t, "6h", good.Range)
}

func TestFromGrafana(t *testing.T) {
	t.Parallel()
	raw := `{"dashboard": {"title": "Node: all of it", "refresh": "1m", "time": {"from": "now-24h", "to": "now"},
	 "templating": {"list": [
	  {"name": "node", "type": "query", "query": {"query": "label_values(node_uname_info, instance)"}, "multi": true, "includeAll": true, "current": {"value": ["$__all"]}},
	  {"name": "ds", "type": "datasource", "query": "prometheus"},
	  {"name": "every", "type": "interval", "query": "1m,10m,1h", "current": {"value": "10m"}},
	  {"name": "app", "type": "query", "query": "query_result(up)"}]},
	 "panels": [
	  {"id": 1, "type": "row", "title": "Processor", "gridPos": {"x": 0, "y": 0, "w": 24, "h": 1}, "panels": [
	   {"id": 2, "type": "timeseries", "title": "Used", "gridPos": {"x": 0, "y": 1, "w": 12, "h": 8},
	    "fieldConfig": {"defaults": {"unit": "percentunit", "max": 1, "custom": {"fillOpacity": 20, "stacking": {"mode": "normal"}}, "thresholds": {"steps": [{"color": "green", "value": null}, {"color": "red", "value": 0.9}]}}},
	    "targets": [{"expr": "rate(node_cpu_seconds_total{instance=~\"$node\"}[5m])", "legendFormat": "{{mode}}"}, {"expr": "up", "hide": true}]}]},
	  {"id": 3, "type": "logs", "title": "Lines", "gridPos": {"x": 0, "y": 9, "w": 24, "h": 8}, "targets": [{"expr": "{app=\"x\"}"}]},
	  {"id": 4, "type": "stat", "title": "Queue", "gridPos": {"x": 0, "y": 1, "w": 6, "h": 4}, "fieldConfig": {"defaults": {"unit": "furlongs"}}, "options": {"reduceOptions": {"calcs": ["mean"]}}, "targets": [{"expr": "queue"}]},
	  {"id": 5, "type": "nodeGraph", "title": "Graph"}]}}`
	s, left, err := fromGrafana([]byte(raw), "")
	require.NoError(t, err)
	require.NoError(t, s.Check())
	require.Equal(t, []string{"node-all-of-it", "Node: all of it", "24h", "1m"}, []string{s.Name, s.Title, s.Range, s.Refresh})
	require.Equal(t, []Variable{
		{Name: "node", Kind: "query", Query: "label_values(node_uname_info, instance)", Multi: true, All: true},
		{Name: "every", Kind: "list", Options: []string{"1m", "10m", "1h"}, Default: []string{"10m"}},
	}, s.Variables)
	require.Len(t, s.Panels, 3)
	one := 1.0
	require.Equal(t, Panel{
		ID: "p2", Title: "Used", Kind: "series", X: 0, Y: 2, W: 12, H: 8, Unit: "ratio", Stack: true, Area: true, Max: &one,
		Thresholds: []Threshold{{0.9, "down"}}, Queries: []Query{{Expr: `rate(node_cpu_seconds_total{instance=~"$node"}[5m])`, Legend: "{{mode}}"}},
	}, s.Panels[1])
	require.Equal(t, 10, s.Panels[2].Y, "it lay on the one before")
	require.Equal(t, "mean", s.Panels[2].Reduce)
	require.Equal(t, []string{
		"Variable ds: there is one metric store only", "Variable app: only label_values(metric, label) is understood",
		`Panel "Lines": its query is in another language than LogsQL`, `Panel "Queue": the unit furlongs is shown as a plain number`, `Panel "Graph": there is no panel like nodeGraph`,
	}, left)
	_, _, err = fromGrafana([]byte(`[]`), "")
	require.ErrorContains(t, err, "no dashboard of Grafana")
	_, _, err = fromGrafana([]byte(`{}`), "")
	require.ErrorContains(t, err, "neither a title nor panels")
}

func FuzzFromGrafana(f *testing.F) {
	f.Add([]byte(`{"title":"a","panels":[{"type":"graph","gridPos":{"x":-3,"y":99999,"w":99,"h":0},"targets":[{"expr":"up"}]}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, _, err := fromGrafana(b, "a")
		if err != nil {
			return
		}
		for _, p := range s.Panels {
			require.LessOrEqual(t, p.X+p.W, columns)
			require.GreaterOrEqual(t, p.X, 0)
		}
		_, err = json.Marshal(s)
		require.NoError(t, err)
	})
}
