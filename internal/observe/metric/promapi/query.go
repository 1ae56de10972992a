package promapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/mainstay-ops/mainstay/internal/observe/metric/store"
)

// maxTimeout bounds the timeout that a client may ask for; the store's own limit
// applies too.
const maxTimeout = 10 * time.Minute

func (a *api) query(r *http.Request) (answer, error) {
	at, err := timeParam(r, "time", a.Clock.Now())
	if err != nil {
		return answer{}, err
	}
	return a.execute(r, store.Query{End: at})
}

func (a *api) queryRange(r *http.Request) (answer, error) {
	var q store.Query
	var err error
	if q.Start, err = parseTime(r.FormValue("start")); err != nil {
		return answer{}, badData("start", err)
	}
	if q.End, err = parseTime(r.FormValue("end")); err != nil {
		return answer{}, badData("end", err)
	}
	if q.End.Before(q.Start) {
		return answer{}, badData("end", errors.New("end timestamp must not be before start time"))
	}
	if q.Step, err = parseDuration(r.FormValue("step")); err != nil {
		return answer{}, badData("step", err)
	}
	if q.Step <= 0 {
		return answer{}, badData("step", errors.New("zero or negative query resolution step widths are not accepted. Try a positive integer"))
	}
	return a.execute(r, q)
}

func (a *api) execute(r *http.Request, q store.Query) (answer, error) {
	var err error
	if q.Limit, err = limitParam(r); err != nil {
		return answer{}, err
	}
	ctx := r.Context()
	if s := r.FormValue("timeout"); s != "" {
		d, err := parseDuration(s)
		if err != nil {
			return answer{}, badData("timeout", err)
		}
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, min(d, maxTimeout))
		defer cancel()
	}
	if s := r.FormValue("lookback_delta"); s != "" {
		if q.Lookback, err = parseDuration(s); err != nil {
			return answer{}, badData("", fmt.Errorf("error parsing lookback delta duration: %w", err))
		}
	}
	q.Expr = r.FormValue("query")
	q.Stats = r.FormValue("stats")
	out, err := a.Store.Execute(ctx, q)
	return answer{data: out.Data, warnings: out.Warnings, infos: out.Infos}, err
}

func (a *api) format(r *http.Request) (answer, error) {
	s, err := a.Store.Format(r.FormValue("query"))
	if err != nil {
		return answer{}, err
	}
	return encoded(s, nil)
}

func (a *api) labels(r *http.Request) (answer, error) {
	sel, err := selection(r)
	if err != nil {
		return answer{}, err
	}
	names, warnings, err := a.Store.LabelNames(r.Context(), sel)
	if err != nil {
		return answer{}, err
	}
	return encoded(names, warnings)
}

func (a *api) labelValues(r *http.Request) (answer, error) {
	sel, err := selection(r)
	if err != nil {
		return answer{}, err
	}
	values, warnings, err := a.Store.LabelValues(r.Context(), r.PathValue("name"), sel)
	if err != nil {
		return answer{}, err
	}
	return encoded(values, warnings)
}

func (a *api) series(r *http.Request) (answer, error) {
	sel, err := selection(r)
	if err != nil {
		return answer{}, err
	}
	data, warnings, err := a.Store.SeriesLabels(r.Context(), sel)
	return answer{data: data, warnings: warnings}, err
}

// info is one entry of the metadata answer.
type info struct {
	Type string `json:"type"`
	Help string `json:"help"`
	Unit string `json:"unit"`
}

func (a *api) metadata(r *http.Request) (answer, error) {
	limit, err := numberParam(r, "limit")
	if err != nil {
		return answer{}, err
	}
	perMetric, err := numberParam(r, "limit_per_metric")
	if err != nil {
		return answer{}, err
	}
	out := map[string][]info{}
	for _, m := range a.Store.Described(r.FormValue("metric"), limit) {
		out[m.Name] = []info{}
		if perMetric != 0 {
			out[m.Name] = append(out[m.Name], info{Type: m.Type, Help: m.Help, Unit: m.Unit})
		}
	}
	return encoded(out, nil)
}
