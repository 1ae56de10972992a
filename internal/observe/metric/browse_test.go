package metric

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/module"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

func TestFind(t *testing.T) {
	t.Parallel()
	all := []string{"a_http", "disk_http_total", "http_x", "xhttp", "zz"}
	got, more := find(all, "HTTP", 10)
	require.Equal(t, []string{"http_x", "a_http", "disk_http_total", "xhttp"}, got)
	require.False(t, more)
	got, more = find(all, "http", 2)
	require.Equal(t, []string{"http_x", "a_http"}, got)
	require.True(t, more)
	got, _ = find(all, "", 2)
	require.Equal(t, []string{"a_http", "disk_http_total"}, got)
}

func TestMeaning(t *testing.T) {
	t.Parallel()
	infos := map[string]observe.MetricInfo{"d_seconds": {Name: "d_seconds", Type: "histogram", Unit: "seconds", Help: "H"}}
	require.Equal(t, "seconds", meaning(infos, "d_seconds_sum").Unit)
	require.Empty(t, meaning(infos, "d_seconds_bucket").Unit, "buckets count")
	require.Equal(t, "H", meaning(infos, "d_seconds_bucket").Help)
	require.Empty(t, meaning(infos, "other_sum").Help)
}

func started(t *testing.T) *room {
	t.Helper()
	d := deps(t.TempDir())
	inst, err := Module().New(d)
	require.NoError(t, err)
	r := inst.(*room)
	require.NoError(t, inst.(module.Starter).Start(context.Background()))
	t.Cleanup(func() { r.Stop(context.Background()) })
	return r
}

func TestBrowse(t *testing.T) {
	t.Parallel()
	r := started(t)
	now := time.Now().Truncate(time.Millisecond)
	r.Describe(observe.MetricInfo{Name: "disk_used", Type: "gauge", Unit: "bytes", Help: "Space that is taken."})
	var ss []observe.Sample
	for i := range 5 {
		id, err := r.Series("a", map[string]string{"__name__": "disk_used", "host": "web-" + strconv.Itoa(i), "mount": "/"})
		require.NoError(t, err)
		ss = append(ss, observe.Sample{Series: id, At: now, Value: float64(i)})
	}
	id, err := r.Series("a", map[string]string{"__name__": "load", "core": "all"})
	require.NoError(t, err)
	require.NoError(t, r.Append(t.Context(), append(ss, observe.Sample{Series: id, At: now, Value: 1})))
	s := r.store.Load()
	from, to := now.Add(-time.Hour), now.Add(time.Minute)

	got, more, err := r.metrics(t.Context(), s, from, to, "space taken", 10)
	require.NoError(t, err)
	require.False(t, more)
	require.Equal(t, []Metric{{Name: "disk_used", Type: "gauge", Unit: "bytes", Help: "Space that is taken."}}, got)

	ns, err := r.labelNames(t.Context(), s, "load", from, to)
	require.NoError(t, err)
	require.Equal(t, []string{"core"}, ns)
	vs, err := r.values(t.Context(), s, "host", `disk_used{mount="/"}`, from, to)
	require.NoError(t, err)
	require.Len(t, vs, 5)
	_, err = r.values(t.Context(), s, "host", `{`, from, to)
	require.True(t, errs.Is(err, errs.Invalid), err)

	d, err := r.detail(t.Context(), &metricIn{Name: "disk_used"})
	require.NoError(t, err)
	require.Equal(t, 5, d.Body.Series)
	require.Equal(t, []Label{{"host", 5, []string{"web-0", "web-1", "web-2", "web-3", "web-4"}}, {"mount", 1, []string{"/"}}}, d.Body.Labels)
}

func TestCheck(t *testing.T) {
	t.Parallel()
	s := started(t).store.Load()
	c := check(s, `sum by(host)(rate(x[5m]))`)
	require.Equal(t, "instant vector", c.Type)
	require.Equal(t, "sum by (host) (rate(x[5m]))", c.Format)
	require.Empty(t, c.Mistakes)

	c = check(s, `label_replace(x, "ä", "$1"`)
	require.Empty(t, c.Type)
	require.NotEmpty(t, c.Mistakes)

	c = check(s, `"ä" == rate(x)`)
	require.NotEmpty(t, c.Mistakes)
	require.Equal(t, "x", string([]rune(`"ä" == rate(x)`)[c.Mistakes[0].Start:c.Mistakes[0].End]), "places are in characters")
}
