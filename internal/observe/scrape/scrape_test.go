package scrape

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/apply"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/config"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/module"
	"github.com/mainstay-ops/mainstay/internal/core/secret"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
	"github.com/mainstay-ops/mainstay/internal/observe"
	"github.com/mainstay-ops/mainstay/internal/testkit"
)

// gate keeps samples.
type gate struct {
	signal.Lines
	signal.Spans
	mu  sync.Mutex
	got []signal.Sample
}

func (g *gate) TakeSamples(_ context.Context, _ signal.Source, in []signal.Sample, _ map[string]signal.Meta) (signal.Receipt, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.got = append(g.got, in...)
	return signal.Receipt{Taken: len(in)}, nil
}

// drain gives what came since the last call, as "name{label=value,…}".
func (g *gate) drain() map[string]float64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	out := map[string]float64{}
	for _, s := range g.got {
		fs := slices.Clone(s.Labels)
		slices.SortFunc(fs, func(a, b signal.Field) int { return strings.Compare(a.Name, b.Name) })
		var parts []string
		for _, f := range fs {
			parts = append(parts, f.Name+"="+f.Value)
		}
		out[s.Name+"{"+strings.Join(parts, ",")+"}"] = s.Value
	}
	g.got = nil
	return out
}

func service(t *testing.T, d *db.DB) (*Service, *gate) {
	t.Helper()
	require.NoError(t, d.Migrate(t.Context(), []db.Migrations{audit.Migrations(), {Module: "observe.scrape", FS: migrations}}))
	box, err := secret.Open(t.TempDir())
	require.NoError(t, err)
	deps := module.Deps{DB: d, Config: config.Default(), Secrets: box, Logger: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry(), Wire: module.NewWire()}
	in, err := Module().New(deps)
	require.NoError(t, err)
	g := &gate{}
	module.Provide[signal.Intake](deps, g)
	require.NoError(t, deps.Wire.Join())
	return in.(*Service), g
}

// one makes the only target of a job, without its loop.
func one(t *testing.T, s *Service, spec Spec) *target {
	t.Helper()
	spec.normal()
	require.NoError(t, spec.validate())
	j, err := s.newJob(spec)
	require.NoError(t, err)
	gs, err := j.discover(t.Context())
	require.NoError(t, err)
	fs, err := spec.targets(gs, j.rules)
	require.NoError(t, err)
	require.Len(t, fs, 1)
	return &target{found: fs[0], job: j, known: map[string]*known{}}
}

func isStale(v float64) bool { return math.Float64bits(v) == signal.StaleMarker }

func TestOneTarget(t *testing.T) {
	s, g := service(t, testkit.SQLite(t))
	var mu sync.Mutex
	text, status := "", 200
	show := func(st int, s string) {
		mu.Lock()
		defer mu.Unlock()
		status, text = st, s
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if r.Header.Get("Authorization") != "Bearer sesame" || r.URL.Query().Get("module") != "x" {
			status = 403
		}
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(text))
	}))
	defer srv.Close()
	host := strings.TrimPrefix(srv.URL, "http://")
	tg := one(t, s, Spec{
		Name: "node", Targets: []string{host}, Labels: map[string]string{"env": "prod"}, Params: map[string][]string{"module": {"x"}}, Bearer: &Bearer{Secret: "sesame"},
		Relabel:       []Rule{{SourceLabels: []string{"env"}, TargetLabel: "stage"}},
		MetricRelabel: []Rule{{SourceLabels: []string{"__name__"}, Regex: "go_.*", Action: "drop"}}, SampleLimit: 3,
	})
	who := "env=prod,instance=" + host + ",job=node,stage=prod"

	show(200, "a{env=\"own\",x=\"1\"} 1\nb 2\ngo_gc 3\n")
	tg.scrape(t.Context())
	got := g.drain()
	require.Equal(t, 1.0, got["a{env=prod,exported_env=own,instance="+host+",job=node,stage=prod,x=1}"], "%v", got)
	require.Equal(t, 2.0, got["b{"+who+"}"])
	require.Equal(t, 1.0, got["up{"+who+"}"])
	require.Equal(t, 3.0, got["scrape_samples_scraped{"+who+"}"])
	require.Equal(t, 2.0, got["scrape_samples_post_metric_relabeling{"+who+"}"])
	require.Positive(t, got["scrape_duration_seconds{"+who+"}"])
	require.Equal(t, 3.0, got["scrape_series_added{"+who+"}"])
	require.Len(t, got, 7)

	show(200, "a{env=\"own\",x=\"1\"} 4\n")
	tg.scrape(t.Context())
	got = g.drain()
	require.True(t, isStale(got["b{"+who+"}"]), "what is gone has ended: %v", got)
	require.Equal(t, 4.0, got["a{env=prod,exported_env=own,instance="+host+",job=node,stage=prod,x=1}"])

	for _, c := range []struct {
		status int
		text   string
		says   string
	}{{500, "", "it answers 500"}, {200, "}}}", "not the text of an exporter"}, {200, "a 1\nb 1\nc 1\nd 1\n", "more than 3 series"}} {
		show(200, "a 1\n")
		tg.scrape(t.Context())
		g.drain()
		show(c.status, c.text)
		tg.scrape(t.Context())
		got = g.drain()
		require.Zero(t, got["up{"+who+"}"])
		require.True(t, isStale(got["a{"+who+"}"]), "%s: %v", c.says, got)
		require.Len(t, got, 6, "%v", got)
		require.Contains(t, tg.state.Error, c.says)
		require.False(t, tg.state.Up)
	}
	srv.Close()
	tg.scrape(t.Context())
	require.Equal(t, "connection refused", tg.state.Error)
}

func TestWhereTargetsAre(t *testing.T) {
	s, _ := service(t, testkit.SQLite(t))
	dir := t.TempDir()
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	write("a.json", `[{"targets":["a:1","b:2"],"labels":{"env":"dev"}}]`)
	write("b.yml", "- targets: ['c']\n  labels: {job: other}\n")
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `[{"targets":["d:4","drop:1"]}]`)
	}))
	defer srv.Close()
	spec := Spec{
		Name: "j", Files: []string{filepath.Join(dir, "*.json"), filepath.Join(dir, "*.yml")}, HTTP: &Catalog{URL: srv.URL}, Scheme: "https", Path: "/m",
		Relabel: []Rule{{SourceLabels: []string{"__address__"}, Regex: "drop:.*", Action: "drop"}},
	}
	spec.normal()
	j, err := s.newJob(spec)
	require.NoError(t, err)
	urls := func() (out []string, problem error) {
		gs, problem := j.discover(t.Context())
		fs, err := spec.targets(gs, j.rules)
		require.NoError(t, err)
		for _, f := range fs {
			out = append(out, f.url+" "+f.labels.String())
		}
		return out, problem
	}
	want := []string{
		`https://a:1/m {env="dev", instance="a:1", job="j"}`, `https://b:2/m {env="dev", instance="b:2", job="j"}`,
		`https://c:443/m {instance="c:443", job="other"}`, `https://d:4/m {instance="d:4", job="j"}`,
	}
	got, problem := urls()
	require.NoError(t, problem)
	require.Equal(t, want, got)
	// What cannot be read now still holds, and the reason names no contents.
	write("a.json", "root:x:secret")
	srv.Close()
	got, problem = urls()
	require.ErrorContains(t, problem, "a.json is not a list of targets")
	require.NotContains(t, problem.Error(), "secret")
	require.ErrorContains(t, problem, "does not answer")
	require.Equal(t, want, got)
}

func TestJobsRunAndAreKept(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, d *db.DB) {
		s, g := service(t, d)
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, p, _ := r.BasicAuth()
			fmt.Fprintf(w, "m{p=%q} 1\n", p)
		}))
		defer srv.Close()
		ctx := access.AsSystem(t.Context())
		save := func(spec Spec) apply.Outcome {
			var o apply.Outcome
			require.NoError(t, d.InTx(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
				o, err = s.Save(ctx, tx, spec)
				return err
			}))
			return o
		}
		spec := Spec{Name: "web", Every: observe.Duration(time.Second), Targets: []string{strings.TrimPrefix(srv.URL, "http://")}, Basic: &Basic{User: "u", Password: "geheim"}}
		require.Equal(t, apply.Created, save(spec))
		require.Equal(t, apply.Unchanged, save(spec))
		spec.Basic = &Basic{User: "u"}
		require.Equal(t, apply.Unchanged, save(spec), "a password that is left out stays")
		r, err := byName(ctx, d.Reader(), "web")
		require.NoError(t, err)
		require.NotContains(t, r.Spec+r.Secrets, "geheim")
		v, err := s.view(r)
		require.NoError(t, err)
		require.True(t, v.HasLogin)
		require.Empty(t, v.Basic.Password)

		require.NoError(t, s.Start(ctx))
		key := "m{instance=" + spec.Targets[0] + ",job=web,p=geheim}"
		seen := map[string]float64{}
		waitFor := func(what string, ok func(v float64) bool) {
			testkit.Eventually(t, 15*time.Second, what, func() bool {
				for k, v := range g.drain() {
					seen[k] = v
				}
				v, there := seen[key]
				return there && ok(v)
			})
		}
		waitFor("it is read", func(v float64) bool { return v == 1 })
		testkit.Eventually(t, 5*time.Second, "the target is up", func() bool {
			v, err := s.view(r)
			require.NoError(t, err)
			return v.Up == 1 && v.Found == 1 && v.Samples == 1
		})
		require.NoError(t, d.InTx(ctx, func(ctx context.Context, tx *db.Tx) error { return s.Delete(ctx, tx, "web") }))
		waitFor("its series end", isStale)
		s.Stop(ctx)
	})
}

func TestWhatIsWrongIsTold(t *testing.T) {
	t.Parallel()
	bad := Spec{
		Name: "", Every: observe.Duration(time.Millisecond), Scheme: "ftp", Path: "x", Targets: []string{"a b"}, Labels: map[string]string{"a-b": "x"},
		Files: []string{"/etc/passwd"}, DNS: &DNS{Type: "A"}, HTTP: &Catalog{URL: "x"}, Relabel: []Rule{{Action: "nothing"}, {Regex: "("}}, MetricRelabel: []Rule{{Action: "hashmod"}},
		Basic: &Basic{}, Bearer: &Bearer{}, TLS: &TLS{CA: "x"}, SampleLimit: -1,
	}
	bad.normal()
	var paths []string
	for _, f := range errs.FieldsOf(bad.validate()) {
		paths = append(paths, f.Path)
	}
	require.ElementsMatch(t, []string{"name", "every", "timeout", "scheme", "path", "targets[0]", "labels.a-b", "files[0]", "dns.names", "dns.port", "http.url", "relabel[0]", "relabel[1]", "metric_relabel[0]", "bearer", "basic.user", "tls", "sample_limit"}, paths)
	none := Spec{Name: "x"}
	none.normal()
	require.Equal(t, "targets", errs.FieldsOf(none.validate())[0].Path)
}

func TestFilesNeedAnAdministrator(t *testing.T) {
	d := testkit.SQLite(t)
	s, _ := service(t, d)
	ctx := access.With(t.Context(), &access.Principal{Role: access.Operator})
	err := d.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := s.Save(ctx, tx, Spec{Name: "x", Files: []string{"/etc/targets.json"}})
		return err
	})
	require.True(t, errs.Is(err, errs.Forbidden), err)
}
