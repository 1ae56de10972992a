// Package exposition reads the text in which exporters show their metrics: the
// Prometheus text format and OpenMetrics, with the parser of Prometheus itself.
package exposition

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"

	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

// Series is one line of the text.
type Series struct {
	// Labels include the name as __name__. They are valid until the next call.
	Labels labels.Labels
	// At is the moment that the line names; the zero value when it names none.
	At    time.Time
	Value float64
}

// Found counts what was in the text besides series.
type Found struct {
	// Exemplars were left out.
	Exemplars int
	// Meta is what the text says of its metrics, by the name of the series.
	Meta map[string]signal.Meta
}

// maxSeries bounds what one text may hold.
const maxSeries = 2_000_000

// Parse reads text and hands on each series. contentType may be empty or wrong: the
// text is then read as the Prometheus text format. It ends at the first error of
// each or of the text.
func Parse(text []byte, contentType string, each func(Series) error) (found Found, err error) {
	found.Meta = map[string]signal.Meta{}
	// The parser keeps its promises for valid text; what is outside must not end the
	// program.
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the text cannot be read: %v", p)
		}
	}()
	p, err := textparse.New(text, contentType, nil, textparse.ParserOptions{FallbackContentType: "text/plain", IgnoreNativeHistograms: true})
	if p == nil {
		return found, err
	}
	var ls labels.Labels
	meta := func(name []byte, set func(*signal.Meta)) {
		if len(found.Meta) < 20_000 {
			m := found.Meta[string(name)]
			set(&m)
			found.Meta[string(name)] = m
		}
	}
	for n := 0; ; {
		entry, err := p.Next()
		if errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil {
			return found, err
		}
		switch entry {
		case textparse.EntryType:
			name, t := p.Type()
			meta(name, func(m *signal.Meta) { m.Type = kind(t) })
		case textparse.EntryHelp:
			name, text := p.Help()
			meta(name, func(m *signal.Meta) { m.Help = string(text) })
		case textparse.EntryUnit:
			name, unit := p.Unit()
			meta(name, func(m *signal.Meta) { m.Unit = string(unit) })
		case textparse.EntrySeries:
			if n++; n > maxSeries {
				return found, fmt.Errorf("the text has more than %d series", maxSeries)
			}
			_, ms, v := p.Series()
			p.Labels(&ls)
			s := Series{Labels: ls, Value: v}
			if ms != nil {
				s.At = time.UnixMilli(*ms)
			}
			if err := each(s); err != nil {
				return found, err
			}
			found.Exemplars += exemplars(p)
		}
	}
}

func kind(t model.MetricType) string {
	switch t {
	case model.MetricTypeCounter, model.MetricTypeGauge, model.MetricTypeHistogram, model.MetricTypeSummary:
		return string(t)
	case model.MetricTypeInfo, model.MetricTypeStateset, model.MetricTypeGaugeHistogram:
		return "gauge"
	}
	return "unknown"
}
