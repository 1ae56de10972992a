// Package postgres logs in to PostgreSQL and may run a query.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/mainstay-ops/mainstay/internal/adapter/probe/internal/probekit"
	"github.com/mainstay-ops/mainstay/internal/core/netguard"
	"github.com/mainstay-ops/mainstay/internal/core/netline"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// Config says what to check.
type Config struct {
	DSN      string `json:"dsn,omitempty" yaml:"dsn,omitempty" doc:"Connection string or URL; instead of the following fields." secret:"true"`
	Host     string `json:"host,omitempty" yaml:"host,omitempty" doc:"Host, or the folder of a Unix socket."`
	Port     int    `json:"port,omitempty" yaml:"port,omitempty" doc:"Port."`
	User     string `json:"user,omitempty" yaml:"user,omitempty" doc:"User."`
	Password string `json:"password,omitempty" yaml:"password,omitempty" doc:"Password." secret:"true"`
	Database string `json:"database,omitempty" yaml:"database,omitempty" doc:"Database."`
	SSLMode  string `json:"sslmode,omitempty" yaml:"sslmode,omitempty" doc:"disable, prefer, require, verify-ca or verify-full."`
	Query    string `json:"query,omitempty" yaml:"query,omitempty" doc:"Query to run in a read-only transaction; its first value is judged."`
	Expect   string `json:"expect,omitempty" yaml:"expect,omitempty" doc:"What the first value must be, as text."`

	Timeout observe.Duration `json:"timeout,omitempty" yaml:"timeout,omitempty" doc:"Limit for the whole run."`
	Warn    observe.Duration `json:"warn,omitempty" yaml:"warn,omitempty" doc:"Warning when the run takes longer."`
	Crit    observe.Duration `json:"crit,omitempty" yaml:"crit,omitempty" doc:"Critical when the run takes longer."`
}

func init() {
	observe.RegisterProbe(observe.ProbeType{
		Name: "postgres", Title: "PostgreSQL",
		New: func() observe.ProbeConfig { return newConfig() },
		FromTarget: func(t string) (observe.ProbeConfig, error) {
			c := newConfig()
			if strings.Contains(t, "://") {
				c.DSN = t
			} else {
				c.Host = t
			}
			return c, c.Validate()
		},
	})
}

func newConfig() *Config {
	return &Config{Port: 5432, User: "postgres", Database: "postgres", SSLMode: "prefer", Query: "SELECT 1", Timeout: observe.Duration(observe.DefaultProbeTimeout)}
}

// Validate implements observe.ProbeConfig.
func (c *Config) Validate() error {
	var f probekit.FieldChecks
	if c.DSN == "" {
		f.Required("host", c.Host, "db.example.org")
		f.Between("port", c.Port, 1, 65535)
		f.OneOf("sslmode", c.SSLMode, "disable", "prefer", "require", "verify-ca", "verify-full")
	}
	if _, err := pgx.ParseConfig(c.dsn()); err != nil {
		f.Secret("dsn", "must be a connection string, for example \"postgres://user@db.example.org/shop\"")
	}
	f.Required("query", c.Query, "SELECT 1")
	f.Timeout("timeout", c.Timeout)
	f.Limits("warn", c.Warn, "crit", c.Crit)
	return f.Err()
}

// Target implements observe.ProbeConfig.
func (c *Config) Target() string {
	if cfg, err := pgx.ParseConfig(c.dsn()); err == nil {
		return fmt.Sprintf("%s:%d/%s", cfg.Host, cfg.Port, cfg.Database)
	}
	return c.Host
}

// TimeLimit implements observe.TimeLimited.
func (c *Config) TimeLimit() time.Duration { return c.Timeout.D() }

// Probe implements observe.ProbeConfig.
func (c *Config) Probe(env observe.ProbeEnv) (observe.Probe, error) {
	return &probe{cfg: *c, env: env}, nil
}

type probe struct {
	cfg Config
	env observe.ProbeEnv
}

// Run implements observe.Probe.
func (p *probe) Run(ctx context.Context) observe.Result {
	start := time.Now()
	ctx, cancel := p.env.Bound(ctx, p.cfg.Timeout)
	defer cancel()
	cfg, err := pgx.ParseConfig(p.cfg.dsn())
	if err != nil {
		return probekit.Report(start, observe.Unknown, "the connection settings are not valid")
	}
	guard := netguard.Guard{AllowMetadata: p.env.AllowMetadata}
	cfg.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := guard.Dialer(0).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return netline.Bounded(c, maxRead), nil
	}
	cfg.BuildFrontend = func(r io.Reader, w io.Writer) *pgproto3.Frontend {
		f := pgproto3.NewFrontend(r, w)
		f.SetMaxBodyLen(maxRead)
		return f
	}
	target := p.cfg.Target()
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return probekit.Report(start, observe.Critical, "%s: %s", target, explain(err))
	}
	defer func() { _ = conn.Close(ctx) }()
	login := time.Since(start)
	value, err := first(ctx, conn, p.cfg.Query)
	if err != nil {
		return probekit.Report(start, observe.Critical, "%s: the query failed: %s", target, explain(err))
	}
	took := time.Since(start)
	status, why := probekit.Over(took, p.cfg.Warn.D(), p.cfg.Crit.D()), ""
	if p.cfg.Expect != "" && value != p.cfg.Expect {
		status, why = observe.Critical, fmt.Sprintf(", the query gave %q, expected %q", probekit.Line(value, 80), probekit.Line(p.cfg.Expect, 80))
	}
	r := probekit.Report(start, status, "%s: PostgreSQL %s answered in %s%s", target, conn.PgConn().ParameterStatus("server_version"), probekit.Millis(took), why)
	r.Measures = []observe.Measure{
		{Name: "probe_postgres_connect_seconds", Value: login.Seconds()},
		{Name: "probe_postgres_query_seconds", Value: (took - login).Seconds()},
	}
	return r
}

// maxRead bounds what is read in one run, so that a query without LIMIT does no harm.
const maxRead = 1 << 20

// dsn makes a connection string; values are quoted as libpq wants it.
func (c *Config) dsn() string {
	if c.DSN != "" {
		return c.DSN
	}
	var b strings.Builder
	quote := strings.NewReplacer("\\", "\\\\", "'", "\\'")
	for _, kv := range [][2]string{
		{"host", c.Host},
		{"port", fmt.Sprint(c.Port)},
		{"user", c.User},
		{"password", c.Password},
		{"dbname", c.Database},
		{"sslmode", c.SSLMode},
	} {
		if kv[1] != "" {
			fmt.Fprintf(&b, "%s='%s' ", kv[0], quote.Replace(kv[1]))
		}
	}
	return b.String()
}

// first runs the query in a read-only transaction and gives its first value as text.
func first(ctx context.Context, conn *pgx.Conn, query string) (string, error) {
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{AccessMode: pgx.ReadOnly})
	if err != nil {
		return "", err
	}
	defer func() { _ = tx.Rollback(ctx) }()
	rows, err := tx.Query(ctx, query, pgx.QueryExecModeExec, pgx.QueryResultFormats{pgx.TextFormatCode})
	if err != nil {
		return "", err
	}
	defer rows.Close()
	if !rows.Next() {
		return "", rows.Err()
	}
	if v := rows.RawValues(); len(v) > 0 {
		return probekit.Line(string(v[0]), 4096), nil
	}
	return "", nil
}

// explain prefers what the server says; it shows no connection string.
func explain(err error) string {
	var pe *pgconn.PgError
	if errors.As(err, &pe) {
		return pe.Message
	}
	var ce *pgconn.ConnectError
	if errors.As(err, &ce) && ce.Unwrap() != nil {
		return netguard.Explain(ce.Unwrap())
	}
	return netguard.Explain(err)
}
