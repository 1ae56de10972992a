package http

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/adapter/probe/internal/probekit"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// judge turns an answer into a result; the first condition that is not met is named.
func (p *probe) judge(start time.Time, u *url.URL, hops int, a *answer, ph *phases) observe.Result {
	took := time.Since(start)
	status := observe.OK
	var why string
	if bad := p.unmet(a); bad != "" {
		status, why = observe.Critical, ", "+bad
	}
	var r observe.Result
	if len(a.chain) > 0 {
		r.CertNotAfter = probekit.CertExpiry(a.chain)
		s, _, text := probekit.CertDays(r.CertNotAfter, time.Now(), p.cfg.CertWarn, p.cfg.CertCrit)
		if s != observe.OK && !(p.cfg.CertWarn == 0 && p.cfg.CertCrit == 0 && p.cfg.TLSSkipVerify) {
			status, why = probekit.Worst(status, s), why+", "+text
		}
	}
	if s := probekit.Over(took, p.cfg.Warn.D(), p.cfg.Crit.D()); s != observe.OK {
		status, why = probekit.Worst(status, s), why+", slower than allowed"
	}
	out := probekit.Report(start, status, "HTTP %d in %s, %d bytes%s", a.resp.StatusCode, probekit.Millis(took), a.total, why)
	out.CertNotAfter = r.CertNotAfter
	if u != p.url {
		out.Detail = "Answered by " + shown(u)
	}
	out.Measures = ph.measures(make([]observe.Measure, 0, 9))
	out.Measures = append(out.Measures,
		observe.Measure{Name: "probe_http_status_code", Value: float64(a.resp.StatusCode)},
		observe.Measure{Name: "probe_http_content_length_bytes", Value: float64(a.total)})
	if hops > 0 {
		out.Measures = append(out.Measures, observe.Measure{Name: "probe_http_redirects", Value: float64(hops)})
	}
	if len(a.chain) > 0 {
		out.Measures = append(out.Measures, observe.Measure{
			Name: "probe_tls_days_left", Labels: tlsLabels[a.proto],
			Value: r.CertNotAfter.Sub(start).Hours() / 24,
		})
	}
	return out
}

// tlsLabels are shared by all results, never written to.
var tlsLabels = map[uint16]map[string]string{
	tls.VersionTLS10: {"version": "TLS 1.0"}, tls.VersionTLS11: {"version": "TLS 1.1"},
	tls.VersionTLS12: {"version": "TLS 1.2"}, tls.VersionTLS13: {"version": "TLS 1.3"},
}

var phaseLabels = [...]map[string]string{
	{"phase": "dns"}, {"phase": "connect"}, {"phase": "tls"}, {"phase": "ttfb"}, {"phase": "transfer"},
}

// measures lists the phases that took place.
func (ph *phases) measures(ms []observe.Measure) []observe.Measure {
	for i, d := range [...]time.Duration{ph.dns, ph.connect, ph.tls, ph.ttfb, ph.transfer} {
		if d > 0 {
			ms = append(ms, observe.Measure{Name: "probe_http_duration_seconds", Labels: phaseLabels[i], Value: d.Seconds()})
		}
	}
	return ms
}

// unmet names the first condition that the answer does not meet, "" for none.
func (p *probe) unmet(a *answer) string {
	c := &p.cfg
	code := a.resp.StatusCode
	if len(c.Status) > 0 && !slices.Contains(c.Status, code) {
		return fmt.Sprintf("expected status %s", strings.Trim(strings.ReplaceAll(fmt.Sprint(c.Status), " ", " or "), "[]"))
	}
	if len(c.Status) == 0 && (code < 200 || code >= 400) {
		return "expected a status from 200 to 399"
	}
	for k, want := range c.HeaderContains {
		if got := strings.Join(a.resp.Header.Values(k), ", "); !strings.Contains(got, want) {
			return fmt.Sprintf("header %s is %q and does not hold %q", k, probekit.Line(got, 80), probekit.Line(want, 80))
		}
	}
	cut := ""
	if a.cut {
		cut = " in its first 1024 KiB"
	}
	switch {
	case c.Contains != "" && !bytes.Contains(a.body, []byte(c.Contains)):
		return fmt.Sprintf("the body does not hold %q%s", probekit.Line(c.Contains, 80), cut)
	case c.NotContains != "" && bytes.Contains(a.body, []byte(c.NotContains)):
		return fmt.Sprintf("the body holds %q", probekit.Line(c.NotContains, 80))
	case p.regex != nil && !p.regex.Match(a.body):
		return fmt.Sprintf("the body does not match %q%s", probekit.Line(c.Regex, 80), cut)
	case p.path != nil && a.cut:
		return errBody.Error()
	case p.path != nil:
		got, err := lookup(a.body, p.path)
		if err != nil {
			return fmt.Sprintf("%s: %v", c.JSONPath, err)
		}
		if c.JSONEquals != "" && !equalsJSON(got, c.JSONEquals) {
			return fmt.Sprintf("%s is %s, expected %s", c.JSONPath, probekit.Line(string(got), 80), probekit.Line(c.JSONEquals, 80))
		}
	}
	return ""
}
