package trace_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/testkit/apptest"
)

type attrs map[string]string

func (a attrs) otlp() []map[string]any {
	out := []map[string]any{}
	for k, v := range a {
		out = append(out, map[string]any{"key": k, "value": map[string]any{"stringValue": v}})
	}
	return out
}

type span struct {
	trace, id, parent, name string
	kind                    int
	at, end                 time.Time
	failed                  bool
	attrs                   attrs
	exception               attrs
}

// send delivers spans of one service as an SDK of OpenTelemetry does.
func send(t *testing.T, s *apptest.Server, service, version string, spans ...span) {
	t.Helper()
	list := []map[string]any{}
	for _, x := range spans {
		m := map[string]any{
			"traceId": x.trace, "spanId": x.id, "parentSpanId": x.parent, "name": x.name, "kind": x.kind, "attributes": x.attrs.otlp(),
			"startTimeUnixNano": fmt.Sprint(x.at.UnixNano()), "endTimeUnixNano": fmt.Sprint(x.end.UnixNano()), "status": map[string]any{},
		}
		if x.failed {
			m["status"] = map[string]any{"code": 2, "message": "it broke"}
		}
		if x.exception != nil {
			m["events"] = []map[string]any{{"name": "exception", "timeUnixNano": fmt.Sprint(x.end.UnixNano()), "attributes": x.exception.otlp()}}
		}
		list = append(list, m)
	}
	st, b := s.Do("POST", "/ingest/otlp/v1/traces", map[string]any{"resourceSpans": []any{map[string]any{
		"resource":   map[string]any{"attributes": attrs{"service.name": service, "service.version": version, "host.name": "web-1"}.otlp()},
		"scopeSpans": []any{map[string]any{"scope": map[string]any{"name": "test"}, "spans": list}},
	}}})
	require.Equal(t, 200, st, string(b))
}

func hex(prefix string, n, length int) string {
	return fmt.Sprintf("%s%0*x", prefix, length-len(prefix), n)
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	require.Eventually(t, ok, 25*time.Second, 100*time.Millisecond, what)
}

type shop struct {
	*apptest.Server
	begin time.Time
}

// aShop sends 100 requests to a cart that asks a price service and a database; every
// tenth fails there, and each is a little slower than the one before.
func aShop(t *testing.T) shop {
	s := apptest.Start(t)
	s.Apply("items: [{name: web-1, kind: host}]")
	begin := time.Now().Add(-10 * time.Minute).Truncate(time.Second)
	for i := range 100 {
		at := begin.Add(time.Duration(i) * time.Second)
		tr := hex("ab", i, 32)
		took := time.Duration(i+1) * 10 * time.Millisecond
		root := span{trace: tr, id: hex("1", i, 16), name: "GET /cart", kind: 2, at: at, end: at.Add(took)}
		call := span{trace: tr, id: hex("2", i, 16), parent: root.id, name: "price", kind: 3, at: at.Add(time.Millisecond), end: at.Add(took - time.Millisecond), attrs: attrs{"server.address": "price"}}
		query := span{trace: tr, id: hex("3", i, 16), parent: root.id, name: "SELECT", kind: 3, at: at, end: at.Add(time.Millisecond), attrs: attrs{
			"db.system": "postgresql", "db.name": "shop", "db.statement": fmt.Sprintf("SELECT * FROM carts WHERE id = %d AND name IN ('a%d', 'b')", i, i), "kind": "mine",
		}}
		price := span{trace: tr, id: hex("4", i, 16), parent: call.id, name: "GET /price", kind: 2, at: at.Add(2 * time.Millisecond), end: at.Add(took - 2*time.Millisecond)}
		if i%10 == 0 {
			price.failed, root.failed = true, true
			price.exception = attrs{"exception.type": "ValueError", "exception.message": fmt.Sprintf("no price for article %d", i), "exception.stacktrace": fmt.Sprintf("Traceback\n  File \"price.py\", line %d, in get\n", i)}
		}
		send(t, s, "price", "1.0", price)
		send(t, s, "cart", "2."+fmt.Sprint(i/50), root, call, query)
	}
	return shop{s, begin}
}

func (s shop) period() string {
	return "start=" + url.QueryEscape(s.begin.Add(-time.Minute).Format(time.RFC3339)) + "&end=" + url.QueryEscape(s.begin.Add(5*time.Minute).Format(time.RFC3339))
}

func TestTracesAreFound(t *testing.T) {
	t.Parallel()
	s := aShop(t)
	var found struct {
		Items []struct {
			ID            string `json:"trace_id"`
			Spans, Errors int
			Services      []string
			DurationNS    int64 `json:"duration_ns"`
			Service       string
		}
	}
	search := func(query string) int {
		found.Items = nil
		s.Get("/api/v1/traces?limit=200&"+s.period()+query, &found)
		return len(found.Items)
	}
	eventually(t, "all traces are found", func() bool {
		n := 0
		search("")
		for _, x := range found.Items {
			n += x.Spans
		}
		return n == 400
	})
	require.Equal(t, hex("ab", 99, 32), found.Items[0].ID, "the newest first")
	require.Equal(t, []string{"cart", "price"}, found.Items[0].Services)
	require.Equal(t, 4, found.Items[0].Spans)
	require.Equal(t, int64(time.Second), found.Items[0].DurationNS)
	require.Equal(t, 10, search("&failed=true"))
	require.Equal(t, 51, search("&service=cart&operation="+url.QueryEscape("GET /cart")+"&min_ms=500"))
	require.Equal(t, 1, search("&query="+url.QueryEscape(`db.statement:"id = 7 AND"`)))
	require.Equal(t, 100, search("&item=web-1"))
	search("&sort=slowest&limit=1")
	require.Equal(t, hex("ab", 99, 32), found.Items[0].ID)
	for _, bad := range []string{"a:>(", "a:1 | delete"} {
		st, b := s.Do("GET", "/api/v1/traces?query="+url.QueryEscape(bad)+"&"+s.period(), nil)
		require.Equal(t, 422, st, string(b))
	}
	var tr struct {
		Spans []struct {
			Name       string
			Item       string
			Attributes map[string]string
			Resource   map[string]string
			Events     []struct{ Name string }
		}
		Missing []string `json:"missing_parents"`
	}
	eventually(t, "the trace is whole", func() bool {
		tr.Spans = nil
		st, b := s.Do("GET", "/api/v1/traces/"+hex("ab", 10, 32), nil)
		return st == 200 && json.Unmarshal(b, &tr) == nil && len(tr.Spans) == 4
	})
	require.Equal(t, "GET /cart", tr.Spans[0].Name)
	require.Empty(t, tr.Missing)
	for _, x := range tr.Spans {
		require.Equal(t, "web-1", x.Item)
		require.Equal(t, "web-1", x.Resource["host.name"])
		if x.Name == "SELECT" {
			require.Equal(t, "mine", x.Attributes["kind"], "an attribute may have a name of ours")
		}
		if x.Name == "GET /price" {
			require.Equal(t, "exception", x.Events[0].Name)
		}
	}
	st, _ := s.Do("GET", "/api/v1/traces/"+strings.Repeat("0", 32), nil)
	require.Equal(t, http.StatusNotFound, st)
}

func TestServices(t *testing.T) {
	t.Parallel()
	s := aShop(t)
	var detail struct {
		Requests   int
		Failed     int
		P50        float64 `json:"p50_ms"`
		P95        float64 `json:"p95_ms"`
		Apdex      float64
		Versions   []string
		Operations []struct {
			Name     string
			Requests int
		}
		Statements []struct {
			Statement, System, Database string
			Requests                    int
			TraceID                     string `json:"trace_id"`
		}
		Deployments []struct{ Version string }
	}
	service := func() {
		s.Get("/api/v1/traced-services/cart?"+s.period(), &detail)
	}
	eventually(t, "all is written", func() bool {
		service()
		return len(detail.Deployments) == 2 && detail.Requests == 100 && len(detail.Versions) == 2
	})
	require.Equal(t, 10, detail.Failed)
	require.InDelta(t, 505, detail.P50, 10)
	require.InDelta(t, 955, detail.P95, 10)
	// 50 within 500 ms of which 5 failed, 50 within 2 s of which 5 failed.
	require.InDelta(t, (45+45/2.0)/100, detail.Apdex, 1e-9)
	require.Equal(t, []string{"2.0", "2.1"}, detail.Versions)
	require.Equal(t, "GET /cart", detail.Operations[0].Name)
	require.Len(t, detail.Statements, 1)
	require.Equal(t, "SELECT * FROM carts WHERE id = ? AND name IN (?)", detail.Statements[0].Statement)
	require.Equal(t, "postgresql", detail.Statements[0].System)
	require.Equal(t, "shop", detail.Statements[0].Database)
	require.Len(t, detail.Statements[0].TraceID, 32)
	st, b := s.Do("PUT", "/api/v1/traced-services/cart/apdex", map[string]any{"apdex_ms": 2000})
	require.Equal(t, 204, st, string(b))
	service()
	require.InDelta(t, 0.9, detail.Apdex, 1e-9)
	var all struct{ Items []struct{ Name, Item string } }
	s.Get("/api/v1/traced-services?"+s.period(), &all)
	require.Len(t, all.Items, 2)
	require.Equal(t, "web-1", all.Items[0].Item)
}

func TestWhoCallsWhom(t *testing.T) {
	t.Parallel()
	s := aShop(t)
	var m struct {
		Nodes []struct {
			Name, Kind, Item string
			Requests         int
		}
		Calls []struct {
			Client, Server, Kind string
			Calls, Failed        float64
		}
	}
	eventually(t, "the map has all calls", func() bool {
		s.Get("/api/v1/service-map?start="+url.QueryEscape(time.Now().Add(-20*time.Minute).Format(time.RFC3339)), &m)
		n := 0.0
		for _, c := range m.Calls {
			n += c.Calls
		}
		return n == 200
	})
	got := map[string]string{}
	for _, c := range m.Calls {
		got[c.Client+" → "+c.Server] = fmt.Sprint(c.Kind, " ", c.Calls, " ", c.Failed)
	}
	require.Equal(t, map[string]string{"cart → price": "service 100 10", "cart → postgresql shop": "database 100 0"}, got)
	kinds := map[string]string{}
	for _, n := range m.Nodes {
		kinds[n.Name] = n.Kind
	}
	require.Equal(t, map[string]string{"cart": "service", "price": "service", "postgresql shop": "database"}, kinds)
	// The same figures are there for rules and dashboards.
	st, b := s.Do("GET", "/prometheus/api/v1/query?query="+url.QueryEscape(`sum(trace_requests_total{service="price",failed="true"})`), nil)
	require.Equal(t, 200, st)
	require.Contains(t, string(b), `"10"`)
}

func TestErrorsInTheInbox(t *testing.T) {
	t.Parallel()
	s := aShop(t)
	var list struct {
		Items []struct {
			ID, Service, Type, Message, State, Assignee, Place string
			Count                                              int
			CameBack                                           *time.Time `json:"came_back_at"`
		}
	}
	read := func(q string) {
		list.Items = nil
		s.Get("/api/v1/errors"+q, &list)
	}
	eventually(t, "both errors are in", func() bool {
		read("")
		n := 0
		for _, e := range list.Items {
			n += e.Count
		}
		return n == 20
	})
	require.Len(t, list.Items, 2, "those that differ in numbers are one")
	read("?service=price")
	require.Len(t, list.Items, 1)
	e := list.Items[0]
	require.Equal(t, "ValueError", e.Type)
	require.Equal(t, "no price for article 90", e.Message, "the words of the last one")
	require.Equal(t, 10, e.Count)
	require.Contains(t, e.Place, `File "price.py"`)

	st, b := s.Do("POST", "/api/v1/people", map[string]any{"email": "ada@example.org", "name": "Ada", "role": "responder", "password": "correct horse battery"})
	require.Equal(t, 201, st, string(b))
	st, b = s.Do("PATCH", "/api/v1/errors/"+e.ID, map[string]any{"state": "resolved", "assignee": "ada@example.org"})
	require.Equal(t, 200, st, string(b))
	read("?state=resolved")
	require.Equal(t, "Ada", list.Items[0].Assignee)
	st, b = s.Do("PATCH", "/api/v1/errors/"+e.ID, map[string]any{"assignee": "nobody@example.org"})
	require.Equal(t, 422, st, string(b))

	again := func(at time.Time) {
		send(t, s.Server, "price", "1.1", span{
			trace: hex("cd", int(at.Unix()%1000), 32), id: hex("5", 1, 16), name: "GET /price", kind: 2, at: at, end: at.Add(time.Millisecond), failed: true,
			exception: attrs{"exception.type": "ValueError", "exception.message": "no price for article 7", "exception.stacktrace": "Traceback\n  File \"price.py\", line 3, in get\n"},
		})
	}
	again(s.begin)
	eventually(t, "an old one is counted", func() bool { read("?service=price"); return list.Items[0].Count == 11 })
	require.Equal(t, "resolved", list.Items[0].State, "one from before does not bring it back")
	again(time.Now())
	eventually(t, "a new one is counted", func() bool { read("?service=price"); return list.Items[0].Count == 12 })
	require.Equal(t, "open", list.Items[0].State)
	require.NotNil(t, list.Items[0].CameBack)
	var one struct{ Stack string }
	s.Get("/api/v1/errors/"+e.ID, &one)
	require.Contains(t, one.Stack, "Traceback")
	var page struct {
		Items []struct{ ID string }
		Next  string
	}
	s.Get("/api/v1/errors?limit=1", &page)
	first := page.Items[0].ID
	s.Get("/api/v1/errors?limit=1&cursor="+url.QueryEscape(page.Next), &page)
	require.NotEqual(t, first, page.Items[0].ID)
}

func TestSpansThatCannotBeKept(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	now := time.Now()
	st, b := s.Do("POST", "/ingest/otlp/v1/traces", map[string]any{"resourceSpans": []any{map[string]any{"scopeSpans": []any{map[string]any{"spans": []any{
		map[string]any{"traceId": strings.Repeat("a", 32), "spanId": strings.Repeat("b", 16), "name": "good", "startTimeUnixNano": fmt.Sprint(now.UnixNano()), "endTimeUnixNano": fmt.Sprint(now.UnixNano())},
		map[string]any{"traceId": strings.Repeat("a", 32), "name": "bad", "startTimeUnixNano": fmt.Sprint(now.UnixNano())},
	}}}}}})
	require.Equal(t, 200, st, string(b))
	var out struct {
		PartialSuccess struct {
			Rejected json.RawMessage `json:"rejectedSpans"`
			Message  string          `json:"errorMessage"`
		} `json:"partialSuccess"`
	}
	require.NoError(t, json.Unmarshal(b, &out), string(b))
	require.Contains(t, string(out.PartialSuccess.Rejected), "1")
	require.Contains(t, out.PartialSuccess.Message, "span")
	eventually(t, "the good one is there", func() bool {
		st, _ := s.Do("GET", "/api/v1/traces/"+strings.Repeat("a", 32), nil)
		return st == 200
	})
}
