package trace

import (
	"context"
	"fmt"
	"math"
	"sort"
	"strconv"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/logdb"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// entry selects the spans that are requests: those of servers and consumers, and roots
// of programs that say no kind.
const entry = `(` + fKind + `:in(server,consumer) or (` + fParent + `:="" ` + fKind + `:in(internal,unspecified)))`

// Rates are how requests went over a period.
type Rates struct {
	Requests  int64   `json:"requests"`
	PerSecond float64 `json:"per_second"`
	Failed    int64   `json:"failed"`
	// FailedShare is between 0 and 1.
	FailedShare float64 `json:"failed_share"`
	P50         float64 `json:"p50_ms"`
	P95         float64 `json:"p95_ms"`
	P99         float64 `json:"p99_ms"`
	// TotalMS is all the time spent, which tells what to make quicker first.
	TotalMS float64 `json:"total_ms"`
}

const rateStats = "count() as n, count() if (" + fFailed + ":=true) as failed, quantile(0.5, " + fDuration + ") as p50, quantile(0.95, " + fDuration + ") as p95, quantile(0.99, " + fDuration + ") as p99, sum(" + fDuration + ") as total"

func number(s string) float64 {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(f) {
		return 0
	}
	return f
}

func rates(r map[string]string, seconds float64) Rates {
	v := Rates{Requests: int64(number(r["n"])), Failed: int64(number(r["failed"])), P50: number(r["p50"]) / 1e6, P95: number(r["p95"]) / 1e6, P99: number(r["p99"]) / 1e6, TotalMS: number(r["total"]) / 1e6}
	if v.Requests > 0 {
		v.FailedShare = float64(v.Failed) / float64(v.Requests)
	}
	if seconds > 0 {
		v.PerSecond = float64(v.Requests) / seconds
	}
	return v
}

// ServiceView is a service and how it did.
type ServiceView struct {
	Name string `json:"name"`
	Item string `json:"item,omitempty" doc:"Name of the item that it ran on last."`
	Rates
	// Apdex is between 0 and 1; nil without requests.
	Apdex    *float64 `json:"apdex,omitempty" doc:"(satisfied + tolerating / 2) / requests; satisfied is at most the apdex threshold and not failed, tolerating at most four times that."`
	ApdexMS  int64    `json:"apdex_ms" doc:"The apdex threshold in milliseconds."`
	Versions []string `json:"versions" doc:"Versions that ran in the period."`
}

func checkPeriod(from, to time.Time) error {
	if !to.After(from) {
		return errs.Fields(errs.Field{Path: "end", Value: to.Format(time.RFC3339), Message: "must be after start"})
	}
	return nil
}

// services lists those with requests in a period, the busiest first; name "" gives all.
func (s *Service) services(ctx context.Context, name string, from, to time.Time) ([]ServiceView, error) {
	if err := checkPeriod(from, to); err != nil {
		return nil, err
	}
	q := entry
	if name != "" {
		q = fService + ":=" + quote(name) + " " + entry
	}
	rs, err := s.rows(ctx, logdb.Query{LogsQL: q + " | stats by (" + fService + ") " + rateStats + ", max(" + fItem + ") as item | sort by (n desc) limit 2000", From: from, To: to})
	if err != nil {
		return nil, err
	}
	apdex, err := s.apdexAll(ctx)
	if err != nil {
		return nil, err
	}
	versions, err := s.versionsIn(ctx, name, from, to)
	if err != nil {
		return nil, err
	}
	seconds := to.Sub(from).Seconds()
	out := make([]ServiceView, len(rs))
	for i, r := range rs {
		v := ServiceView{Name: r[fService], Item: r["item"], Rates: rates(r, seconds), ApdexMS: usualApdex.Milliseconds(), Versions: versions[r[fService]]}
		if t := apdex[v.Name]; t > 0 {
			v.ApdexMS = t
		}
		if v.Versions == nil {
			v.Versions = []string{}
		}
		out[i] = v
	}
	return out, s.addApdex(ctx, out, from, to)
}

// addApdex counts the satisfied and the patient among the requests.
func (s *Service) addApdex(ctx context.Context, vs []ServiceView, from, to time.Time) error {
	groups := map[int64][]string{}
	for _, v := range vs {
		groups[v.ApdexMS] = append(groups[v.ApdexMS], quote(v.Name))
	}
	score := map[string]float64{}
	for ms, names := range groups {
		t := ms * int64(time.Millisecond)
		q := fmt.Sprintf("%s:in(%s) %s | stats by (%s) count() if (%s:<=%d !%s:=true) as good, count() if (%s:>%d %s:<=%d !%s:=true) as patient",
			fService, join(names), entry, fService, fDuration, t, fFailed, fDuration, t, fDuration, 4*t, fFailed)
		rs, err := s.rows(ctx, logdb.Query{LogsQL: q, From: from, To: to})
		if err != nil {
			return err
		}
		for _, r := range rs {
			score[r[fService]] = number(r["good"]) + number(r["patient"])/2
		}
	}
	for i := range vs {
		if vs[i].Requests > 0 {
			a := score[vs[i].Name] / float64(vs[i].Requests)
			vs[i].Apdex = &a
		}
	}
	return nil
}

func join(parts []string) string {
	out := ""
	for i, p := range parts {
		if i > 0 {
			out += ","
		}
		out += p
	}
	return out
}

// OperationView is one operation of a service.
type OperationView struct {
	Name string `json:"name"`
	Rates
}

func (s *Service) operations(ctx context.Context, service string, from, to time.Time) ([]OperationView, error) {
	rs, err := s.rows(ctx, logdb.Query{LogsQL: fService + ":=" + quote(service) + " " + entry + " | stats by (" + logdb.Message + ") " + rateStats + " | sort by (total desc) limit 500", From: from, To: to})
	if err != nil {
		return nil, err
	}
	out := make([]OperationView, len(rs))
	for i, r := range rs {
		out[i] = OperationView{Name: r[logdb.Message], Rates: rates(r, to.Sub(from).Seconds())}
	}
	return out, nil
}

// StatementView is a statement of a database without its values.
type StatementView struct {
	Statement string `json:"statement"`
	System    string `json:"system" doc:"Kind of the database, such as postgresql."`
	Database  string `json:"database,omitempty"`
	TraceID   string `json:"trace_id" doc:"A trace with one of the slowest."`
	Rates
}

// statements lists those of a service, or of all, by the time spent.
func (s *Service) statements(ctx context.Context, service string, from, to time.Time) ([]StatementView, error) {
	q := fStatement + `:!=""`
	if service != "" {
		q += " " + fService + ":=" + quote(service)
	}
	rs, err := s.rows(ctx, logdb.Query{
		LogsQL: q + " | stats by (" + fStatement + ") " + rateStats + ", max(db.system) as system, max(db.system.name) as system_name, max(db.name) as db, max(db.namespace) as namespace, row_max(" + fDuration + ", " + fTrace + ") as slowest | sort by (total desc) limit 200",
		From:   from, To: to,
	})
	if err != nil {
		return nil, err
	}
	out := make([]StatementView, len(rs))
	for i, r := range rs {
		v := StatementView{Statement: r[fStatement], System: r["system_name"], Database: r["namespace"], Rates: rates(r, to.Sub(from).Seconds()), TraceID: traceIn(r["slowest"])}
		if v.System == "" {
			v.System = r["system"]
		}
		if v.Database == "" {
			v.Database = r["db"]
		}
		out[i] = v
	}
	return out, nil
}

// Node is a service, or what services call, on the map.
type Node struct {
	Name string `json:"name"`
	Kind string `json:"kind" enum:"service,database,messaging,external"`
	Item string `json:"item,omitempty"`
	Rates
	Apdex *float64 `json:"apdex,omitempty"`
}

// Call is who calls whom.
type Call struct {
	Client      string  `json:"client"`
	Server      string  `json:"server"`
	Kind        string  `json:"kind" enum:"service,database,messaging,external"`
	Calls       float64 `json:"calls"`
	PerSecond   float64 `json:"per_second"`
	Failed      float64 `json:"failed"`
	FailedShare float64 `json:"failed_share"`
	MeanMS      float64 `json:"mean_ms"`
}

// Map is services and their calls over a period.
type Map struct {
	Nodes []Node `json:"nodes"`
	Calls []Call `json:"calls"`
}

// serviceMap draws who called whom.
func (s *Service) serviceMap(ctx context.Context, from, to time.Time) (Map, error) {
	out := Map{Nodes: []Node{}, Calls: []Call{}}
	vs, err := s.services(ctx, "", from, to)
	if err != nil {
		return out, err
	}
	known := map[string]bool{}
	for _, v := range vs {
		known[v.Name] = true
		out.Nodes = append(out.Nodes, Node{Name: v.Name, Kind: peerService, Item: v.Item, Rates: v.Rates, Apdex: v.Apdex})
	}
	if out.Calls, err = s.calls(ctx, from, to); err != nil {
		return out, err
	}
	other := map[string]int{}
	for _, c := range out.Calls {
		if !known[c.Client] {
			known[c.Client] = true
			out.Nodes = append(out.Nodes, Node{Name: c.Client, Kind: peerService})
		}
		if c.Kind == peerService && known[c.Server] {
			continue
		}
		i, ok := other[c.Server]
		if !ok {
			i = len(out.Nodes)
			other[c.Server] = i
			out.Nodes = append(out.Nodes, Node{Name: c.Server, Kind: c.Kind})
			if c.Kind == peerService {
				known[c.Server] = true
			}
		}
		n := &out.Nodes[i]
		n.Requests += int64(c.Calls)
		n.Failed += int64(c.Failed)
		n.PerSecond += c.PerSecond
		n.TotalMS += c.MeanMS * c.Calls
		if n.Requests > 0 {
			n.FailedShare = float64(n.Failed) / float64(n.Requests)
		}
	}
	return out, nil
}

func (s *Service) calls(ctx context.Context, from, to time.Time) ([]Call, error) {
	window := fmt.Sprintf("%ds", max(60, int64(to.Sub(from).Seconds())))
	ask := func(expr string) ([]observe.Series, error) { return s.metrics.Instant(ctx, expr, to) }
	n, err := ask("sum by (client, server, type, failed) (increase(" + mCalls + "[" + window + "]))")
	if err != nil {
		return nil, err
	}
	t, err := ask("sum by (client, server, type) (increase(" + mCallTime + "[" + window + "]))")
	if err != nil {
		return nil, err
	}
	found := map[edge]*Call{}
	for _, x := range n {
		l := x.Labels
		e := edge{l["client"], l["server"], l["type"]}
		c := found[e]
		if c == nil {
			c = &Call{Client: e.client, Server: e.server, Kind: e.kind}
			found[e] = c
		}
		v := math.Round(x.Points[0].Value)
		c.Calls += v
		if l["failed"] == "true" {
			c.Failed += v
		}
	}
	for _, x := range t {
		if c := found[edge{x.Labels["client"], x.Labels["server"], x.Labels["type"]}]; c != nil && c.Calls > 0 {
			c.MeanMS = x.Points[0].Value / c.Calls * 1000
		}
	}
	out := []Call{}
	for _, c := range found {
		if c.Calls == 0 {
			continue
		}
		c.FailedShare = c.Failed / c.Calls
		c.PerSecond = c.Calls / to.Sub(from).Seconds()
		out = append(out, *c)
	}
	sort.Slice(out, func(i, j int) bool {
		if out[i].Calls != out[j].Calls {
			return out[i].Calls > out[j].Calls
		}
		return out[i].Client+out[i].Server < out[j].Client+out[j].Server
	})
	return out, nil
}
