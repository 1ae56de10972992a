package http

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/observe"
)

func run(t testing.TB, url string, change func(*Config)) observe.Result {
	t.Helper()
	c := newConfig()
	c.URL = url
	if change != nil {
		change(c)
	}
	require.NoError(t, c.Validate())
	p, err := c.Probe(observe.ProbeEnv{})
	require.NoError(t, err)
	return p.Run(context.Background())
}

func site(t testing.TB) *httptest.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("/ok", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Kind", "shop")
		fmt.Fprintf(w, `{"status":"ok","items":[{"n":1},{"n":2.0}],"who":%q}`, r.Header.Get("Authorization"))
	})
	mux.HandleFunc("/fail", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) })
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		var b bytes.Buffer
		_, _ = b.ReadFrom(r.Body)
		fmt.Fprintf(w, "%s %s %s", r.Method, b.String(), r.Header.Get("X-Key"))
	})
	mux.HandleFunc("/loop", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/loop", 302) })
	mux.HandleFunc("/to", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/echo", 302) })
	mux.HandleFunc("/meta", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://169.254.169.254/latest/meta-data/", 302)
	})
	mux.HandleFunc("/big", func(w http.ResponseWriter, _ *http.Request) {
		b := bytes.Repeat([]byte("x"), 1<<16)
		for {
			if _, err := w.Write(b); err != nil {
				return
			}
		}
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func TestConditions(t *testing.T) {
	t.Parallel()
	s := site(t)
	for _, tt := range []struct {
		name, path string
		change     func(*Config)
		want       observe.Status
		out        string
	}{
		{"plain", "/ok", nil, observe.OK, "HTTP 200"},
		{"503", "/fail", nil, observe.Critical, "HTTP 503"},
		{"503 wanted", "/fail", func(c *Config) { c.Status = []int{503} }, observe.OK, ""},
		{"status", "/ok", func(c *Config) { c.Status = []int{201, 204} }, observe.Critical, "201 or 204"},
		{"contains", "/ok", func(c *Config) { c.Contains = `"ok"` }, observe.OK, ""},
		{"contains not", "/ok", func(c *Config) { c.Contains = "nope" }, observe.Critical, "does not hold"},
		{"not contains", "/ok", func(c *Config) { c.NotContains = "status" }, observe.Critical, "holds"},
		{"regex", "/ok", func(c *Config) { c.Regex = `"status":"(ok|fine)"` }, observe.OK, ""},
		{"regex not", "/ok", func(c *Config) { c.Regex = `^x` }, observe.Critical, "does not match"},
		{"header", "/ok", func(c *Config) { c.HeaderContains = map[string]string{"x-kind": "sho"} }, observe.OK, ""},
		{"header not", "/ok", func(c *Config) { c.HeaderContains = map[string]string{"x-kind": "bank"} }, observe.Critical, "x-kind"},
		{"json", "/ok", func(c *Config) { c.JSONPath, c.JSONEquals = "$.items[-1].n", "2" }, observe.OK, ""},
		{"json text", "/ok", func(c *Config) { c.JSONPath, c.JSONEquals = "status", "ok" }, observe.OK, ""},
		{"json not", "/ok", func(c *Config) { c.JSONPath, c.JSONEquals = "status", "bad" }, observe.Critical, "expected bad"},
		{"json none", "/ok", func(c *Config) { c.JSONPath = "$.items[7]" }, observe.Critical, "only 2 entries"},
		{"not json", "/echo", func(c *Config) { c.JSONPath = "$.a" }, observe.Critical, "not JSON"},
		{"auth", "/ok", func(c *Config) { c.Username, c.Password, c.Contains = "me", "pw", "Basic bWU6cHc=" }, observe.OK, ""},
		{"post", "/echo", func(c *Config) {
			c.Method, c.Body, c.Headers, c.Contains = "POST", "data", map[string]string{"X-Key": "k"}, "POST data k"
		}, observe.OK, ""},
		{"redirect", "/to", func(c *Config) { c.Contains = "GET" }, observe.OK, ""},
		{"no follow", "/to", func(c *Config) { c.FollowRedirects, c.Status = false, []int{302} }, observe.OK, ""},
		{"loop", "/loop", nil, observe.Critical, "more than 10 redirects"},
		{"redirect to metadata", "/meta", nil, observe.Critical, "metadata"},
		{"endless", "/big", func(c *Config) { c.Contains = "never" }, observe.Critical, "first 1024 KiB"},
		{"endless ok", "/big", nil, observe.OK, ""},
		{"slow", "/ok", func(c *Config) { c.Warn = 1 }, observe.Warning, "slower"},
		{"head", "/ok", func(c *Config) { c.Method = "HEAD" }, observe.OK, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := run(t, s.URL+tt.path, tt.change)
			require.Equal(t, tt.want, r.Status, r.Output)
			require.Contains(t, r.Output, tt.out)
		})
	}
}

func TestMeasuresAndTLS(t *testing.T) {
	t.Parallel()
	s := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(s.Close)
	r := run(t, s.URL, nil)
	require.Equal(t, observe.Critical, r.Status)
	require.Contains(t, r.Output, "certificate")
	r = run(t, s.URL, func(c *Config) { c.TLSSkipVerify = true })
	require.Equal(t, observe.OK, r.Status, r.Output)
	require.False(t, r.CertNotAfter.IsZero())
	names := map[string]bool{}
	for _, m := range r.Measures {
		names[m.Name+m.Labels["phase"]] = true
	}
	for _, want := range []string{"probe_http_duration_secondsconnect", "probe_http_duration_secondstls", "probe_http_duration_secondsttfb", "probe_http_status_code", "probe_tls_days_left"} {
		require.True(t, names[want], want)
	}
}

func raw(t *testing.T, handle func(net.Conn)) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); _, _ = c.Read(make([]byte, 4096)); handle(c) }()
		}
	}()
	return "http://" + ln.Addr().String()
}

func TestBadTargets(t *testing.T) {
	t.Parallel()
	endless := func(unit string) func(net.Conn) {
		return func(c net.Conn) {
			_, _ = c.Write([]byte("HTTP/1.1 200 OK\r\n"))
			for {
				if _, err := c.Write([]byte(strings.Repeat(unit, 100))); err != nil {
					return
				}
			}
		}
	}
	for name, tt := range map[string]struct {
		handle func(net.Conn)
		out    string
	}{
		"hang":    {func(c net.Conn) { _, _ = c.Read(make([]byte, 1)) }, "no answer in time"},
		"close":   {func(net.Conn) {}, "closed the connection early"},
		"garbage": {func(c net.Conn) { _, _ = c.Write([]byte("\x00\xff garbage\r\n\r\n")) }, "does not speak HTTP"},
		"headers": {endless("X-A: b\r\n"), "larger than 64 KiB"},
		"line":    {endless("xxxxxxxxx"), "larger than 64 KiB"},
		"short":   {func(c net.Conn) { _, _ = c.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nabc")) }, "closed the connection early"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := run(t, raw(t, tt.handle), func(c *Config) { c.Timeout = observe.Duration(500 * time.Millisecond) })
			require.Equal(t, observe.Critical, r.Status)
			require.Contains(t, r.Output, tt.out)
			require.Less(t, r.Duration, 4*time.Second)
		})
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	c := newConfig()
	c.URL, c.Regex, c.JSONEquals, c.Status, c.IPVersion = "ftp://me:secret@x", "(", "1", []int{7}, 5
	c.Headers = map[string]string{"A": "b\r\nc"}
	err := c.Validate()
	for _, f := range []string{"url:", "regex:", "json_path:", "status[0]:", "ip_version:", "headers.A:"} {
		require.ErrorContains(t, err, f)
	}
	require.NotContains(t, err.Error(), "secret")
}

func FuzzJSONPath(f *testing.F) {
	f.Add("$.a[0]['b']", `{"a":[{"b":1}]}`)
	f.Fuzz(func(t *testing.T, path, doc string) {
		if steps, err := parsePath(path); err == nil {
			if v, err := lookup([]byte(doc), steps); err == nil && !equalsJSON(v, string(v)) {
				t.Fatalf("%s is not equal to itself", v)
			}
		}
	})
}

func BenchmarkProbe(b *testing.B) {
	s := site(b)
	c := newConfig()
	c.URL, c.Contains = s.URL+"/ok", "ok"
	p, _ := c.Probe(observe.ProbeEnv{})
	for b.Loop() {
		p.Run(context.Background())
	}
}
