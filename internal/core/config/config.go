// Package config is how the server is set up: defaults, then a file, then the
// environment, then flags. All mistakes are reported at once.
package config

import (
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/strict"
)

// Duration is a length of time; besides Go's units it knows days: "15d".
type Duration time.Duration

// D converts to the standard type.
func (d Duration) D() time.Duration { return time.Duration(d) }

// UnmarshalText reads "15d", "12h", "90s".
func (d *Duration) UnmarshalText(b []byte) error {
	s := string(b)
	if n, ok := strings.CutSuffix(s, "d"); ok {
		if f, err := strconv.ParseFloat(n, 64); err == nil && f >= 0 && f < 36500 {
			*d = Duration(f * 24 * float64(time.Hour))
			return nil
		}
	}
	v, err := time.ParseDuration(s)
	if err != nil {
		return fmt.Errorf("must be a duration such as 30s, 12h or 15d")
	}
	*d = Duration(v)
	return nil
}

// MarshalText writes it as it is read.
func (d Duration) MarshalText() ([]byte, error) {
	if t := d.D(); t >= 24*time.Hour && t%(24*time.Hour) == 0 {
		return fmt.Appendf(nil, "%dd", t/(24*time.Hour)), nil
	}
	return []byte(d.D().String()), nil
}

// Bytes is a size: "512MiB", "2GiB", or a plain number of bytes.
type Bytes int64

var units = []struct {
	suffix string
	n      int64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}}

// UnmarshalText reads a size.
func (v *Bytes) UnmarshalText(b []byte) error {
	s, mul := strings.TrimSpace(string(b)), int64(1)
	for _, u := range units {
		if n, ok := strings.CutSuffix(s, u.suffix); ok {
			s, mul = strings.TrimSpace(n), u.n
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || n > (1<<62)/mul {
		return fmt.Errorf("must be a size such as 512MiB or 2GiB")
	}
	*v = Bytes(n * mul)
	return nil
}

// MarshalText writes it with the largest unit that divides it.
func (v Bytes) MarshalText() ([]byte, error) {
	for i := len(units) - 1; i >= 0; i-- {
		if v > 0 && int64(v)%units[i].n == 0 {
			return fmt.Appendf(nil, "%d%s", int64(v)/units[i].n, units[i].suffix), nil
		}
	}
	return strconv.AppendInt(nil, int64(v), 10), nil
}

// Config of a server. Every field has a default; see docs/configuration.md.
type Config struct {
	Listen    Listen   `yaml:"listen"`
	Data      string   `yaml:"data"`
	PublicURL string   `yaml:"public_url"`
	Database  Database `yaml:"database"`
	TLS       TLS      `yaml:"tls"`
	Log       Log      `yaml:"log"`
	Metrics   Metrics  `yaml:"metrics"`
	Traces    Traces   `yaml:"traces"`
	Logs      Logs     `yaml:"logs"`
	Flows     Flows    `yaml:"flows"`
	Captures  Captures `yaml:"captures"`
	History   History  `yaml:"history"`
	// Notifications and Escalations limit what is kept of who was told.
	Notifications History   `yaml:"notifications"`
	Escalations   History   `yaml:"escalations"`
	Session       Session   `yaml:"session"`
	Outbound      Outbound  `yaml:"outbound"`
	Discovery     Discovery `yaml:"discovery"`
	Addresses     Addresses `yaml:"addresses"`
	Agents        Agents    `yaml:"agents"`
	Edges         Edges     `yaml:"edges"`
}

// Database says where records live.
type Database struct {
	// URL of PostgreSQL; empty keeps SQLite in the data directory.
	URL string `yaml:"url" secret:"true"`
}

// TLS turns HTTPS on when both files are given.
type TLS struct {
	Cert string `yaml:"cert"`
	Key  string `yaml:"key"`
}

// Log of the program itself.
type Log struct {
	Level  string `yaml:"level" enum:"debug,info,warn,error"`
	Format string `yaml:"format" enum:"text,json"`
}

// Metrics limits the metric store.
type Metrics struct {
	Retention Duration `yaml:"retention"`
	MaxBytes  Bytes    `yaml:"max_bytes"`
	MaxSeries int      `yaml:"max_series"`
	// Self keeps the figures of the server itself, with job="mainstay".
	Self bool `yaml:"self"`
}

// Logs limits the store of log lines.
type Logs struct {
	Retention Duration `yaml:"retention"`
	MaxBytes  Bytes    `yaml:"max_bytes"`
}

// Captures limits the store of packet captures.
type Captures struct {
	Retention Duration `yaml:"retention"`
	MaxBytes  Bytes    `yaml:"max_bytes"`
}

// Traces limits the store of spans.
type Traces struct {
	Retention Duration `yaml:"retention"`
	MaxBytes  Bytes    `yaml:"max_bytes"`
}

// Flows limits the stores of traffic.
type Flows struct {
	// Retention and MaxBytes are of the records as they came.
	Retention Duration `yaml:"retention"`
	MaxBytes  Bytes    `yaml:"max_bytes"`
	// History is how long the sums of days are kept.
	History Duration `yaml:"history"`
}

// History limits how long what happened is kept: under history that of check states,
// facts and the outbox.
type History struct {
	Retention Duration `yaml:"retention"`
}

// Session of a browser.
type Session struct {
	Lifetime Duration `yaml:"lifetime"`
}

// Outbound says what probes and webhooks may reach.
type Outbound struct {
	// AllowMetadata permits the metadata addresses of clouds, which hand out
	// credentials.
	AllowMetadata bool `yaml:"allow_metadata"`
}

// Discovery of the machine that the server runs on.
type Discovery struct {
	Host bool `yaml:"host"`
}

// Addresses says how names of addresses are compared with the DNS.
type Addresses struct {
	DNS bool `yaml:"dns"`
	// Resolver is the server to ask, with or without a port; empty asks that of the
	// system.
	Resolver string `yaml:"resolver"`
}

// Agents says where agents are listened to.
type Agents struct {
	// Listen is the address of the agents' own TLS port; empty means the host of
	// Config.Listen and the port after its port, "off" means none.
	Listen string `yaml:"listen"`
	// PublicURL is where agents reach it, https://host:port; empty means the host of
	// Config.PublicURL and the port that is listened on.
	PublicURL string `yaml:"public_url"`
}

// Edges says where edges are listened to.
type Edges struct {
	// Listen is the address of the port for edges; empty means the host of
	// Config.Listen and the second port after its port, "off" means none. It is opened
	// when the first edge enrolls.
	Listen string `yaml:"listen"`
	// PublicURL is where edges reach it, tls://host:port; empty means the host of
	// Config.PublicURL and the port that is listened on.
	PublicURL string `yaml:"public_url"`
}

// AgentsOff is the value of agents.listen and edges.listen that switches the port off.
const AgentsOff = "off"

// AgentAddress is the address of the agents' port; empty when there is none. The
// second result tells that a person chose it.
func (c Config) AgentAddress() (addr string, chosen bool) { return c.beside(c.Agents.Listen, 1) }

// EdgeAddress is the address of the port for edges; empty when there is none.
func (c Config) EdgeAddress() string {
	a, _ := c.beside(c.Edges.Listen, 2)
	return a
}

// beside is the address that was chosen, else the port that many after that of Listen.
func (c Config) beside(choice string, after int) (addr string, chosen bool) {
	switch choice {
	case AgentsOff:
		return "", true
	case "":
		host, port, err := net.SplitHostPort(c.Listen.HTTP)
		n, nerr := strconv.Atoi(port)
		if err != nil || nerr != nil || n > 65535-after {
			return "", false
		}
		if n > 0 {
			n += after
		}
		return net.JoinHostPort(host, strconv.Itoa(n)), false
	}
	return choice, true
}

// Default is the configuration of a server that was told nothing.
func Default() Config {
	return Config{
		Listen: Listen{HTTP: "127.0.0.1:8080"}, Data: "./data",
		Log:           Log{Level: "info", Format: "text"},
		Metrics:       Metrics{Retention: Duration(30 * 24 * time.Hour), MaxBytes: 4 << 30, MaxSeries: 2_000_000, Self: true},
		Traces:        Traces{Retention: Duration(7 * 24 * time.Hour), MaxBytes: 10 << 30},
		Captures:      Captures{Retention: Duration(7 * 24 * time.Hour), MaxBytes: 5 << 30},
		Logs:          Logs{Retention: Duration(30 * 24 * time.Hour), MaxBytes: 20 << 30},
		Flows:         Flows{Retention: Duration(3 * 24 * time.Hour), MaxBytes: 20 << 30, History: Duration(400 * 24 * time.Hour)},
		History:       History{Retention: Duration(400 * 24 * time.Hour)},
		Notifications: History{Retention: Duration(400 * 24 * time.Hour)},
		Escalations:   History{Retention: Duration(400 * 24 * time.Hour)},
		Session:       Session{Lifetime: Duration(14 * 24 * time.Hour)},
		Discovery:     Discovery{Host: true},
		Addresses:     Addresses{DNS: true},
	}
}

// Load layers file (may be ""), environment and flags over the defaults. flags
// holds only those that were given.
func Load(file string, env []string, flags map[string]string) (Config, error) {
	c := Default()
	var bad []errs.Field
	if file != "" {
		b, err := os.ReadFile(file)
		if err != nil {
			return c, errs.Wrap(errs.Invalid, err, "The configuration file %s cannot be read.", file)
		}
		if err := strict.Decode(file, b, &c); err != nil {
			bad = append(bad, errs.FieldsOf(err)...)
		}
	}
	settings := c.settings()
	for _, e := range env {
		k, v, _ := strings.Cut(e, "=")
		if s, ok := settings[strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(k, "MAINSTAY_"), "__", "."))]; ok && strings.HasPrefix(k, "MAINSTAY_") {
			if err := s(v); err != nil {
				bad = append(bad, errs.Field{Path: k, Message: err.Error()})
			}
		}
	}
	for _, k := range slices.Sorted(maps.Keys(flags)) {
		v := flags[k]
		set, ok := settings[k]
		if !ok {
			bad = append(bad, errs.Field{Path: "--" + k, Message: "is not a setting" + strict.DidYouMean(k, slices.Sorted(maps.Keys(settings)))})
			continue
		}
		if k == "database.url" {
			v = "" // never shown
		}
		if err := set(flags[k]); err != nil {
			bad = append(bad, errs.Field{Path: "--" + k, Value: v, Message: err.Error()})
		}
	}
	bad = append(bad, c.validate()...)
	if len(bad) > 0 {
		return c, &errs.Error{Code: errs.Invalid, Message: "The configuration is not valid.", Fields: bad}
	}
	if c.PublicURL == "" {
		scheme := "http"
		if c.TLS.Cert != "" {
			scheme = "https"
		}
		c.PublicURL = scheme + "://" + c.Listen.HTTP
	}
	c.PublicURL = strings.TrimRight(c.PublicURL, "/")
	c.Agents.PublicURL = strings.TrimRight(c.Agents.PublicURL, "/")
	c.Edges.PublicURL = strings.TrimRight(c.Edges.PublicURL, "/")
	return c, nil
}

// Keys are the names of all settings, sorted.
func Keys() []string {
	c := Default()
	return slices.Sorted(maps.Keys(c.settings()))
}

// settings are the keys that the environment (MAINSTAY_LISTEN,
// MAINSTAY_DATABASE__URL) and flags may set.
func (c *Config) settings() map[string]func(string) error {
	str := func(p *string) func(string) error { return func(s string) error { *p = s; return nil } }
	text := func(p interface{ UnmarshalText([]byte) error }) func(string) error {
		return func(s string) error { return p.UnmarshalText([]byte(s)) }
	}
	number := func(p *int) func(string) error {
		return func(s string) error {
			n, err := strconv.Atoi(s)
			if err != nil {
				return fmt.Errorf("must be a whole number")
			}
			*p = n
			return nil
		}
	}
	boolean := func(p *bool) func(string) error {
		return func(s string) error {
			b, err := strconv.ParseBool(s)
			if err != nil {
				return fmt.Errorf("must be true or false")
			}
			*p = b
			return nil
		}
	}
	all := map[string]func(string) error{
		"data": str(&c.Data), "public_url": str(&c.PublicURL), "database.url": str(&c.Database.URL),
		"tls.cert": str(&c.TLS.Cert), "tls.key": str(&c.TLS.Key), "log.level": str(&c.Log.Level), "log.format": str(&c.Log.Format),
		"metrics.retention": text(&c.Metrics.Retention), "metrics.max_bytes": text(&c.Metrics.MaxBytes), "metrics.max_series": number(&c.Metrics.MaxSeries), "metrics.self": boolean(&c.Metrics.Self),
		"logs.retention": text(&c.Logs.Retention), "logs.max_bytes": text(&c.Logs.MaxBytes),
		"captures.retention": text(&c.Captures.Retention), "captures.max_bytes": text(&c.Captures.MaxBytes),
		"traces.retention": text(&c.Traces.Retention), "traces.max_bytes": text(&c.Traces.MaxBytes),
		"flows.retention": text(&c.Flows.Retention), "flows.max_bytes": text(&c.Flows.MaxBytes), "flows.history": text(&c.Flows.History),
		"history.retention": text(&c.History.Retention), "notifications.retention": text(&c.Notifications.Retention), "escalations.retention": text(&c.Escalations.Retention),
		"session.lifetime": text(&c.Session.Lifetime), "outbound.allow_metadata": boolean(&c.Outbound.AllowMetadata), "discovery.host": boolean(&c.Discovery.Host),
		"addresses.dns": boolean(&c.Addresses.DNS), "addresses.resolver": str(&c.Addresses.Resolver), "agents.listen": str(&c.Agents.Listen), "agents.public_url": str(&c.Agents.PublicURL),
		"edges.listen": str(&c.Edges.Listen), "edges.public_url": str(&c.Edges.PublicURL),
	}
	c.Listen.settings(all)
	return all
}

func (c *Config) validate() []errs.Field {
	var bad []errs.Field
	add := func(path, value, msg string) { bad = append(bad, errs.Field{Path: path, Value: value, Message: msg}) }
	c.Listen.validate(add)
	for _, l := range []struct{ path, addr, like string }{{"agents.listen", c.Agents.Listen, "0.0.0.0:8081"}, {"edges.listen", c.Edges.Listen, "0.0.0.0:8082"}} {
		if l.addr == "" || l.addr == AgentsOff {
			continue
		}
		if _, port, err := net.SplitHostPort(l.addr); err != nil {
			add(l.path, l.addr, "must be an address and a port such as "+l.like+", or off")
		} else if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
			add(l.path, l.addr, "must have a port between 0 and 65535")
		}
	}
	if a := c.Edges.PublicURL; a != "" {
		if u, err := url.Parse(a); err != nil || u.Scheme != "tls" || u.Hostname() == "" || u.Port() == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
			add("edges.public_url", a, "must be an address such as tls://mainstay.example.org:8082")
		}
	}
	if a := c.Agents.PublicURL; a != "" {
		if u, err := url.Parse(a); err != nil || u.Scheme != "https" || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
			add("agents.public_url", a, "must be an address such as https://mainstay.example.org:8081, without a path")
		}
	}
	if c.Data == "" {
		add("data", "", "must name a directory")
	}
	if c.PublicURL != "" {
		if u, err := url.Parse(c.PublicURL); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			add("public_url", c.PublicURL, "must be an address such as https://mainstay.example.org")
		}
	}
	if c.Database.URL != "" && !strings.HasPrefix(c.Database.URL, "postgres://") && !strings.HasPrefix(c.Database.URL, "postgresql://") {
		add("database.url", "", "must begin with postgres://, or be empty for SQLite")
	}
	if (c.TLS.Cert == "") != (c.TLS.Key == "") {
		add("tls", "", "needs both cert and key")
	}
	var lv slog.Level
	if lv.UnmarshalText([]byte(c.Log.Level)) != nil {
		add("log.level", c.Log.Level, "must be one of debug, info, warn, error")
	}
	if c.Log.Format != "text" && c.Log.Format != "json" {
		add("log.format", c.Log.Format, "must be text or json")
	}
	atLeast := func(path string, d Duration, lo time.Duration) {
		if d.D() < lo {
			add(path, d.D().String(), "must be at least "+lo.String())
		}
	}
	atLeast("metrics.retention", c.Metrics.Retention, 2*time.Hour)
	atLeast("logs.retention", c.Logs.Retention, 24*time.Hour)
	if c.Logs.MaxBytes < 256<<20 {
		add("logs.max_bytes", strconv.FormatInt(int64(c.Logs.MaxBytes), 10), "must be at least 256MiB")
	}
	atLeast("captures.retention", c.Captures.Retention, time.Hour)
	if c.Captures.MaxBytes < 16<<20 {
		add("captures.max_bytes", strconv.FormatInt(int64(c.Captures.MaxBytes), 10), "must be at least 16MiB")
	}
	atLeast("traces.retention", c.Traces.Retention, 24*time.Hour)
	if c.Traces.MaxBytes < 64<<20 {
		add("traces.max_bytes", strconv.FormatInt(int64(c.Traces.MaxBytes), 10), "must be at least 64MiB")
	}
	atLeast("flows.retention", c.Flows.Retention, 24*time.Hour)
	atLeast("flows.history", c.Flows.History, 7*24*time.Hour)
	if c.Flows.MaxBytes < 256<<20 {
		add("flows.max_bytes", strconv.FormatInt(int64(c.Flows.MaxBytes), 10), "must be at least 256MiB")
	}
	atLeast("history.retention", c.History.Retention, 24*time.Hour)
	// The link in a message that acknowledges works for a week.
	atLeast("notifications.retention", c.Notifications.Retention, 8*24*time.Hour)
	atLeast("escalations.retention", c.Escalations.Retention, 24*time.Hour)
	atLeast("session.lifetime", c.Session.Lifetime, 5*time.Minute)
	if c.Metrics.MaxBytes < 64<<20 {
		add("metrics.max_bytes", strconv.FormatInt(int64(c.Metrics.MaxBytes), 10), "must be at least 64MiB")
	}
	if n := c.Metrics.MaxSeries; n < 1000 || n > 20_000_000 {
		add("metrics.max_series", strconv.Itoa(n), "must be between 1000 and 20000000")
	}
	return bad
}

// String and LogValue keep the password inside the database URL out of logs.
func (d Database) String() string {
	if d.URL == "" {
		return "sqlite"
	}
	return "postgres (address hidden)"
}

// GoString serves %#v as String serves %v.
func (d Database) GoString() string { return d.String() }

// LogValue implements slog.LogValuer.
func (d Database) LogValue() slog.Value { return slog.StringValue(d.String()) }

// LogValue hides what Database hides.
func (c Config) LogValue() slog.Value { return slog.StringValue(fmt.Sprintf("%+v", c)) }

// Logger makes the program's logger.
func (c Config) Logger() *slog.Logger {
	var lv slog.Level
	_ = lv.UnmarshalText([]byte(c.Log.Level))
	o := &slog.HandlerOptions{Level: lv}
	if c.Log.Format == "json" {
		return slog.New(slog.NewJSONHandler(os.Stderr, o))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, o))
}
