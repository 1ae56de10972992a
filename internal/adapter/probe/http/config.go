// Package http asks a URL and judges the answer: status, headers, body, JSON
// values, redirects, certificate and time.
package http

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/mainstay-ops/mainstay/internal/adapter/probe/internal/probekit"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// Config says what to ask and what the answer must be.
type Config struct {
	URL             string            `json:"url" yaml:"url" doc:"Address to ask, http:// or https://."`
	Method          string            `json:"method,omitempty" yaml:"method,omitempty" doc:"Request method."`
	Headers         map[string]string `json:"headers,omitempty" yaml:"headers,omitempty" doc:"Request headers." secret:"true"`
	Body            string            `json:"body,omitempty" yaml:"body,omitempty" doc:"Request body."`
	Status          []int             `json:"status,omitempty" yaml:"status,omitempty" doc:"Accepted status codes; 200 to 399 when empty."`
	Contains        string            `json:"contains,omitempty" yaml:"contains,omitempty" doc:"Text that must be in the body."`
	NotContains     string            `json:"not_contains,omitempty" yaml:"not_contains,omitempty" doc:"Text that must not be in the body."`
	Regex           string            `json:"regex,omitempty" yaml:"regex,omitempty" doc:"Regular expression (RE2) that must match the body."`
	HeaderContains  map[string]string `json:"header_contains,omitempty" yaml:"header_contains,omitempty" doc:"Texts that answer headers must hold, by header name."`
	JSONPath        string            `json:"json_path,omitempty" yaml:"json_path,omitempty" doc:"Path of a value in a JSON answer, for example $.data.items[0].state; it must exist."`
	JSONEquals      string            `json:"json_equals,omitempty" yaml:"json_equals,omitempty" doc:"What the value at json_path must be, as text or JSON."`
	FollowRedirects bool              `json:"follow_redirects" yaml:"follow_redirects" doc:"Follow redirects."`
	MaxRedirects    int               `json:"max_redirects,omitempty" yaml:"max_redirects,omitempty" doc:"How many redirects to follow."`
	Username        string            `json:"username,omitempty" yaml:"username,omitempty" doc:"Name for basic authentication."`
	Password        string            `json:"password,omitempty" yaml:"password,omitempty" doc:"Password for basic authentication." secret:"true"`
	TLSSkipVerify   bool              `json:"tls_skip_verify,omitempty" yaml:"tls_skip_verify,omitempty" doc:"Accept any certificate."`
	CertWarn        int               `json:"cert_warn,omitempty" yaml:"cert_warn,omitempty" doc:"Warning when the certificate is valid for fewer days."`
	CertCrit        int               `json:"cert_crit,omitempty" yaml:"cert_crit,omitempty" doc:"Critical when the certificate is valid for fewer days."`
	IPVersion       int               `json:"ip_version,omitempty" yaml:"ip_version,omitempty" doc:"4 or 6 to use only that version; 0 for both."`
	Timeout         observe.Duration  `json:"timeout,omitempty" yaml:"timeout,omitempty" doc:"Limit for the whole run, redirects included."`
	Warn            observe.Duration  `json:"warn,omitempty" yaml:"warn,omitempty" doc:"Warning when the run takes longer."`
	Crit            observe.Duration  `json:"crit,omitempty" yaml:"crit,omitempty" doc:"Critical when the run takes longer."`
}

func init() {
	observe.RegisterProbe(observe.ProbeType{
		Name: "http", Title: "HTTP",
		New: func() observe.ProbeConfig { return newConfig() },
		FromTarget: func(t string) (observe.ProbeConfig, error) {
			c := newConfig()
			if !strings.Contains(t, "://") {
				t = "http://" + t
			}
			c.URL = t
			return c, c.Validate()
		},
	})
}

func newConfig() *Config {
	return &Config{
		Method: http.MethodGet, FollowRedirects: true, MaxRedirects: 10, CertWarn: 21, CertCrit: 7,
		Timeout: observe.Duration(observe.DefaultProbeTimeout),
	}
}

// Validate implements observe.ProbeConfig.
func (c *Config) Validate() error {
	var f probekit.FieldChecks
	if u, err := url.Parse(c.URL); err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" {
		f.Secret("url", "must be a full address, for example \"https://www.example.org/health\"")
	} else if u.User != nil {
		f.Secret("url", "must hold no name and password; use the fields username and password")
	}
	if !httpguts.ValidHeaderFieldName(c.Method) {
		f.Add("method", c.Method, "must be a method such as GET, HEAD or POST")
	}
	for _, k := range slices.Sorted(maps.Keys(c.Headers)) {
		if !httpguts.ValidHeaderFieldName(k) || !httpguts.ValidHeaderFieldValue(c.Headers[k]) {
			f.Secret("headers."+probekit.Line(k, 40), "must be a header name and a value without line breaks")
		}
	}
	if len(c.Body) > 1<<20 {
		f.Add("body", len(c.Body), "must have at most 1 MiB")
	}
	for i, s := range c.Status {
		f.Between(fmt.Sprintf("status[%d]", i), s, 100, 599)
	}
	f.Regexp("regex", c.Regex)
	if c.JSONEquals != "" && c.JSONPath == "" {
		f.Add("json_path", "", "is needed with json_equals, for example \"$.status\"")
	}
	if c.JSONPath != "" {
		if _, err := parsePath(c.JSONPath); err != nil {
			f.Add("json_path", c.JSONPath, "%v", err)
		}
	}
	f.Between("max_redirects", c.MaxRedirects, 0, 30)
	if c.IPVersion != 0 && c.IPVersion != 4 && c.IPVersion != 6 {
		f.Add("ip_version", c.IPVersion, "must be 4, 6 or 0 for both")
	}
	f.DaysLimits("cert_warn", c.CertWarn, "cert_crit", c.CertCrit)
	f.Timeout("timeout", c.Timeout)
	f.Limits("warn", c.Warn, "crit", c.Crit)
	return f.Err()
}

// Target is the URL without its query, which may hold a secret.
func (c *Config) Target() string {
	u, err := url.Parse(c.URL)
	if err != nil {
		return ""
	}
	return shown(u)
}

// TimeLimit implements observe.TimeLimited.
func (c *Config) TimeLimit() time.Duration { return c.Timeout.D() }

// Probe implements observe.ProbeConfig.
func (c *Config) Probe(env observe.ProbeEnv) (observe.Probe, error) {
	u, err := url.Parse(c.URL)
	if err != nil {
		return nil, c.Validate()
	}
	p := &probe{cfg: *c, env: env, url: u, header: make(http.Header, len(c.Headers)+3)}
	p.header.Set("User-Agent", "Mainstay")
	p.header.Set("Accept", "*/*")
	for k, v := range c.Headers {
		p.header.Set(k, v)
	}
	if c.Username != "" || c.Password != "" {
		p.header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(c.Username+":"+c.Password)))
	}
	if c.Regex != "" {
		if p.regex, err = regexp.Compile(c.Regex); err != nil {
			return nil, c.Validate()
		}
	}
	if c.JSONPath != "" {
		if p.path, err = parsePath(c.JSONPath); err != nil {
			return nil, c.Validate()
		}
	}
	p.network = map[int]string{0: "tcp", 4: "tcp4", 6: "tcp6"}[c.IPVersion]
	p.prepare()
	return p, nil
}

func shown(u *url.URL) string { return probekit.Line(u.Scheme+"://"+u.Host+u.EscapedPath(), 200) }
