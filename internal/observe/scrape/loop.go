package scrape

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/relabel"

	"github.com/mainstay-ops/mainstay/internal/core/exposition"
	"github.com/mainstay-ops/mainstay/internal/core/netguard"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

const (
	maxPage = 64 << 20
	accept  = "application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.6,*/*;q=0.1"
)

// target is a target at work.
type target struct {
	found
	job *job

	// known keeps what the text of a series became, so that labels are read once.
	known map[string]*known
	round uint64

	mu    sync.Mutex
	state State
}

// known is a series of a target.
type known struct {
	name    string
	fields  []signal.Field
	dropped bool
	// first and round are the reads in which it was seen first and last.
	first, round uint64
	// own tells that the exporter gives the moments itself: no stale markers then.
	own bool
}

// State of a target.
type State struct {
	URL      string    `json:"url"`
	Labels   string    `json:"labels" doc:"As in PromQL."`
	Up       bool      `json:"up"`
	At       time.Time `json:"at,omitzero" doc:"When it was read last."`
	Duration float64   `json:"duration_seconds"`
	Samples  int       `json:"samples"`
	Error    string    `json:"error,omitempty"`
}

// run reads the target until ctx ends, and then says that its series have ended.
func (t *target) run(ctx context.Context) {
	select {
	case <-ctx.Done():
		return
	case <-time.After(t.first()):
	}
	tick := time.NewTicker(t.every)
	defer tick.Stop()
	for {
		t.scrape(ctx)
		select {
		case <-ctx.Done():
			if t.job.ending.Load() {
				t.end()
			}
			return
		case <-tick.C:
		}
	}
}

// first is how long to wait until the first read.
func (t *target) first() time.Duration {
	now := time.Duration(time.Now().UnixNano() % int64(t.every))
	d := t.offset(t.every) - now
	if d < 0 {
		d += t.every
	}
	return d
}

// scrape reads the target once.
func (t *target) scrape(ctx context.Context) {
	start := time.Now()
	t.round++
	before := len(t.known)
	out, read, err := t.read(ctx, start)
	took := time.Since(start)
	if ctx.Err() != nil {
		return
	}
	scraped, kept := read.scraped, len(out)
	added := max(len(t.known)-before, 0)
	if err != nil {
		out, kept, added = nil, 0, 0
		// Nothing of this read holds; all series end.
		for text, k := range t.known {
			switch {
			case k.first == t.round:
				delete(t.known, text)
			case k.round == t.round:
				k.round--
			}
		}
	}
	out = t.stale(out, start)
	up := 1.0
	if err != nil {
		up = 0
	}
	report := func(name string, v float64) {
		out = append(out, signal.Sample{Name: name, Labels: fieldsOf(t.labels), At: start, Value: v})
	}
	report("up", up)
	report("scrape_duration_seconds", took.Seconds())
	report("scrape_samples_scraped", float64(scraped))
	report("scrape_samples_post_metric_relabeling", float64(kept))
	report("scrape_series_added", float64(added))
	h := &signal.Hints{Item: t.job.spec.Item}
	if h.Item == "" {
		h.Host = t.host
	}
	for i := range out {
		out[i].Hints = h
	}
	_, sendErr := t.job.s.intake.TakeSamples(ctx, t.job.source(), out, read.meta)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.state = State{URL: t.url, Labels: t.labels.String(), Up: err == nil, At: start.UTC(), Duration: took.Seconds(), Samples: kept}
	switch {
	case err != nil:
		t.state.Error = err.Error()
	case sendErr != nil:
		t.state.Error = "The values were read but not taken: " + sendErr.Error()
	}
}

// page is what a read found besides samples.
type page struct {
	scraped int
	meta    map[string]signal.Meta
}

var errLimit = errors.New("there are more series than sample_limit allows")

// read fetches the page and turns it into samples.
func (t *target) read(ctx context.Context, start time.Time) (out []signal.Sample, p page, err error) {
	ctx, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	body, kind, err := t.fetch(ctx)
	if err != nil {
		return nil, p, err
	}
	found, err := exposition.Parse(body, kind, func(s exposition.Series) error {
		p.scraped++
		k := t.known[string(s.Text)]
		if k == nil {
			k = t.learn(s)
			k.first = t.round
			t.known[string(s.Text)] = k
		}
		k.round = t.round
		if k.dropped {
			return nil
		}
		at := start
		if k.own = !s.At.IsZero() && !t.job.spec.IgnoreTimes; k.own {
			at = s.At
		}
		if limit := t.job.spec.SampleLimit; limit > 0 && len(out) >= limit {
			return errLimit
		}
		out = append(out, signal.Sample{Name: k.name, Labels: k.fields, At: at, Value: s.Value})
		return nil
	})
	p.meta = found.Meta
	if errors.Is(err, errLimit) {
		return nil, p, fmt.Errorf("it has more than %d series, which is the sample limit of the job", t.job.spec.SampleLimit)
	}
	if err != nil {
		return nil, p, fmt.Errorf("its answer is not the text of an exporter: %w", err)
	}
	return out, p, nil
}

func (t *target) fetch(ctx context.Context) (body []byte, kind string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, t.url, nil)
	if err != nil {
		return nil, "", err
	}
	req.Header.Set("Accept", accept)
	req.Header.Set("Accept-Encoding", "gzip")
	req.Header.Set("User-Agent", "Mainstay")
	req.Header.Set("X-Prometheus-Scrape-Timeout-Seconds", strconv.FormatFloat(t.timeout.Seconds(), 'f', -1, 64))
	t.job.authorize(req)
	res, err := t.job.client.Do(req)
	if err != nil {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return nil, "", fmt.Errorf("no answer within %s", t.timeout)
		}
		return nil, "", errors.New(netguard.Explain(err))
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, "", fmt.Errorf("it answers %s", res.Status)
	}
	var r io.Reader = res.Body
	if res.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, "", errors.New("its answer is not valid gzip")
		}
		r = z
	}
	body, err = io.ReadAll(io.LimitReader(r, maxPage+1))
	if err != nil {
		return nil, "", errors.New("its answer breaks off")
	}
	if len(body) > maxPage {
		return nil, "", fmt.Errorf("its answer is larger than %d MiB", maxPage>>20)
	}
	return body, res.Header.Get("Content-Type"), nil
}

// learn turns the labels of a series into those that are kept: with those of the
// target, then changed by the rules.
func (t *target) learn(s exposition.Series) *known {
	b := labels.NewBuilder(s.Labels())
	t.labels.Range(func(l labels.Label) {
		if own := b.Get(l.Name); own == "" {
			b.Set(l.Name, l.Value)
		} else if !t.job.spec.HonorLabels {
			name := "exported_" + l.Name
			for b.Get(name) != "" {
				name = "exported_" + name
			}
			b.Set(name, own)
			b.Set(l.Name, l.Value)
		}
	})
	if !relabel.ProcessBuilder(b, t.job.metricRules...) {
		return &known{dropped: true}
	}
	k := &known{}
	b.Labels().Range(func(l labels.Label) {
		switch {
		case l.Name == labels.MetricName:
			k.name = l.Value
		case !strings.HasPrefix(l.Name, "__"):
			k.fields = append(k.fields, signal.Field{Name: l.Name, Value: l.Value})
		}
	})
	k.dropped = k.name == ""
	return k
}

// stale says that series have ended which were there in the read before and are not
// in this one.
func (t *target) stale(out []signal.Sample, at time.Time) []signal.Sample {
	for text, k := range t.known {
		if k.round == t.round {
			continue
		}
		if !k.dropped && !k.own && k.round+1 == t.round {
			out = append(out, signal.Sample{Name: k.name, Labels: k.fields, At: at, Value: math.Float64frombits(signal.StaleMarker)})
		}
		delete(t.known, text)
	}
	return out
}

// end says that all series of a target that is gone have ended.
func (t *target) end() {
	t.round++
	now := time.Now()
	out := t.stale(nil, now)
	out = append(out, signal.Sample{Name: "up", Labels: fieldsOf(t.labels), At: now, Value: math.Float64frombits(signal.StaleMarker)})
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	h := &signal.Hints{Item: t.job.spec.Item}
	if h.Item == "" {
		h.Host = t.host
	}
	for i := range out {
		out[i].Hints = h
	}
	_, _ = t.job.s.intake.TakeSamples(ctx, t.job.source(), out, nil)
}

func fieldsOf(ls labels.Labels) []signal.Field {
	out := make([]signal.Field, 0, ls.Len())
	ls.Range(func(l labels.Label) { out = append(out, signal.Field{Name: l.Name, Value: l.Value}) })
	return out
}

func (j *job) source() signal.Source {
	return signal.Source{Protocol: "scrape", Sender: j.spec.Name, Address: netip.Addr{}}
}

func (j *job) authorize(req *http.Request) {
	switch {
	case j.spec.Basic != nil:
		req.SetBasicAuth(j.spec.Basic.User, j.spec.Basic.Password)
	case j.spec.Bearer != nil:
		req.Header.Set("Authorization", "Bearer "+j.spec.Bearer.Secret)
	}
}

// newClient makes the client of a job. Redirects are followed, but credentials do
// not go to another host.
func newClient(s *Spec, guard netguard.Guard) (*http.Client, error) {
	c, err := s.tlsConfig()
	if err != nil {
		return nil, err
	}
	d := guard.Dialer(0)
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			return d.DialContext(ctx, network, address)
		},
		TLSClientConfig: c, MaxIdleConnsPerHost: 2, MaxIdleConns: 2000, IdleConnTimeout: 5 * time.Minute, DisableCompression: true,
		ResponseHeaderTimeout: time.Minute, MaxResponseHeaderBytes: 64 << 10, ForceAttemptHTTP2: true,
	}}, nil
}
