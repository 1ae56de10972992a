package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/annotations"

	"github.com/mainstay-ops/mainstay/internal/observe"
)

// MaxMatchers is how many selectors one selection may have.
const MaxMatchers = 100

// maxListed bounds the series in one answer when the caller sets no limit.
const maxListed = 200_000

// Selection names series by selectors such as `probe_success{check="web"}`;
// without any it means all series.
type Selection struct {
	Matchers   []string
	Start, End time.Time
	// Limit cuts the answer; 0 means no limit.
	Limit int
}

// LabelNames lists the label names of the selected series, sorted.
func (s *Store) LabelNames(ctx context.Context, sel Selection) (names, warnings []string, err error) {
	return s.list(ctx, sel, func(q storage.Querier, h *storage.LabelHints, ms []*labels.Matcher) ([]string, annotations.Annotations, error) {
		return q.LabelNames(ctx, h, ms...)
	})
}

// LabelValues lists the values of one label in the selected series, sorted.
func (s *Store) LabelValues(ctx context.Context, name string, sel Selection) (values, warnings []string, err error) {
	if !validName(name, true) {
		return nil, nil, &QueryError{Kind: BadData, Err: fmt.Errorf("invalid label name: %q", shortenName(name))}
	}
	return s.list(ctx, sel, func(q storage.Querier, h *storage.LabelHints, ms []*labels.Matcher) ([]string, annotations.Annotations, error) {
		return q.LabelValues(ctx, name, h, ms...)
	})
}

type lister func(storage.Querier, *storage.LabelHints, []*labels.Matcher) ([]string, annotations.Annotations, error)

func (s *Store) list(ctx context.Context, sel Selection, one lister) ([]string, []string, error) {
	sets, err := s.matchers(sel.Matchers, "")
	if err != nil {
		return nil, nil, err
	}
	if len(sets) == 0 {
		sets = [][]*labels.Matcher{nil}
	}
	hints := &storage.LabelHints{}
	if sel.Limit > 0 {
		hints.Limit = sel.Limit + 1
	}
	var notes annotations.Annotations
	found := map[string]struct{}{}
	err = s.querier(sel, func(q storage.Querier) error {
		for _, set := range sets {
			vals, warn, err := one(q, hints, set)
			if err != nil {
				return classify(err)
			}
			notes = notes.Merge(warn)
			for _, v := range vals {
				found[v] = struct{}{}
			}
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	out := slices.Sorted(maps.Keys(found))
	if out == nil {
		out = []string{}
	}
	if sel.Limit > 0 && len(out) > sel.Limit {
		out = out[:sel.Limit]
		notes = notes.Add(errTruncated)
	}
	warnings, _ := remarks(notes, "")
	return out, warnings, nil
}

// SeriesLabels lists the label sets of the selected series, encoded as a JSON
// array. At least one selector is needed.
func (s *Store) SeriesLabels(ctx context.Context, sel Selection) (data []byte, warnings []string, err error) {
	if len(sel.Matchers) == 0 {
		return nil, nil, &QueryError{Kind: BadData, Err: errors.New("no match[] parameter provided")}
	}
	sets, err := s.matchers(sel.Matchers, "match[]")
	if err != nil {
		return nil, nil, err
	}
	limit := sel.Limit
	if limit == 0 || limit > maxListed {
		limit = maxListed
	}
	hints := &storage.SelectHints{Start: sel.Start.UnixMilli(), End: sel.End.UnixMilli(), Func: "series", Limit: limit + 1}
	data = []byte{'['}
	var notes annotations.Annotations
	err = s.querier(sel, func(q storage.Querier) error {
		var found []storage.SeriesSet
		for _, set := range sets {
			// Merging needs sorted sets.
			found = append(found, q.Select(ctx, true, hints, set...))
		}
		all := storage.NewMergeSeriesSet(found, 0, storage.ChainedSeriesMerge)
		for n := 0; all.Next(); n++ {
			if err := ctx.Err(); err != nil {
				return classify(err)
			}
			if n == limit {
				notes = notes.Add(errTruncated)
				break
			}
			if n > 0 {
				data = append(data, ',')
			}
			data = appendLabels(data, all.At().Labels())
		}
		notes = notes.Merge(all.Warnings())
		if err := all.Err(); err != nil {
			return classify(err)
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	warnings, _ = remarks(notes, "")
	return append(data, ']'), warnings, nil
}

func (s *Store) querier(sel Selection, use func(storage.Querier) error) error {
	if !s.begin() {
		return &QueryError{Kind: Unavailable, Err: errors.New("the metric store is closed")}
	}
	defer s.use.RUnlock()
	q, err := s.db.Querier(sel.Start.UnixMilli(), sel.End.UnixMilli())
	if err != nil {
		return &QueryError{Kind: Internal, Err: err}
	}
	useErr := use(q)
	if err := q.Close(); err != nil && useErr == nil {
		return &QueryError{Kind: Internal, Err: err}
	}
	return useErr
}

func (s *Store) matchers(selectors []string, param string) ([][]*labels.Matcher, error) {
	if len(selectors) > MaxMatchers {
		return nil, &QueryError{Kind: BadData, Param: param, Err: fmt.Errorf("at most %d match[] parameters are allowed", MaxMatchers)}
	}
	sets, err := s.parser.ParseMetricSelectors(selectors)
	if err != nil {
		return nil, &QueryError{Kind: BadData, Param: param, Err: err}
	}
	for _, set := range sets {
		if !slices.ContainsFunc(set, func(m *labels.Matcher) bool { return m != nil && !m.Matches("") }) {
			return nil, &QueryError{Kind: BadData, Param: param, Err: errors.New("match[] must contain at least one non-empty matcher")}
		}
	}
	return sets, nil
}

// infoTable holds what metrics mean.
type infoTable struct {
	mu sync.RWMutex
	m  map[string]observe.MetricInfo
}

// maxInfos bounds the table, as names can come from outside.
const maxInfos = 20_000

// Describe implements observe.Appender.
func (s *Store) Describe(infos ...observe.MetricInfo) {
	s.info.mu.Lock()
	defer s.info.mu.Unlock()
	if s.info.m == nil {
		s.info.m = map[string]observe.MetricInfo{}
	}
	for _, i := range infos {
		if _, known := s.info.m[i.Name]; known || len(s.info.m) < maxInfos {
			s.info.m[i.Name] = i
		}
	}
}

// Described lists what is known of the metric with this name, or of all when it
// is empty, by name; at most limit unless it is negative.
func (s *Store) Described(name string, limit int) []observe.MetricInfo {
	s.info.mu.RLock()
	defer s.info.mu.RUnlock()
	out := []observe.MetricInfo{}
	for _, n := range slices.Sorted(maps.Keys(s.info.m)) {
		if name != "" && n != name {
			continue
		}
		if limit >= 0 && len(out) == limit {
			break
		}
		out = append(out, s.info.m[n])
	}
	return out
}

func shortenName(s string) string { return s[:min(len(s), maxLabelName)] }
