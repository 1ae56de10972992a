package ingest

import (
	"encoding/base64"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// Prefix is the path below which protocols stand.
const Prefix = "/ingest/"

// keyHeaders are those in which senders carry a key of their vendor.
var keyHeaders = []string{"X-Api-Key", "Api-Key", "Dd-Api-Key", "X-License-Key", "X-Insert-Key"}

// tokenOf finds the token of a sender that does not use "Bearer": the password of
// Basic, other schemes of Authorization, headers of vendors, and the password in the
// address that InfluxDB knows.
func tokenOf(r *http.Request) string {
	if _, pass, ok := r.BasicAuth(); ok {
		return pass
	}
	if scheme, value, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok {
		value = strings.TrimSpace(value)
		switch strings.ToLower(scheme) {
		case "token", "bearer", "splunk":
			return value
		case "apikey":
			// Elasticsearch sends base64 of id:key.
			if b, err := base64.StdEncoding.DecodeString(value); err == nil {
				if _, key, ok := strings.Cut(string(b), ":"); ok {
					return key
				}
			}
			return value
		}
	}
	for _, h := range keyHeaders {
		if v := r.Header.Get(h); v != "" {
			return v
		}
	}
	if strings.HasPrefix(r.URL.Path, Prefix+"influx/") {
		return r.URL.Query().Get("p")
	}
	return ""
}

// who tells who sends a request. The error is errs.Unauthorized or errs.Forbidden.
func (s *Service) who(r *http.Request) (*access.Principal, error) {
	p := access.From(r.Context())
	if p == nil {
		if t := tokenOf(r); t != "" {
			var err error
			if p, err = s.d.Accounts.ByToken(r.Context(), t); err != nil {
				return nil, err
			}
		}
	}
	if p == nil {
		return nil, errs.New(errs.Unauthorized, "Send a valid token: as \"Authorization: Bearer\", as the password of Basic authentication, or as X-Api-Key.")
	}
	if !p.Can(observe.SendSignals) {
		return nil, errs.New(errs.Forbidden, "This needs the permission %s (%s). Ask an administrator for a token with it.", observe.SendSignals.Name, strings.ToLower(observe.SendSignals.Title))
	}
	return p, nil
}

func senderName(p *access.Principal) string {
	if p.Kind == access.Token {
		return strings.TrimPrefix(p.Name, "token ")
	}
	return p.Actor()
}

// ServeHTTP authenticates, limits and decompresses, and hands to the protocol.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, Prefix), "/")
	p, err := s.who(r)
	if err != nil {
		httpapi.WriteProblem(w, err)
		return
	}
	h := s.http[name]
	if h == nil {
		httpapi.WriteProblem(w, errs.New(errs.NotFound, "%q is not a protocol. The page Sources lists those that there are.", cut(name, 40)))
		return
	}
	from := signal.Source{Protocol: name, Sender: senderName(p)}
	from.Address, _ = netip.ParseAddr(httpapi.ClientAddress(r))
	sd := s.senders.of(from)
	b, err := s.intake.read(r)
	if err != nil {
		s.senders.heard(sd, from, 0)
		s.refuse(w, sd, err, time.Second)
		return
	}
	defer b.release()
	s.senders.heard(sd, from, b.packed)
	if ok, wait := sd.allow(s.now(), bytesRate, int64(b.packed), s.settings().Limits.BytesPerSecond); !ok {
		s.refuse(w, sd, errs.New(errs.TooMany, "%s sends more bytes than its limit allows.", from.Sender), wait)
		return
	}
	r2 := r.Clone(signal.With(r.Context(), from))
	r2.URL.Path, r2.URL.RawPath = "/"+rest, ""
	r2.Body, r2.ContentLength = b, int64(b.Len())
	r2.Header.Del("Content-Encoding")
	h.ServeHTTP(w, r2)
}

// refuse answers a body that is not taken, and counts it.
func (s *Service) refuse(w http.ResponseWriter, sd *sender, err error, wait time.Duration) {
	reason := reasonMalformed
	switch errs.CodeOf(err) {
	case errs.TooLarge:
		reason = "too large"
	case errs.TooMany:
		reason = reasonRate
		w.Header().Set("Retry-After", strconv.Itoa(max(1, int(wait.Seconds()))))
	}
	s.senders.lost(sd, reason, errs.Message(err), 1)
	httpapi.WriteProblem(w, err)
}
