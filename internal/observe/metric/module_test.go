package metric

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/config"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/core/module"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

func deps(dir string) module.Deps {
	cfg := config.Default()
	cfg.Data = dir
	return module.Deps{Config: cfg, Logger: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry(), Health: module.NewHealth(), Wire: module.NewWire(), Version: "test"}
}

func TestModule(t *testing.T) {
	t.Parallel()
	d := deps(t.TempDir())
	inst, err := Module().New(d)
	require.NoError(t, err)
	var app observe.Appender
	var query observe.Metrics
	module.Need(d, &app)
	module.Need(d, &query)
	require.NoError(t, d.Wire.Join())
	mux := http.NewServeMux()
	inst.(module.HasRoutes).Routes(httpapi.New(mux, "test", d.Logger))
	as := &access.Principal{Role: access.Viewer}
	get := func(p *access.Principal, path string) *httptest.ResponseRecorder {
		rec := httptest.NewRecorder()
		mux.ServeHTTP(rec, httptest.NewRequestWithContext(access.With(t.Context(), p), http.MethodGet, path, nil))
		return rec
	}
	ctx := context.Background()

	// Before the start everything answers, with an error.
	app.Describe(observe.MetricInfo{Name: "m", Type: "gauge", Help: "A test."})
	_, err = app.Series("a", map[string]string{"__name__": "m"})
	require.True(t, errs.Is(err, errs.Unavailable))
	require.Equal(t, http.StatusServiceUnavailable, get(as, "/prometheus/api/v1/labels").Code)
	require.Len(t, d.Health.Problems(), 1)

	room := inst.(module.Starter)
	require.NoError(t, room.Start(ctx))
	defer room.Stop(ctx)
	require.Empty(t, d.Health.Problems())
	id, err := app.Series("a", map[string]string{"__name__": "m"})
	require.NoError(t, err)
	now := time.Now().Truncate(time.Millisecond)
	require.NoError(t, app.Append(ctx, []observe.Sample{{Series: id, At: now, Value: 4}}))
	got, err := query.Instant(ctx, "m", now)
	require.NoError(t, err)
	require.Equal(t, []observe.Series{{Labels: map[string]string{"__name__": "m"}, Points: []observe.Point{{At: now.UTC(), Value: 4}}}}, got)

	require.JSONEq(t, `{"status":"success","data":["__name__"]}`, get(as, "/prometheus/api/v1/labels").Body.String())
	require.Contains(t, get(as, "/prometheus/api/v1/metadata").Body.String(), "A test.")
	require.JSONEq(t, `{"items":[{"name":"m","type":"gauge","help":"A test."}],"more":false}`, get(as, "/api/v1/metrics?q=test").Body.String())
	require.JSONEq(t, `{"items":[],"more":false}`, get(as, "/api/v1/metrics?q=nothing").Body.String())
	require.JSONEq(t, `{"name":"m","type":"gauge","help":"A test.","series":1,"more":false,"labels":[]}`, get(as, "/api/v1/metrics/m").Body.String())
	require.Equal(t, http.StatusNotFound, get(as, "/api/v1/metrics/other").Code)
	require.Contains(t, get(as, "/api/v1/metric-functions").Body.String(), `"rate(range vector)"`)
	require.Equal(t, http.StatusForbidden, get(&access.Principal{}, "/api/v1/metrics").Code)
	require.Equal(t, http.StatusUnauthorized, get(nil, "/prometheus/api/v1/labels").Code)
	require.Equal(t, http.StatusForbidden, get(&access.Principal{}, "/prometheus/api/v1/labels").Code)
	require.Equal(t, http.StatusForbidden, get(&access.Principal{Role: access.Admin, Scopes: []string{"item."}}, "/prometheus/api/v1/labels").Code)
}

func TestStartSaysWhyItCannot(t *testing.T) {
	t.Parallel()
	d := deps(t.TempDir())
	require.NoError(t, os.WriteFile(filepath.Join(d.Config.Data, "metrics"), nil, 0o600))
	inst, err := Module().New(d)
	require.NoError(t, err)
	err = inst.(module.Starter).Start(context.Background())
	require.ErrorContains(t, err, "The metric store in")
}
