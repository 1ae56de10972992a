package eval

import (
	"context"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/template"

	"github.com/mainstay-ops/mainstay/internal/observe"
)

// templateVars are what Prometheus defines before the text of a template.
const templateVars = "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}{{$externalURL := .ExternalURL}}{{$value := .Value}}"

// maxText limits what one template may write.
const maxText = 4 << 10

// Renderer writes the labels and annotations of a rule for one instance, with the
// templates of Prometheus.
type Renderer struct {
	// Metrics answers {{ query "…" }}; nil answers nothing.
	Metrics observe.Metrics
	// URL of this server, for {{ $externalURL }}.
	URL string
}

// Render fills in the templates of texts. What cannot be filled in says so in its
// place, so that a mistake in a text never keeps an alert back.
func (r Renderer) Render(ctx context.Context, texts, labels map[string]string, value float64, at time.Time) map[string]string {
	out := make(map[string]string, len(texts))
	external, err := url.Parse(r.URL)
	if err != nil {
		external = &url.URL{}
	}
	data := template.AlertTemplateData(labels, map[string]string{}, r.URL, promql.Sample{F: value})
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		text := texts[name]
		if strings.Contains(text, "{{") {
			s, err := template.NewTemplateExpander(ctx, templateVars+text, name, data, model.TimeFromUnixNano(at.UnixNano()), r.query, external, nil).Expand()
			if err != nil {
				s = "(this text cannot be filled in: " + shortError(err) + ")"
			}
			text = s
		}
		if len(text) > maxText {
			text = strings.ToValidUTF8(text[:maxText], "") + "…"
		}
		out[name] = text
	}
	return out
}

// CheckText says what is wrong with a template; empty when nothing is.
func CheckText(text string) string {
	data := template.AlertTemplateData(map[string]string{}, map[string]string{}, "", promql.Sample{})
	err := template.NewTemplateExpander(context.Background(), templateVars+text, "text", data, model.Now(), nil, &url.URL{}, nil).ParseTest()
	if err != nil {
		return "is not a template: " + shortError(err)
	}
	return ""
}

func shortError(err error) string {
	s := err.Error()
	for _, cut := range []string{"error parsing template text: ", "error executing template text: ", "template: text:", "template: "} {
		s = strings.TrimPrefix(s, cut)
	}
	return s
}

func (r Renderer) query(ctx context.Context, q string, at time.Time) (promql.Vector, error) {
	if r.Metrics == nil {
		return nil, nil
	}
	ss, err := r.Metrics.Instant(ctx, q, at)
	if err != nil {
		return nil, err
	}
	var out promql.Vector
	for _, s := range ss {
		if len(s.Points) > 0 {
			out = append(out, promql.Sample{T: at.UnixMilli(), F: s.Points[0].Value, Metric: labels.FromMap(s.Labels)})
		}
	}
	return out, nil
}
