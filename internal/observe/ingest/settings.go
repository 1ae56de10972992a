package ingest

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"

	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

// Limits hold for each sender. 0 is no limit.
type Limits struct {
	SamplesPerSecond int64 `json:"samples_per_second" yaml:"samples_per_second" minimum:"0" maximum:"1000000000"`
	LinesPerSecond   int64 `json:"lines_per_second" yaml:"lines_per_second" minimum:"0" maximum:"1000000000"`
	SpansPerSecond   int64 `json:"spans_per_second" yaml:"spans_per_second" minimum:"0" maximum:"1000000000"`
	FlowsPerSecond   int64 `json:"flows_per_second" yaml:"flows_per_second" minimum:"0" maximum:"1000000000" default:"500000" required:"false" doc:"Records of traffic."`
	AlertsPerSecond  int64 `json:"alerts_per_second" yaml:"alerts_per_second" minimum:"0" maximum:"1000000" default:"1000" required:"false" doc:"Alerts of other programs."`
	BytesPerSecond   int64 `json:"bytes_per_second" yaml:"bytes_per_second" minimum:"0" maximum:"100000000000" doc:"Before decompression."`
	// SeriesPerSource bounds what one bad exporter can do to the metric store.
	SeriesPerSource int64 `json:"series_per_source" yaml:"series_per_source" minimum:"0" maximum:"100000000" doc:"How many different series one sender may have active."`
}

func (l Limits) rate(kind int) int64 {
	switch kind {
	case samples:
		return l.SamplesPerSecond
	case lines:
		return l.LinesPerSecond
	case flows:
		return l.FlowsPerSecond
	case alerts:
		return l.AlertsPerSecond
	}
	return l.SpansPerSecond
}

// Settings of the gate.
type Settings struct {
	Limits Limits `json:"limits" yaml:"limits"`
	// Allowed says which addresses may send without a token, by protocol.
	Allowed map[string][]string `json:"allowed" yaml:"allowed" doc:"Addresses that may send by a protocol that knows no tokens, as prefixes such as 10.0.0.0/8. A protocol that is not listed takes signals from this machine only."`
}

func defaults() Settings {
	return Settings{
		Limits:  Limits{SamplesPerSecond: 1_000_000, LinesPerSecond: 500_000, SpansPerSecond: 200_000, FlowsPerSecond: 500_000, AlertsPerSecond: 1000, BytesPerSecond: 256 << 20, SeriesPerSource: 300_000},
		Allowed: map[string][]string{},
	}
}

// inForce are settings as they are used.
type inForce struct {
	Settings
	allowed map[string][]netip.Prefix
}

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

const maxPrefixes = 200

// check reads the prefixes and writes them in their usual form.
func (v Settings) check() (*inForce, error) {
	out := &inForce{Settings: v, allowed: map[string][]netip.Prefix{}}
	out.Allowed = map[string][]string{}
	var bad []errs.Field
	for _, name := range slices.Sorted(maps.Keys(v.Allowed)) {
		path := "allowed." + name
		if !slices.ContainsFunc(signal.Protocols(), func(p signal.Protocol) bool { return p.Name == name && len(p.Listeners) > 0 }) {
			bad = append(bad, errs.Field{Path: path, Message: "is not a protocol with a port of its own"})
			continue
		}
		if len(v.Allowed[name]) > maxPrefixes {
			bad = append(bad, errs.Field{Path: path, Message: fmt.Sprintf("must have at most %d prefixes", maxPrefixes)})
			continue
		}
		out.Allowed[name] = []string{}
		for i, s := range v.Allowed[name] {
			p, err := prefix(s)
			if err != nil {
				bad = append(bad, errs.Field{Path: path + "[" + strconv.Itoa(i) + "]", Value: cut(s, 60), Message: "must be an address or a prefix such as 10.0.0.0/8"})
				continue
			}
			out.allowed[name] = append(out.allowed[name], p)
			out.Allowed[name] = append(out.Allowed[name], p.String())
		}
	}
	neg := func(path string, n int64) {
		if n < 0 {
			bad = append(bad, errs.Field{Path: "limits." + path, Value: strconv.FormatInt(n, 10), Message: "must be 0 for no limit, or more"})
		}
	}
	neg("samples_per_second", v.Limits.SamplesPerSecond)
	neg("lines_per_second", v.Limits.LinesPerSecond)
	neg("spans_per_second", v.Limits.SpansPerSecond)
	neg("flows_per_second", v.Limits.FlowsPerSecond)
	neg("alerts_per_second", v.Limits.AlertsPerSecond)
	neg("bytes_per_second", v.Limits.BytesPerSecond)
	neg("series_per_source", v.Limits.SeriesPerSource)
	return out, errs.Fields(bad...)
}

func prefix(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	return p.Masked(), err
}

// admits tells whether an address may send by a protocol that knows no tokens.
func (v *inForce) admits(protocol string, a netip.Addr) bool {
	ps, set := v.allowed[protocol]
	if !set {
		if _, listed := v.Allowed[protocol]; !listed {
			ps = loopback
		}
	}
	a = a.Unmap().WithZone("")
	return slices.ContainsFunc(ps, func(p netip.Prefix) bool { return p.Contains(a) })
}

func (s *Service) settings() *inForce { return s.force.Load() }

// loadSettings reads them at the start.
func (s *Service) loadSettings(ctx context.Context) error {
	v := defaults()
	var body string
	err := s.d.DB.Reader().NewRaw("SELECT body FROM ingest_settings WHERE id = 'settings'").Scan(ctx, &body)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if err == nil {
		if err := json.Unmarshal([]byte(body), &v); err != nil {
			return fmt.Errorf("ingest settings: %w", err)
		}
	}
	// A protocol may be gone since: what is not valid any more is left out.
	for name := range v.Allowed {
		if _, err := (Settings{Allowed: map[string][]string{name: v.Allowed[name]}}).check(); err != nil {
			delete(v.Allowed, name)
		}
	}
	f, err := v.check()
	if err != nil {
		return err
	}
	s.use(f)
	return nil
}

func (s *Service) use(f *inForce) {
	s.force.Store(f)
	if s.budget != nil {
		s.budget.SetSeriesLimit(f.Limits.SeriesPerSource)
	}
}

// setSettings writes them inside tx; they hold after the commit.
func (s *Service) setSettings(ctx context.Context, tx *db.Tx, v Settings) (changed bool, err error) {
	f, err := v.check()
	if err != nil {
		return false, err
	}
	before := s.settings().Settings
	body, err := json.Marshal(f.Settings)
	if err != nil {
		return false, err
	}
	if old, err := json.Marshal(before); err != nil || string(old) == string(body) {
		return false, err
	}
	if _, err := tx.NewRaw("INSERT INTO ingest_settings (id, body, updated_at) VALUES ('settings', ?, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body, updated_at = excluded.updated_at", string(body), tx.Now()).Exec(ctx); err != nil {
		return false, err
	}
	tx.AfterCommit(func() { s.use(f) })
	return true, audit.Write(ctx, tx, audit.Change{Action: "ingest.settings", Ref: entity.Ref{Kind: "setting", ID: "ingest"}, Name: "Senders", Before: before, After: f.Settings})
}
