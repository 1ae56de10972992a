package metric

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/observe"
	"github.com/mainstay-ops/mainstay/internal/observe/metric/store"
)

const (
	// freshFor is how long lists for completion are kept: people type faster than
	// metrics come.
	freshFor = 15 * time.Second
	// maxLists bounds how many lists are kept.
	maxLists = 64
	// lookBack is the range in which names and values are looked up when none is given.
	lookBack = 24 * time.Hour
)

// lists keeps the lists of names and values that completion asks for with each letter.
type lists struct {
	mu sync.Mutex
	m  map[string]listed
}

type listed struct {
	at     time.Time
	values []string
}

// get gives a list that is fresh, or reads it.
func (l *lists) get(key string, now time.Time, read func() ([]string, error)) ([]string, error) {
	l.mu.Lock()
	got, ok := l.m[key]
	l.mu.Unlock()
	if ok && now.Sub(got.at) < freshFor {
		return got.values, nil
	}
	values, err := read()
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.m == nil {
		l.m = map[string]listed{}
	}
	if len(l.m) >= maxLists {
		for k, v := range l.m {
			if now.Sub(v.at) >= freshFor {
				delete(l.m, k)
			}
		}
		if len(l.m) >= maxLists {
			clear(l.m)
		}
	}
	l.m[key] = listed{now, values}
	return values, nil
}

// rank sorts what a word finds: what begins with it, then what has a part that begins
// with it, then what contains it. It is -1 for what does not contain it.
func rank(value, word string) int {
	if word == "" {
		return 0
	}
	v := strings.ToLower(value)
	i := strings.Index(v, word)
	switch {
	case i < 0:
		return -1
	case i == 0:
		return 0
	case strings.Contains(v, "_"+word), strings.Contains(v, ":"+word):
		return 1
	}
	return 2
}

// find gives the values with a word, the best first, at most limit; more tells that
// there are others.
func find(values []string, word string, limit int) (out []string, more bool) {
	word = strings.ToLower(word)
	var by [3][]string
	n := 0
	for _, v := range values {
		r := rank(v, word)
		if r < 0 {
			continue
		}
		n++
		if len(by[r]) < limit {
			by[r] = append(by[r], v)
		}
	}
	out = slices.Concat(by[0], by[1], by[2])
	if len(out) > limit {
		out = out[:limit]
	}
	return out, n > len(out)
}

// Metric is a name with its meaning.
type Metric struct {
	Name string `json:"name"`
	Type string `json:"type,omitempty" doc:"gauge, counter, histogram, summary; empty when nobody said."`
	Unit string `json:"unit,omitempty"`
	Help string `json:"help,omitempty"`
}

// metrics lists metrics whose name or help has a word.
func (r *room) metrics(ctx context.Context, s *store.Store, from, to time.Time, word string, limit int) ([]Metric, bool, error) {
	names, err := r.names(ctx, s, from, to)
	if err != nil {
		return nil, false, err
	}
	infos := map[string]observe.MetricInfo{}
	for _, i := range s.Described("", -1) {
		infos[i.Name] = i
	}
	found, more := find(names, word, limit)
	out := make([]Metric, 0, len(found))
	has := map[string]bool{}
	add := func(n string) {
		has[n] = true
		i := meaning(infos, n)
		out = append(out, Metric{Name: n, Type: i.Type, Unit: i.Unit, Help: i.Help})
	}
	for _, n := range found {
		add(n)
	}
	// Those whose help has the word come behind.
	if low := strings.ToLower(strings.TrimSpace(word)); low != "" && !more {
		for _, n := range names {
			if has[n] || !containsAll(strings.ToLower(n+" "+meaning(infos, n).Help), strings.Fields(low)) {
				continue
			}
			if len(out) == limit {
				more = true
				break
			}
			add(n)
		}
	}
	return out, more, nil
}

func containsAll(text string, words []string) bool {
	for _, w := range words {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return len(words) > 0
}

// meaning finds what is known of a metric; the parts of a histogram or a summary are
// described under its own name.
func meaning(infos map[string]observe.MetricInfo, name string) observe.MetricInfo {
	if i, ok := infos[name]; ok {
		return i
	}
	for _, part := range []string{"_bucket", "_count", "_sum", "_total"} {
		if base, cut := strings.CutSuffix(name, part); cut {
			if i, ok := infos[base]; ok {
				if part == "_bucket" || part == "_count" {
					i.Unit = ""
				}
				if part != "_total" {
					i.Type = cmp.Or(i.Type, "histogram")
				}
				return i
			}
		}
	}
	return observe.MetricInfo{}
}

func (r *room) names(ctx context.Context, s *store.Store, from, to time.Time) ([]string, error) {
	return r.values(ctx, s, labels.MetricName, "", from, to)
}

// values lists the values of a label in the series that a selector names, sorted.
func (r *room) values(ctx context.Context, s *store.Store, label, match string, from, to time.Time) ([]string, error) {
	return r.lists.get("v\x00"+label+"\x00"+match+"\x00"+span(from, to), r.now(), func() ([]string, error) {
		vs, _, err := s.LabelValues(ctx, label, selection(match, from, to))
		return vs, forPeople(err)
	})
}

// labelNames lists the labels of the series that a selector names.
func (r *room) labelNames(ctx context.Context, s *store.Store, match string, from, to time.Time) ([]string, error) {
	return r.lists.get("n\x00"+match+"\x00"+span(from, to), r.now(), func() ([]string, error) {
		ns, _, err := s.LabelNames(ctx, selection(match, from, to))
		if i := slices.Index(ns, labels.MetricName); i >= 0 {
			ns = slices.Delete(ns, i, i+1)
		}
		return ns, forPeople(err)
	})
}

// span is a range as a key: a list of the last minutes is good for a moment.
func span(from, to time.Time) string {
	return from.Truncate(time.Minute).Format(time.RFC3339) + to.Truncate(time.Minute).Format(time.RFC3339)
}

func selection(match string, from, to time.Time) store.Selection {
	sel := store.Selection{Start: from, End: to}
	if match != "" {
		sel.Matchers = []string{match}
	}
	return sel
}

// forPeople turns an error of the store into a sentence.
func forPeople(err error) error {
	var qe *store.QueryError
	if !errors.As(err, &qe) {
		return err
	}
	switch qe.Kind {
	case store.BadData:
		return errs.Fields(errs.Field{Path: "match", Message: "cannot be read: " + qe.Err.Error()})
	case store.Canceled, store.Timeout, store.Unavailable:
		return errs.Wrap(errs.Unavailable, err, "The metric store did not answer in time.")
	}
	return err
}
