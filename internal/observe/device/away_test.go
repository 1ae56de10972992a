package device

import (
	"context"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/edgewire"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/module"
	core "github.com/mainstay-ops/mainstay/internal/core/snmp/device"
	"github.com/mainstay-ops/mainstay/internal/core/snmp/poll"
	"github.com/mainstay-ops/mainstay/internal/observe"
	"github.com/mainstay-ops/mainstay/internal/testkit"
)

// kept keeps the labels of series, and what was appended.
type kept struct {
	observe.Appender
	series  []map[string]string
	samples []observe.Sample
	forgot  []string
}

func (k *kept) Series(source string, labels map[string]string) (observe.SeriesID, error) {
	if labels["__name__"] == "" {
		return 0, errs.New(errs.Invalid, "no name")
	}
	labels["source"] = source
	k.series = append(k.series, labels)
	return observe.SeriesID(len(k.series) - 1), nil
}

func (k *kept) Append(_ context.Context, ss []observe.Sample) error {
	k.samples = append(k.samples, ss...)
	return nil
}

func (k *kept) Forget(source string) { k.forgot = append(k.forgot, source) }

// results takes results and makes checks.
type results struct {
	checks map[string]observe.CheckSpec
	last   map[string]observe.Result
}

func (o *results) SendResult(_ context.Context, check string, r observe.Result) error {
	if _, ok := o.checks[check]; !ok {
		return errs.New(errs.NotFound, "no such check")
	}
	o.last[check] = r
	return nil
}

func (o *results) EnsureCheck(_ context.Context, _ *db.Tx, c observe.CheckSpec) error {
	o.checks[c.Name] = c
	return nil
}

func (o *results) DropCheck(context.Context, *db.Tx, string) error { return nil }
func (o *results) HasCheckFor(context.Context, bun.IDB, []string) (map[string]bool, error) {
	return nil, nil
}

// places counts how often edges are to be told.
type places struct{ changed int }

func (p *places) ChecksChanged()        { p.changed++ }
func (p *places) RunNow(string, string) {}

func TestTakePolls(t *testing.T) {
	t.Parallel()
	k, o, pl := &kept{}, &results{checks: map[string]observe.CheckSpec{}, last: map[string]observe.Result{}}, &places{}
	s := &Service{d: module.Deps{DB: testkit.SQLite(t), Logger: testkit.Logger(t)}, metrics: k, results: o, makes: o, places: pl, away: map[string]*away{}, watched: map[string][]string{"1": {"Gi0/1", "Gi0/9"}}}
	s.poller = poll.New(s, testkit.Logger(t))
	s.stats.register(prometheus.NewRegistry(), s.poller.Late)
	require.Empty(t, s.setAway(map[string]*away{"1": {item: "sw", place: "west", every: time.Minute}, "2": {item: "ups", place: "east", every: time.Minute}}))
	require.Equal(t, 1, pl.changed)
	require.Equal(t, []edgewire.Device{{ID: "1", EveryMS: 60_000}}, s.DevicesFor("west"))
	v, err := s.show("1", "sw")
	require.NoError(t, err)
	require.Equal(t, "waiting", v.State)
	require.Equal(t, "west", v.From)
	_, err = s.show("3", "nas")
	require.True(t, errs.Is(err, errs.NotFound))

	at := time.Now().Add(-time.Minute)
	p := func(device string, at time.Time) edgewire.Poll {
		return edgewire.Poll{Device: device, Start: at, Sure: true, View: &core.View{State: "up", Item: "forged", Interfaces: []core.InterfaceView{{Name: "Gi0/1", Alias: "to core", AdminUp: true}, {Name: "Gi0/2", AdminUp: true}}}, Samples: []edgewire.Sample{
			{Name: "device_up", Labels: map[string]string{"item": "forged"}, AtMS: at.UnixMilli(), Value: 1}, {Value: 2},
		}}
	}
	require.NoError(t, s.TakePolls(t.Context(), "west", []edgewire.Poll{p("1", at), p("2", at), p("3", at)}))
	require.Len(t, k.samples, 1, "devices of others, and figures without a name, are left out")
	require.Equal(t, map[string]string{"__name__": "device_up", "item": "sw", "source": "device/1"}, k.series[0])
	require.Equal(t, at.UnixMilli(), k.samples[0].At.UnixMilli())
	require.Equal(t, "west", o.checks["sw snmp"].From)
	require.Equal(t, observe.OK, o.last["sw snmp"].Status)
	v, err = s.show("1", "sw")
	require.NoError(t, err)
	require.Equal(t, []string{"up", "sw", "west"}, []string{v.State, v.Item, v.From})
	require.Equal(t, []string{"Gi0/1", "Gi0/9"}, v.Watch)

	// Watched interfaces have checks of their own.
	require.Equal(t, observe.Critical, o.last["sw Gi0/1"].Status)
	require.Equal(t, "Gi0/1 (to core) is down.", o.last["sw Gi0/1"].Output)
	require.Equal(t, observe.Unknown, o.last["sw Gi0/9"].Status)
	require.NotContains(t, o.checks, "sw Gi0/2")
	require.Equal(t, "west", o.checks["sw Gi0/1"].From)

	// What was kept for long does not change what is shown; a clock that is far ahead
	// makes no figures of the future.
	old := p("1", at.Add(-time.Hour))
	old.View.State = "down"
	require.NoError(t, s.TakePolls(t.Context(), "west", []edgewire.Poll{old, p("1", time.Now().Add(24*time.Hour))}))
	v, err = s.show("1", "sw")
	require.NoError(t, err)
	require.Equal(t, "up", v.State)
	require.WithinDuration(t, time.Now(), k.samples[2].At, time.Minute)

	// A device that another edge polls from now on gets a new check.
	require.Equal(t, []poll.Gone{{ID: "1", Name: "sw"}}, s.setAway(map[string]*away{"1": {item: "sw", place: "east", every: time.Minute}, "2": {item: "ups", place: "east", every: time.Minute}}))
	require.Equal(t, 2, pl.changed)
	require.Empty(t, s.DevicesFor("west"))
	require.Equal(t, []poll.Gone{{ID: "2", Name: "ups"}}, s.setAway(map[string]*away{"1": {item: "sw", place: "east", every: time.Minute}}))
	require.Equal(t, []string{"device/2"}, k.forgot)
}
