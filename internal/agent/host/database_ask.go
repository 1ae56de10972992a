package host

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/mainstay-ops/mainstay/internal/agent/local"
	"github.com/mainstay-ops/mainstay/internal/core/agentwire"
)

const askTimeout = 5 * time.Second

// usualPort by engine.
var usualPort = map[string]int{"postgres": 5432, "mysql": 3306, "redis": 6379}

// accessFor finds how the host's own file says a database is asked; nil when it says
// nothing.
func accessFor(dbs []local.Database, engine string, port int) *local.Database {
	for i := range dbs {
		p := dbs[i].Port
		if p == 0 {
			p = usualPort[engine]
		}
		if dbs[i].Engine == engine && p == port {
			return &dbs[i]
		}
	}
	return nil
}

// passwordOf reads the first line of the password file.
func passwordOf(a *local.Database) (string, error) {
	if a.PasswordFile == "" {
		return "", nil
	}
	b, err := os.ReadFile(a.PasswordFile)
	if err != nil {
		return "", errors.New("the password file of agent.yaml cannot be read")
	}
	l, _, _ := strings.Cut(string(b), "\n")
	return strings.TrimRight(l, "\r"), nil
}

// lag is set to seconds, rounded to milliseconds.
func lag(d *agentwire.Database, seconds float64) {
	v := float64(int64(max(seconds, 0)*1000)) / 1000
	d.LagSeconds = &v
}

// askPostgres logs in as agent.yaml says and asks the statistics views, see
// https://www.postgresql.org/docs/current/monitoring-stats.html.
func askPostgres(ctx context.Context, host string, a *local.Database, d *agentwire.Database) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	c, err := pgx.ParseConfig("")
	if err != nil {
		return errors.New("the environment of the agent has settings of PostgreSQL that cannot be read")
	}
	c.Host, c.Port = host, uint16(d.Port) //nolint:gosec // a port
	c.TLSConfig, c.Fallbacks = nil, nil   // it is this host
	if a.Socket != "" {
		c.Host = a.Socket
	}
	c.Database = "postgres"
	if a.Database != "" {
		c.Database = a.Database
	}
	if a.User != "" {
		c.User = a.User
	}
	if p, err := passwordOf(a); err != nil {
		return err
	} else if p != "" {
		c.Password = p
	}
	c.RuntimeParams = map[string]string{"application_name": "mainstay agent", "default_transaction_read_only": "on", "statement_timeout": "4000"}
	conn, err := pgx.ConnectConfig(ctx, c)
	if err != nil {
		return postgresError(err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var (
		version        string
		replica        bool
		size           *int64
		denied, stands int
		seconds        *float64
		archived       *time.Time
	)
	err = conn.QueryRow(ctx, `SELECT current_setting('server_version'), pg_is_in_recovery(),
		(SELECT sum(pg_database_size(oid))::bigint FROM pg_database WHERE has_database_privilege(oid, 'CONNECT') OR pg_has_role('pg_read_all_stats', 'MEMBER')),
		(SELECT count(*)::int FROM pg_database WHERE NOT (has_database_privilege(oid, 'CONNECT') OR pg_has_role('pg_read_all_stats', 'MEMBER'))),
		(SELECT last_archived_time FROM pg_stat_archiver)`).Scan(&version, &replica, &size, &denied, &archived)
	if err != nil {
		return postgresError(err)
	}
	d.Version, _, _ = strings.Cut(clean(version, 50), " ")
	if size != nil {
		d.SizeBytes = uint64(max(*size, 0)) //nolint:gosec // not negative
	}
	if denied > 0 {
		d.Note = fmt.Sprintf("The size of %d databases is not permitted to this user.", denied)
	}
	if archived != nil {
		d.LastBackup, d.BackupOf = archived.UTC().Truncate(time.Second), "WAL archive"
	}
	if replica {
		var streaming int
		d.Replication = "replica"
		err = conn.QueryRow(ctx, `SELECT CASE WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0 ELSE extract(epoch FROM now() - pg_last_xact_replay_timestamp()) END::float8,
			(SELECT count(*)::int FROM pg_stat_wal_receiver)`).Scan(&seconds, &streaming)
		if err == nil && streaming == 0 {
			d.Replication += ", not connected to its primary"
		}
	} else {
		d.Replication = "primary"
		err = conn.QueryRow(ctx, `SELECT count(*)::int, max(extract(epoch FROM replay_lag))::float8 FROM pg_stat_replication`).Scan(&stands, &seconds)
		if err == nil {
			d.Replication += ", " + strconv.Itoa(stands) + " connected"
		}
	}
	if err != nil {
		d.Note = strings.TrimSpace(d.Note + " The state of the replication is not permitted to this user.")
		return nil
	}
	if seconds != nil {
		lag(d, *seconds)
	}
	return nil
}

func postgresError(err error) error {
	var p *pgconn.PgError
	if errors.As(err, &p) {
		return fmt.Errorf("PostgreSQL said: %s", clean(p.Message, 200))
	}
	return errors.New("PostgreSQL does not answer at the place that agent.yaml names")
}

// askMySQL asks with the client program of MySQL or MariaDB, which reads its own option
// files as well.
func askMySQL(ctx context.Context, host string, a *local.Database, d *agentwire.Database) error {
	client := ""
	for _, n := range []string{"mariadb", "mysql"} {
		if p, err := exec.LookPath(n); err == nil {
			client = p
			break
		}
	}
	if client == "" {
		return errors.New("this host has no client program mariadb or mysql")
	}
	password, err := passwordOf(a)
	if err != nil {
		return err
	}
	args := []string{"--batch", "--connect-timeout=3"}
	if a.Socket != "" {
		args = append(args, "--socket="+a.Socket)
	} else {
		args = append(args, "--protocol=tcp", "--host="+host, "--port="+strconv.Itoa(d.Port))
	}
	if a.User != "" {
		args = append(args, "--user="+a.User)
	}
	query := func(sql string) (string, error) {
		ctx, cancel := context.WithTimeout(ctx, askTimeout)
		defer cancel()
		cmd := exec.CommandContext(ctx, client, append(args, "--execute="+sql)...) //nolint:gosec // no shell; the host's own file
		cmd.Env = append(os.Environ(), "LC_ALL=C")
		if password != "" {
			cmd.Env = append(cmd.Env, "MYSQL_PWD="+password) // not an argument: those are seen by all users of the host
		}
		out, said := &limited{left: maxProgramOut}, &limited{left: 2000}
		cmd.Stdout, cmd.Stderr, cmd.WaitDelay = out, said, time.Second
		if err := cmd.Run(); err != nil {
			m := strings.TrimSpace(said.String())
			if m == "" {
				m = err.Error()
			}
			return "", fmt.Errorf("the client program said: %s", clean(strings.ReplaceAll(m, "\n", " "), 200))
		}
		return out.String(), nil
	}
	out, err := query("SELECT VERSION(), COALESCE(SUM(data_length + index_length), 0) FROM information_schema.tables")
	if err != nil {
		return err
	}
	// A line of names, then one of values.
	if l := strings.Split(strings.TrimSpace(out), "\n"); len(l) == 2 {
		version, size, _ := strings.Cut(l[1], "\t")
		d.Version = clean(version, 50)
		f, _ := strconv.ParseFloat(strings.TrimSpace(size), 64)
		d.SizeBytes = uint64(max(f, 0))
	}
	out, err = query(`SHOW REPLICA STATUS\G`)
	if err != nil {
		out, err = query(`SHOW SLAVE STATUS\G`)
	}
	if err != nil {
		d.Note = "The state of the replication is not permitted to this user."
		return nil
	}
	parseReplica(out, d)
	return nil
}

// parseReplica reads SHOW REPLICA STATUS, see
// https://dev.mysql.com/doc/refman/8.4/en/show-replica-status.html.
func parseReplica(out string, d *agentwire.Database) {
	v := map[string]string{}
	for l := range strings.Lines(out) {
		if k, x, ok := strings.Cut(strings.TrimSpace(l), ": "); ok {
			v[strings.NewReplacer("Slave", "Replica", "Master", "Source").Replace(k)] = strings.TrimSpace(x)
		}
	}
	if v["Replica_IO_Running"] == "" {
		d.Replication = "not a replica"
		return
	}
	d.Replication = "replica"
	if v["Replica_IO_Running"] != "Yes" || v["Replica_SQL_Running"] != "Yes" {
		d.Replication += ", stopped"
	}
	if s, err := strconv.ParseFloat(v["Seconds_Behind_Source"], 64); err == nil {
		lag(d, s)
	}
}

// redisAddress is where agent.yaml says that Redis is, else the port.
func redisAddress(host string, a *local.Database, port int) (network, addr string) {
	if a != nil && a.Socket != "" {
		return "unix", a.Socket
	}
	return "tcp", net.JoinHostPort(host, strconv.Itoa(port))
}
