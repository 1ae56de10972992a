package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
)

// maxCounted is how many series of one metric are read to count its labels.
const maxCounted = 50_000

// Mistake is a place in a query that cannot be read.
type Mistake struct {
	// Start and End in bytes; End is behind the last byte.
	Start, End int
	Message    string
}

// Check reads a query without running it. It gives the type of its answer ("instant
// vector", "scalar" ...), or what is wrong and where.
func (s *Store) Check(expr string) (kind string, bad []Mistake) {
	e, err := s.parser.ParseExpr(expr)
	if err == nil {
		return parser.DocumentedType(e.Type()), nil
	}
	var many parser.ParseErrors
	var one *parser.ParseErr
	switch {
	case errors.As(err, &many):
	case errors.As(err, &one):
		many = parser.ParseErrors{*one}
	default:
		return "", []Mistake{{Start: 0, End: len(expr), Message: err.Error()}}
	}
	for _, m := range many {
		from := min(max(int(m.PositionRange.Start), 0), len(expr))
		bad = append(bad, Mistake{Start: from, End: min(max(int(m.PositionRange.End), from), len(expr)), Message: m.Err.Error()})
	}
	return "", bad
}

// Signature is how a function is called.
type Signature struct {
	Name string
	// Text is "rate(range vector)", an argument that may be missing in brackets.
	Text    string
	Returns string
}

// Signatures lists the functions of the query language by name, without those that
// are only tried out.
func Signatures() []Signature {
	var out []Signature
	for _, f := range parser.Functions {
		if f.Experimental {
			continue
		}
		var args []string
		for i, t := range f.ArgTypes {
			a := parser.DocumentedType(t)
			// Variadic says how many of the last arguments may be missing.
			if f.Variadic > 0 && i >= len(f.ArgTypes)-f.Variadic || f.Variadic < 0 && i == len(f.ArgTypes)-1 {
				a = "[" + a + "]"
			}
			args = append(args, a)
		}
		if f.Variadic < 0 {
			args = append(args, "...")
		}
		out = append(out, Signature{Name: f.Name, Text: f.Name + "(" + strings.Join(args, ", ") + ")", Returns: parser.DocumentedType(f.ReturnType)})
	}
	slices.SortFunc(out, func(a, b Signature) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// LabelUse is a label of a metric.
type LabelUse struct {
	Name string
	// Values is how many there are, Examples are some of them, the most frequent first.
	Values   int
	Examples []string
}

// LabelUses counts the labels of one metric. More than 50,000 series are not read; more
// tells that there are some.
func (s *Store) LabelUses(ctx context.Context, metric string, from, to time.Time) (series int, uses []LabelUse, more bool, err error) {
	const examples = 8
	m := labels.MustNewMatcher(labels.MatchEqual, labels.MetricName, metric)
	counts := map[string]map[string]int{}
	hints := &storage.SelectHints{Start: from.UnixMilli(), End: to.UnixMilli(), Func: "series", Limit: maxCounted + 1}
	err = s.querier(Selection{Start: from, End: to}, func(q storage.Querier) error {
		set := q.Select(ctx, false, hints, m)
		for set.Next() {
			if series == maxCounted {
				more = true
				break
			}
			if err := ctx.Err(); err != nil {
				return classify(err)
			}
			series++
			set.At().Labels().Range(func(l labels.Label) {
				if l.Name == labels.MetricName {
					return
				}
				if counts[l.Name] == nil {
					counts[l.Name] = map[string]int{}
				}
				counts[l.Name][l.Value]++
			})
		}
		if err := set.Err(); err != nil {
			return classify(err)
		}
		return nil
	})
	if err != nil {
		return 0, nil, false, err
	}
	for name, values := range counts {
		u := LabelUse{Name: name, Values: len(values)}
		for v := range values {
			u.Examples = append(u.Examples, v)
		}
		slices.SortFunc(u.Examples, func(a, b string) int {
			if d := values[b] - values[a]; d != 0 {
				return d
			}
			return strings.Compare(a, b)
		})
		u.Examples = slices.Clone(u.Examples[:min(examples, len(u.Examples))])
		uses = append(uses, u)
	}
	slices.SortFunc(uses, func(a, b LabelUse) int { return strings.Compare(a.Name, b.Name) })
	return series, uses, more, nil
}

// CheckName tells whether a metric can be called so.
func CheckName(name string) error {
	if !validName(name, true) {
		return &QueryError{Kind: BadData, Err: fmt.Errorf("invalid metric name: %q", shortenName(name))}
	}
	return nil
}
