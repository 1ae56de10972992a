package all

import (
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/observe"
)

var update = flag.Bool("update", false, "write docs/checks.md anew")

const docPath = "../../../docs/checks.md"

// examples are the configurations shown in the documentation.
var examples = map[string]string{
	"http":     `http: {url: "https://shop.example.org/health", status: [200], contains: ok, timeout: 2s}`,
	"tcp":      `tcp: {address: "db.example.org:5432", warn: 200ms, crit: 1s}`,
	"udp":      `udp: {address: "game.example.org:27015", send: "ping", expect: "pong"}`,
	"icmp":     `icmp: {host: router.example.org, count: 5, loss_warn: 20, loss_crit: 60, rtt_warn: 100ms}`,
	"dns":      `dns: {server: ns1.example.org, name: www.example.org, type: A, expect: ["192.0.2.10"]}`,
	"tls":      `tls: {address: "mail.example.org:25", starttls: smtp, warn: 21, crit: 7}`,
	"smtp":     `smtp: {address: mail.example.org, tls: starttls}`,
	"imap":     `imap: {address: mail.example.org, tls: implicit}`,
	"pop3":     `pop3: {address: mail.example.org, tls: implicit}`,
	"ftp":      `ftp: {address: files.example.org}`,
	"ssh":      `ssh: {address: host.example.org, expect: OpenSSH}`,
	"ldap":     `ldap: {url: "ldaps://ldap.example.org", base_dn: "dc=example,dc=org"}`,
	"ntp":      `ntp: {address: ntp.example.org, offset_warn: 50ms, offset_crit: 500ms}`,
	"postgres": `postgres: {host: db.example.org, user: monitor, database: shop, query: "SELECT count(*) > 0 FROM orders", expect: t}`,
	"mysql":    `mysql: {address: db.example.org, user: monitor, tls: true}`,
	"redis":    `redis: {address: cache.example.org, info: role, expect: master}`,
	"snmp":     `snmp: {address: ups.example.org, oid: 1.3.6.1.2.1.33.1.2.4.0, warning: "60:", critical: "30:"}`,
	"trap":     `trap: {traps: [linkDown], clear: [linkUp], per: ifIndex, text: "{ifDescr} is down", reset_after: 24h}`,
	"path":     `path: {path: head office to provider, over: 5m, loss: 3, latency: 80ms, mos: 3.6, route: warning}`,
	"process":  `process: {name: "^nginx$", min: 2}`,
	"disk":     `disk: {path: /var, warn: 80, crit: 90}`,
	"script":   `script: {shell: "test -f /run/ready || { echo not ready; exit 2; }"}`,
	"plugin":   `plugin: {command: ["/usr/lib/nagios/plugins/check_load", "-w", "5,4,3", "-c", "10,8,6"]}`,
}

const intro = `# Check types

Each check in ` + "`ops.yaml`" + ` has one of the keys below. Durations are written as 500ms, 30s or 5m.
Try a check from the shell with ` + "`mainstay check run TYPE TARGET`" + `.

What holds for all of them:

- A run ends at its timeout, whatever the target does. An answer is read up to a limit: 64 KiB, for the body of http 1 MiB.
- A target that cannot be reached, closes early or answers nonsense is critical, with the reason in one line. Unknown means that the check itself could not run.
- Addresses of cloud metadata services (such as 169.254.169.254) are refused after the name is resolved, unless the administrator allows them.
- http speaks HTTP/1.1 on a new connection for each run. Measurements are split into dns, connect, tls, ttfb (time to first byte) and transfer.
- icmp needs the group of Mainstay in ` + "`net.ipv4.ping_group_range`" + `, or the capability CAP_NET_RAW.
- plugin and script run with a small environment (PATH, HOME, LANG, LC_ALL, LC_CTYPE, TZ, TMPDIR, USER, LOGNAME and what env adds). Standard error counts as output. At the timeout, or after 64 KiB of output, the program is killed with its process group and the state is unknown. Performance data become the metric probe_perfdata, with times in seconds and sizes in bytes.
`

func document() string {
	var b strings.Builder
	b.WriteString(intro)
	for _, pt := range observe.ProbeTypes() {
		fmt.Fprintf(&b, "\n## %s: `%s`\n\n```yaml\n%s\n```\n\n| key | default | meaning |\n| --- | --- | --- |\n", pt.Title, pt.Name, examples[pt.Name])
		v := reflect.ValueOf(pt.New()).Elem()
		for i := range v.NumField() {
			f := v.Type().Field(i)
			key, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
			if !f.IsExported() || key == "" {
				continue
			}
			def := ""
			if !v.Field(i).IsZero() {
				def = "`" + fmt.Sprint(v.Field(i).Interface()) + "`"
			}
			secret := ""
			if f.Tag.Get("secret") == "true" {
				secret = " Kept secret."
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s%s |\n", key, def, strings.ReplaceAll(f.Tag.Get("doc"), "|", "\\|"), secret)
		}
	}
	return b.String()
}

func TestChecksDocument(t *testing.T) {
	if *update {
		require.NoError(t, os.MkdirAll("../../../docs", 0o755))
		require.NoError(t, os.WriteFile(docPath, []byte(document()), 0o644))
	}
	have, err := os.ReadFile(docPath)
	require.NoError(t, err)
	require.Equal(t, document(), string(have), "run: go test ./internal/adapter/all -update")
}
