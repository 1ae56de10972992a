package ingest

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang/snappy"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/account"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/config"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/event"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/core/module"
	"github.com/mainstay-ops/mainstay/internal/core/search"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/testkit"
)

const echoName = "echotest"

var gotBody = struct {
	sync.Mutex
	b    []byte
	from signal.Source
	path string
}{}

func init() {
	signal.Register(signal.Protocol{Name: echoName, Title: "Echo", HTTP: func(env signal.Env) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			b, err := signal.Body(r)
			if err != nil {
				httpapi.WriteProblem(w, err)
				return
			}
			from, _ := signal.From(r.Context())
			gotBody.Lock()
			gotBody.b, gotBody.from, gotBody.path = bytes.Clone(b), from, r.URL.Path
			gotBody.Unlock()
			if r.URL.Path == "/lines" {
				if _, err := env.Lines.TakeLines(r.Context(), from, []signal.Line{{Message: "x", Hints: signal.Hints{Host: "web-1.example.org"}}}); err != nil {
					httpapi.WriteProblem(w, err)
				}
			}
		})
	}, Listeners: []signal.Listener{{Port: "statsd", Network: "udp", Packets: func(ctx context.Context, env signal.Env, conns []net.PacketConn) error {
		var wg sync.WaitGroup
		for _, c := range conns {
			wg.Go(func() {
				buf := make([]byte, 2000)
				for {
					n, a, err := c.ReadFrom(buf)
					if err != nil {
						return
					}
					if from, ok := env.Admit(echoName, a); ok {
						_, _ = env.Lines.TakeLines(ctx, from, []signal.Line{{Message: string(buf[:n])}})
					}
				}
			})
		}
		wg.Wait()
		return nil
	}}}})
}

// estateFake holds items by name.
type estateFake map[string]estate.Item

func (f estateFake) ByName(_ context.Context, _ bun.IDB, name string) (estate.Item, error) {
	it, ok := f[name]
	if !ok {
		return it, errs.New(errs.NotFound, "There is no item named %q.", name)
	}
	return it, nil
}

func (f estateFake) ByIDs(_ context.Context, _ bun.IDB, ids []string) (map[string]estate.Item, error) {
	out := map[string]estate.Item{}
	for _, it := range f {
		for _, id := range ids {
			if it.ID == id {
				out[id] = it
			}
		}
	}
	return out, nil
}

func (estateFake) Impact(context.Context, bun.IDB, []string) ([]estate.Reached, error) {
	return nil, nil
}

func (estateFake) Needs(context.Context, bun.IDB, []string) ([]estate.Reached, error) {
	return nil, nil
}

func (f estateFake) Catalog(_ context.Context, _ bun.IDB, c estate.CatalogFilter) ([]estate.Item, error) {
	var out []estate.Item
	if c.After == "" {
		for _, it := range f {
			out = append(out, it)
		}
	}
	return out, nil
}

func (f estateFake) Observed(_ context.Context, _ *db.Tx, in estate.NewItem) (estate.Item, error) {
	it := estate.Item{ID: "id-" + in.Name, Name: in.Name, Kind: in.Kind}
	f[in.Name] = it
	return it, nil
}

func (f estateFake) Recognize(_ context.Context, _ bun.IDB, key, value string) (estate.Item, error) {
	if key == estate.ByMachineID && value == "abc" {
		return f["db-1"], nil
	}
	return estate.Item{}, errs.New(errs.NotFound, "None.")
}

func (f estateFake) ItemAt(_ context.Context, _ bun.IDB, address string) (string, error) {
	if address == "192.0.2.7" {
		return "id-db-1", nil
	}
	return "", errs.New(errs.NotFound, "None.")
}

// store keeps what it is given.
type storeFake struct {
	mu      sync.Mutex
	lines   []signal.Line
	samples []signal.Sample
	err     error
}

func (f *storeFake) TakeLines(_ context.Context, _ signal.Source, in []signal.Line) (signal.Receipt, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lines = append(f.lines, in...)
	return signal.Receipt{Taken: len(in)}, f.err
}

func (f *storeFake) TakeSamples(_ context.Context, _ signal.Source, in []signal.Sample, _ map[string]signal.Meta) (signal.Receipt, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.samples = append(f.samples, in...)
	return signal.Receipt{Taken: len(in) - 1, Dropped: 1, Why: "One was too old."}, f.err
}

func (f *storeFake) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.lines)
}

type fixture struct {
	s     *Service
	d     module.Deps
	items estateFake
	store *storeFake
	h     http.Handler
	token string
}

func setUp(t *testing.T, d *db.DB, listen config.Listen) *fixture {
	t.Helper()
	require.NoError(t, d.Migrate(t.Context(), []db.Migrations{event.Migrations(), audit.Migrations(), search.Migrations(), account.Migrations(), {Module: "observe.ingest", FS: migrations}}))
	cfg := config.Default()
	cfg.Listen.Ports, cfg.Listen.All = listen.Ports, listen.All
	deps := module.Deps{DB: d, Accounts: account.New(d, time.Hour), Config: cfg, Logger: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry(), Health: module.NewHealth(), Wire: module.NewWire()}
	f := &fixture{d: deps, items: estateFake{"web-1": {ID: "id-web-1", Name: "web-1"}, "db-1": {ID: "id-db-1", Name: "db-1"}}, store: &storeFake{}}
	in, err := Module().New(deps)
	require.NoError(t, err)
	f.s = in.(*Service)
	module.Provide[estate.Items](deps, f.items)
	module.Provide[estate.Discoverer](deps, f.items)
	module.Provide[estate.Catalog](deps, f.items)
	module.Provide[estate.Recognizer](deps, f.items)
	module.Provide[estate.AddressOwners](deps, f.items)
	module.Provide[signal.Lines](deps, f.store)
	module.Provide[signal.Samples](deps, f.store)
	require.NoError(t, deps.Wire.Join())
	mux := http.NewServeMux()
	f.s.Routes(httpapi.New(mux, "test", deps.Logger))
	f.h = httpapi.Wrap(mux, deps.Accounts, deps.Logger)
	ctx := access.AsSystem(t.Context())
	require.NoError(t, d.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, f.token, err = deps.Accounts.CreateToken(ctx, tx, account.NewToken{Name: "collector", Role: access.Responder, Scopes: []string{"observe.ingest"}})
		return err
	}))
	return f
}

func (f *fixture) start(t *testing.T) {
	t.Helper()
	require.NoError(t, f.s.Start(access.AsSystem(t.Context())))
	t.Cleanup(func() { f.s.Stop(context.Background()) })
}

func (f *fixture) post(path string, body []byte, set func(r *http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, bytes.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+f.token)
	if set != nil {
		set(r)
	}
	rec := httptest.NewRecorder()
	f.h.ServeHTTP(rec, r)
	return rec
}

func TestWhoMaySend(t *testing.T) {
	d := testkit.SQLite(t)
	f := setUp(t, d, config.Listen{})
	var viewer string
	require.NoError(t, d.InTx(access.AsSystem(t.Context()), func(ctx context.Context, tx *db.Tx) (err error) {
		_, viewer, err = f.d.Accounts.CreateToken(ctx, tx, account.NewToken{Name: "viewer", Role: access.Viewer})
		return err
	}))
	for name, c := range map[string]struct {
		want int
		set  func(r *http.Request)
	}{
		"bearer":  {200, nil},
		"nobody":  {401, func(r *http.Request) { r.Header.Del("Authorization") }},
		"wrong":   {401, func(r *http.Request) { r.Header.Set("Authorization", "Bearer mst_wrong") }},
		"viewer":  {403, func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+viewer) }},
		"basic":   {200, func(r *http.Request) { r.SetBasicAuth("any", f.token) }},
		"token":   {200, func(r *http.Request) { r.Header.Set("Authorization", "Token "+f.token) }},
		"api key": {200, func(r *http.Request) { r.Header.Del("Authorization"); r.Header.Set("X-Api-Key", f.token) }},
		"datadog": {200, func(r *http.Request) { r.Header.Del("Authorization"); r.Header.Set("DD-API-KEY", f.token) }},
	} {
		rec := f.post("/ingest/"+echoName+"/some/path", []byte("hello"), c.set)
		require.Equal(t, c.want, rec.Code, "%s: %s", name, rec.Body)
	}
	require.Equal(t, 404, f.post("/ingest/nothing/x", nil, nil).Code)
	gotBody.Lock()
	defer gotBody.Unlock()
	require.Equal(t, "/some/path", gotBody.path)
	require.Equal(t, "collector", gotBody.from.Sender)
	require.Equal(t, netip.MustParseAddr("192.0.2.1"), gotBody.from.Address)
}

func packed(t *testing.T, encoding string, plain []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	switch encoding {
	case "gzip":
		w = gzip.NewWriter(&b)
	case "deflate":
		w = zlib.NewWriter(&b)
	case "zstd":
		z, err := zstd.NewWriter(&b)
		require.NoError(t, err)
		w = z
	case "snappy":
		return snappy.Encode(nil, plain)
	case "x-snappy-framed":
		w = snappy.NewBufferedWriter(&b)
	}
	_, err := w.Write(plain)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

func TestBodies(t *testing.T) {
	f := setUp(t, testkit.SQLite(t), config.Listen{})
	plain := bytes.Repeat([]byte("a line of a log\n"), 5000)
	bomb := make([]byte, signal.MaxBody+1)
	for _, encoding := range []string{"gzip", "deflate", "zstd", "snappy", "x-snappy-framed"} {
		set := func(r *http.Request) { r.Header.Set("Content-Encoding", encoding) }
		for range 2 { // the second uses what was kept of the first
			rec := f.post("/ingest/"+echoName+"/", packed(t, encoding, plain), set)
			require.Equal(t, 200, rec.Code, "%s: %s", encoding, rec.Body)
			gotBody.Lock()
			require.Equal(t, plain, gotBody.b, encoding)
			gotBody.Unlock()
		}
		require.Equal(t, 413, f.post("/ingest/"+echoName+"/", packed(t, encoding, bomb), set).Code, encoding)
		require.Equal(t, 422, f.post("/ingest/"+echoName+"/", []byte("no such thing as this"), set).Code, encoding)
	}
	require.Equal(t, 413, f.post("/ingest/"+echoName+"/", make([]byte, maxPacked+1), nil).Code)
	require.Equal(t, 422, f.post("/ingest/"+echoName+"/", []byte("x"), func(r *http.Request) { r.Header.Set("Content-Encoding", "br") }).Code)
	require.Zero(t, f.s.intake.held.Load(), "what was held is given back")
	src := f.s.senders.list()[0]
	require.Equal(t, []Loss{{reasonMalformed, 6}, {"too large", 6}}, src.Losses)
}

func TestCountsLimitsAndMissingStores(t *testing.T) {
	f := setUp(t, testkit.SQLite(t), config.Listen{})
	g, ctx := gate{f.s}, t.Context()
	from := signal.Source{Protocol: "p", Sender: "s", Address: netip.MustParseAddr("192.0.2.9")}
	_, err := g.TakeSamples(ctx, from, make([]signal.Sample, 10), nil)
	require.NoError(t, err)
	_, err = g.TakeSpans(ctx, from, make([]signal.Span, 3))
	require.True(t, errs.Is(err, errs.Unavailable))
	require.Contains(t, err.Error(), "keeps no traces")
	v := defaults()
	v.Limits.LinesPerSecond = 10
	c, err := v.check()
	require.NoError(t, err)
	f.s.use(c)
	_, err = g.TakeLines(ctx, from, make([]signal.Line, 1000))
	require.NoError(t, err, "a batch passes while there is anything left")
	_, err = g.TakeLines(ctx, from, make([]signal.Line, 1))
	require.True(t, errs.Is(err, errs.TooMany), err)
	src := f.s.senders.list()[0]
	require.Equal(t, int64(9), src.Samples)
	require.Equal(t, int64(1000), src.Lines)
	require.Equal(t, []Loss{{reasonUnavailable, 3}, {reasonRate, 1}, {reasonStore, 1}}, src.Losses)
	f.store.err = errors.New("broken")
	_, err = g.TakeSamples(ctx, from, make([]signal.Sample, 2), nil)
	require.Error(t, err)
}

func TestBucket(t *testing.T) {
	t.Parallel()
	var b bucket
	at := time.Unix(1000, 0)
	require.True(t, b.take(at, 1000, 10), "more than the burst")
	require.False(t, b.take(at, 1, 10))
	require.InDelta(t, 96, b.wait(10).Seconds(), 0.01)
	require.False(t, b.take(at.Add(94*time.Second), 1, 10))
	require.True(t, b.take(at.Add(96*time.Second), 1, 10))
	require.True(t, b.take(at, 1<<40, 0), "no limit")
}

func TestItemsAreFoundAndUnknownOnesWait(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, d *db.DB) {
		f := setUp(t, d, config.Listen{})
		f.start(t)
		ctx := access.AsSystem(t.Context())
		from := signal.Source{Protocol: "p", Sender: "s", Address: netip.MustParseAddr("192.0.2.7")}
		g := gate{f.s}
		for _, c := range []struct {
			h    signal.Hints
			want string
		}{
			{signal.Hints{Host: "WEB-1.example.org."}, "web-1"},
			{signal.Hints{Host: "web-1", Service: "db-1"}, "web-1"},
			{signal.Hints{Host: "nobody", Service: "db-1"}, "db-1"},
			{signal.Hints{MachineID: "ABC", Host: "web-1"}, "db-1"},
			{signal.Hints{Item: "web-1"}, "web-1"},
			{signal.Hints{}, "db-1"}, // by the address of the sender
			{signal.Hints{Host: "localhost"}, ""},
			{signal.Hints{Address: "127.0.0.1"}, ""},
			{signal.Hints{Host: "wep-1"}, ""},
		} {
			require.Equal(t, c.want, f.s.match.item(ctx, from, c.h), "%+v", c.h)
		}
		hints := &signal.Hints{Host: "brandnew"}
		_, err := g.TakeSamples(ctx, from, []signal.Sample{{Hints: hints}, {Hints: hints}, {Hints: &signal.Hints{Host: "web-1"}}}, nil)
		require.NoError(t, err)
		require.Equal(t, "web-1", f.store.samples[2].Item)
		require.NoError(t, f.s.match.flush(ctx))

		us, err := f.s.unknowns(ctx, false, 100)
		require.NoError(t, err)
		require.Len(t, us, 2)
		by := map[string]Unknown{}
		for _, u := range us {
			by[u.Value] = u
		}
		require.Equal(t, int64(2), by["brandnew"].Signals)
		require.Equal(t, &Suggestion{Create: "brandnew", Kind: "host", Reason: "No item has such a name. Create it as a host."}, by["brandnew"].Suggestion)
		require.Equal(t, "web-1", by["wep-1"].Suggestion.Item)

		// Accepting binds, also across a start.
		_, err = f.s.Accept(ctx, by["wep-1"].ID, "web-1", "")
		require.NoError(t, err)
		require.Equal(t, "web-1", f.s.match.item(ctx, from, signal.Hints{Host: "wep-1"}))
		_, err = f.s.Accept(ctx, by["brandnew"].ID, "brandnew", "")
		require.True(t, errs.Is(err, errs.NotFound), err)
		_, err = f.s.Accept(ctx, by["brandnew"].ID, "brandnew", "host")
		require.NoError(t, err)
		require.Equal(t, "brandnew", f.s.match.item(ctx, from, *hints))
		again := newMatcher(f.s)
		require.NoError(t, again.load(ctx))
		require.Len(t, again.bindings, 2)
		require.Empty(t, again.unknown)

		bs, err := f.s.listBindings(ctx)
		require.NoError(t, err)
		require.Equal(t, "brandnew", bs[0].Item)
		require.NoError(t, f.s.Unbind(ctx, bs[1].ID))
		require.Empty(t, f.s.match.item(ctx, from, signal.Hints{Host: "wep-1"}))
		us, err = f.s.unknowns(ctx, false, 100)
		require.NoError(t, err)
		require.Len(t, us, 1)
		require.NoError(t, f.s.Ignore(ctx, us[0].ID, true))
		us, err = f.s.unknowns(ctx, false, 100)
		require.NoError(t, err)
		require.Empty(t, us)
	})
}

func TestPortsAndAllowedAddresses(t *testing.T) {
	f := setUp(t, testkit.SQLite(t), config.Listen{Ports: map[string]string{"statsd": "127.0.0.1:0"}})
	f.start(t)
	o := f.s.overview()
	var at string
	for _, p := range o.Protocols {
		if p.Name == echoName {
			at = p.Ports[0].Address
		}
	}
	require.NotEmpty(t, at)
	c, err := net.Dial("udp", at)
	require.NoError(t, err)
	defer c.Close()
	_, err = c.Write([]byte("over udp"))
	require.NoError(t, err)
	testkit.Eventually(t, 5*time.Second, "the datagram is taken", func() bool { return f.store.count() == 1 })

	// Another server must not share the port by mistake.
	second := &listeners{s: f.s}
	f.s.d.Config.Listen.Ports["statsd"] = at
	require.ErrorContains(t, second.start(t.Context()), "Cannot listen for Echo on "+at)
	second.stop()

	require.True(t, f.s.settings().admits(echoName, netip.MustParseAddr("::ffff:127.0.0.1")))
	require.False(t, f.s.settings().admits(echoName, netip.MustParseAddr("192.0.2.1")))
	put := func(body any) (int, string) {
		b, err := json.Marshal(body)
		require.NoError(t, err)
		r := httptest.NewRequest(http.MethodPut, "/api/v1/ingest/settings", bytes.NewReader(b))
		r.Header.Set("Content-Type", "application/json")
		r = r.WithContext(access.AsSystem(r.Context()))
		rec := httptest.NewRecorder()
		mux := http.NewServeMux()
		f.s.Routes(httpapi.New(mux, "test", f.d.Logger))
		mux.ServeHTTP(rec, r)
		return rec.Code, rec.Body.String()
	}
	v := defaults()
	v.Allowed = map[string][]string{echoName: {"192.0.2.1/24", "2001:db8::1"}}
	st, b := put(v)
	require.Equal(t, 200, st, b)
	require.True(t, f.s.settings().admits(echoName, netip.MustParseAddr("192.0.2.200")))
	require.True(t, f.s.settings().admits(echoName, netip.MustParseAddr("2001:db8::1")))
	require.False(t, f.s.settings().admits(echoName, netip.MustParseAddr("127.0.0.1")), "a list replaces the default")
	v.Allowed["nothing"] = []string{"10.0.0.0/8"}
	v.Allowed[echoName] = []string{"10.0.0.0/99"}
	st, b = put(v)
	require.Equal(t, 422, st)
	require.True(t, strings.Contains(b, "allowed.nothing") && strings.Contains(b, "10.0.0.0/99"), b)
}
