package logparse_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/logparse"
)

// known are lines made for this test, of formats that the real lines do not have.
var known = []struct {
	line, format, want string
}{
	{`2024-05-06T07:08:09.123456789Z stderr F panic: oh no`, "cri", "time=2024-05-06T07:08:09.123456789Z stream=stderr"},
	{`I0506 07:08:09.123456    4321 kubelet.go:2345] "SyncLoop" pod="shop/web-1" n=3`, "klog", "level=info pid=4321 source=kubelet.go:2345 pod=shop/web-1 n=3 text=SyncLoop"},
	{`<189>123: sw-1: *Mar  1 18:46:11.123: %SYS-5-CONFIG_I: Configured from console by admin on vty0 (10.0.0.5)`, "cisco", "level=notice host=sw-1 mnemonic=CONFIG_I user=admin src_ip=10.0.0.5"},
	{`<166>May  6 2024 07:08:09: %ASA-6-302013: Built inbound TCP connection 77 for outside:1.2.3.4/5555 (1.2.3.4/5555) to inside:10.0.0.1/443 (10.0.0.1/443)`, "cisco_asa", "level=info time=2024-05-06T07:08:09Z src_ip=1.2.3.4 dst_port=443 protocol=TCP"},
	{`<165>1 2024-05-06T07:08:09.003Z web-1 shop 77 ID47 [ex@32473 iut="3" why="a \"b\""] started`, "syslog", `host=web-1 app=shop pid=77 msgid=ID47 ex_iut=3 ex_why=a_"b" text=started level=notice`},
	{`May  6 07:08:09 gw kernel: [12345.678901] [UFW BLOCK] IN=eth0 OUT= MAC=00:11:22:33:44:55:66:77:88:99:aa:bb:08:00 SRC=203.0.113.9 DST=10.0.0.1 LEN=40 PROTO=TCP SPT=1234 DPT=22 SYN URGP=0`, "netfilter", "host=gw action=block src_ip=203.0.113.9 dst_port=22 tcp_flags=SYN in_interface=eth0"},
	{`May  6 07:08:09 web-1 sudo:    alice : TTY=pts/0 ; PWD=/home/alice ; USER=root ; COMMAND=/bin/ls -l`, "sudo", "user=alice target_user=root command=/bin/ls_-l"},
	{`May  6 07:08:09 web-1 CRON[123]: (root) CMD (run-parts /etc/cron.hourly)`, "cron", "user=root command=run-parts_/etc/cron.hourly pid=123"},
	{`May  6 07:08:09 mx postfix/smtp[77]: 4F1C22A0B1: to=<a@example.org>, relay=mx.example.org[192.0.2.1]:25, delay=0.5, delays=0.1/0/0.2/0.2, dsn=2.0.0, status=sent (250 OK)`, "postfix", "queue_id=4F1C22A0B1 to=a@example.org dsn=2.0.0 delivery=sent"},
	{`2024-05-06 07:08:09.123 UTC [811] app@shop ERROR:  relation "x" does not exist`, "postgresql", `pid=811 user=app database=shop level=error text=relation_"x"_does_not_exist`},
	{`2024-05-06 07:08:09.123 CET [811] LOG:  duration: 12.345 ms  statement: SELECT 1`, "postgresql", "duration_ms=12.345 statement=SELECT_1"},
	{`2024-05-06T07:08:09.123456Z 0 [System] [MY-010931] [Server] ready for connections`, "mysql", "thread=0 error_code=MY-010931 subsystem=Server"},
	{`812:M 06 May 2024 07:08:09.123 * Background saving started by pid 33`, "redis", "pid=812 role=M level=notice time=2024-05-06T07:08:09.123Z"},
	{`LEEF:1.0|Vendor|Product|1.2|login|src=10.0.0.1	dst=10.0.0.2	usrName=alice`, "leef", "device_vendor=Vendor event_id=login src_ip=10.0.0.1 user=alice"},
	{`level=warn ts=2024-05-06T07:08:09Z caller=main.go:1 msg="slow query" took=1.5s`, "logfmt", "level=warning caller=main.go:1 took=1.5s text=slow_query"},
	{`{"time":"2024-05-06T07:08:09Z","level":"ERROR","msg":"no","a":{"b":[1,2]},"ok":true}`, "json", "level=error a.b=1 a.b.1=2 ok=true text=no"},
	{`2024-05-06 07:08:09,123 ERROR [main] com.example.Shop - cannot start`, "application", "level=error thread=main logger=com.example.Shop text=cannot_start"},
	{`2024-05-06 07:08:09,123 - shop.cart - INFO - loaded`, "application", "level=info"},
	{`2024-05-06T07:08:09.123+02:00  INFO 1 --- [nio-8080-exec-1] c.e.shop.CartController : cart loaded`, "application", "level=info pid=1 thread=nio-8080-exec-1 logger=c.e.shop.CartController text=cart_loaded"},
	{`[2024-05-06 07:08:09,123] {scheduler.py:77} INFO - loaded`, "application", "level=info source=scheduler.py:77 text=loaded"},
	{`[INFO] compiled`, "application", "level=info text=compiled"},
	{`ERROR: no such thing`, "application", "level=error text=no_such_thing"},
	{`WARNING:shop.cart:disk nearly full`, "python", "level=warning logger=shop.cart text=disk_nearly_full"},
	{`2024-05-06 07:08:09 10.0.0.1 GET /index.html a=b 443 - 203.0.113.9 Mozilla/5.0+(X) https://example.org/ 200 0 0 15`, "iis", "method=GET path=/index.html src_ip=203.0.113.9 status=200 duration_ms=15 referrer=https://example.org/"},
	{`May  6 07:08:09 ns named[1]: client @0x7f 10.0.0.9#5353 (example.org): query: example.org IN A +E(0)K (10.0.0.53)`, "named", "src_ip=10.0.0.9 name=example.org type=A"},
	{`May  6 07:08:09 gw dnsmasq[1]: query[AAAA] example.org from 10.0.0.9`, "dnsmasq", "type=AAAA name=example.org src_ip=10.0.0.9"},
	{`May  6 07:08:09 gw dhcpd[1]: DHCPACK on 10.0.0.77 to 00:11:22:33:44:55 (laptop) via eth1`, "dhcpd", "action=DHCPACK lease_ip=10.0.0.77 mac=00:11:22:33:44:55 client_name=laptop interface=eth1"},
	{`type=USER_LOGIN msg=audit(1714979289.123:77): pid=12 uid=0 acct="root" exe="/usr/sbin/sshd" res=failed`, "auditd", "type=USER_LOGIN serial=77 acct=root res=failed time=2024-05-06T07:08:09.123Z"},
	{`date=2024-05-06 time=07:08:09 devname="fw" logid="0001" type="traffic" srcip=10.0.0.1 dstip=10.0.0.2 action="accept"`, "fortinet", "src_ip=10.0.0.1 dst_ip=10.0.0.2 action=accept"},
	{`something that nobody knows`, "", ""},
}

func flat(t *testing.T, p logparse.Parsed, line string) map[string]string {
	t.Helper()
	var m map[string]string
	require.NoError(t, json.Unmarshal(p.AppendJSON(nil, line), &m), line)
	return m
}

func TestKnownFormats(t *testing.T) {
	t.Parallel()
	for _, k := range known {
		p := logparse.Parse(k.line, now)
		require.Equal(t, k.format, p.Format, k.line)
		got := flat(t, p, k.line)
		require.Equal(t, k.line, got["message"])
		for kv := range strings.FieldsSeq(k.want) {
			name, v, _ := strings.Cut(kv, "=")
			require.Equal(t, strings.ReplaceAll(v, "_", " "), strings.ReplaceAll(got[name], "_", " "), "%s of %s\n%v", name, k.line, got)
		}
	}
}

func TestYearThatIsNotWritten(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"Nov 23 11:00:00 h a: x": "2026-11-23T11:00:00Z", "Nov 24 11:00:00 h a: x": "2026-11-24T11:00:00Z",
		"Dec 31 23:59:59 h a: x": "2025-12-31T23:59:59Z", "Jan  1 00:00:01 h a: x": "2026-01-01T00:00:01Z",
	} {
		require.Equal(t, want, logparse.Parse(line, now).Time.Format(time.RFC3339), line)
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	at := logparse.Parse("Jul  1 12:00:00 h a: x", now.In(berlin)).Time
	require.Equal(t, "2026-07-01T12:00:00+02:00", at.Format(time.RFC3339))
	newYear := time.Date(2026, 1, 1, 0, 10, 0, 0, time.UTC)
	require.Equal(t, 2025, logparse.Parse("Dec 31 23:59:59 h a: x", newYear).Time.Year())
	require.Equal(t, 2026, logparse.Parse("Jan  1 00:00:00 h a: x", newYear.Add(-20*time.Minute)).Time.Year())
}

func TestLimits(t *testing.T) {
	t.Parallel()
	long := "Jan  1 00:00:00 h a: " + strings.Repeat("x", 2<<20)
	require.LessOrEqual(t, len(logparse.Parse(long, now).Message), logparse.MaxLine)
	deep := strings.Repeat(`{"a":`, 5000) + "1" + strings.Repeat("}", 5000)
	require.Empty(t, logparse.Parse(deep, now).Format)
	many := "{" + strings.Repeat(`"k":"v",`, 5000) + `"k":"v"}`
	require.LessOrEqual(t, len(logparse.Parse(many, now).Fields), 512)
}

const parsers = `
parsers:
  - name: shop
    match: "order="
    pattern: '%{text:at} %{word:level} order=%{int:order} took %{word:took}%[ by %{ip:src_ip}%]'
    types: {order: int, took: duration}
    time: {field: at, layout: "02.01.2006 15:04:05", zone: Europe/Berlin}
    set: {team: web}
  - name: door
    app: [door]
    regexp: '^(?P<action>opened|closed) by (?P<user>\w+)$'
`

func TestParsersOfOnesOwn(t *testing.T) {
	t.Parallel()
	s, err := logparse.ReadParsers("p.yaml", []byte(parsers))
	require.NoError(t, err)
	line := "06.05.2024 07:08:09 WARN order=0077 took 250ms by 10.0.0.1"
	got := flat(t, s.Parse(line, now), line)
	require.Equal(t, map[string]string{
		"message": line, "time": "2024-05-06T07:08:09+02:00", "level": "warning", "format": "shop",
		"order": "77", "took": "0.25", "src_ip": "10.0.0.1", "team": "web",
	}, got)
	door := "May  6 07:08:09 h door[3]: opened by alice"
	p := s.Parse(door, now)
	require.Equal(t, []string{"door", "h", "door", "3", "opened", "alice"}, []string{p.Format, p.Host, p.App, p.PID, p.Get("action"), p.Get("user")})
	require.Equal(t, "sshd", s.Parse("May  6 07:08:09 h sshd[3]: Invalid user x from 10.0.0.1 port 2", now).Format)

	trial := s.Try("06.05.2024 07:08:09 WARN order=x took 250ms", now)
	require.False(t, trial.Fits)
	require.Equal(t, "shop", trial.Misses[0].Parser)
	require.Equal(t, 31, trial.Misses[0].Offset)
	require.Contains(t, trial.Misses[0].Message, `before "x took`)
	trial = s.Try("06.05.2024 07:08:09 WARN order=1 took soon", now)
	require.Contains(t, trial.Misses[0].Message, `took: "soon" is not of type duration`)
	trial = s.Try(line, now)
	require.True(t, trial.Fits)
	require.Equal(t, "2024-05-06T07:08:09+02:00", trial.Time)
}

func TestMistakesInParsers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ parser, path, message string }{
		{`{name: a, pattern: "x %{wrd:b}"}`, "pattern", `at character 5: "wrd" is no type`},
		{`{name: a, pattern: "x %{b"}`, "pattern", `at character 3: "%{" without "}"`},
		{`{name: a, pattern: "a %[b"}`, "pattern", `at character 3: "%[" without "%]"`},
		{`{name: a, pattern: "100%"}`, "pattern", `at character 4: "%" at the end`},
		{`{name: a, regexp: "(?P<a>x"}`, "regexp", "missing closing )"},
		{`{name: a, regexp: "x"}`, "regexp", "no named group"},
		{`{name: a}`, "pattern", "or regexp must be given"},
		{`{name: "a b", pattern: "%{c}"}`, "name", "is not a name"},
		{`{name: a, pattern: "%{c}", types: {d: int}}`, "types.d", "is no field of the pattern; its fields are c"},
		{`{name: a, pattern: "%{c}", types: {c: integer}}`, "types.c", "is not a type"},
		{`{name: a, pattern: "%{c}", time: {field: c, layout: "hello"}}`, "time.layout", "has no part of a time"},
		{`{name: a, pattern: "%{c}", time: {field: c, zone: Mars}}`, "time.zone", "is no time zone"},
	} {
		_, err := logparse.ReadParsers("p.yaml", []byte("parsers:\n  - "+c.parser+"\n"))
		fs := errs.FieldsOf(err)
		require.Len(t, fs, 1, c.parser)
		require.Equal(t, "parsers[0]."+c.path, fs[0].Path)
		require.Contains(t, fs[0].Message, c.message)
		require.Equal(t, 2, fs[0].Line)
	}
}

func FuzzParse(f *testing.F) {
	for _, k := range known {
		f.Add(k.line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		p := logparse.Parse(line, now)
		var m map[string]string
		if err := json.Unmarshal(p.AppendJSON(nil, line), &m); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if y := p.Time.Year(); !p.Time.IsZero() && (y < 1970 || y > 9999) {
			t.Fatalf("%q: year %d", line, y)
		}
	})
}

func FuzzPattern(f *testing.F) {
	f.Add("%{text:a} %[b %{ip:c}%]%{rest:d}", "x b 1.2.3.4")
	f.Add("%{word}%%%{quoted:q}", `x%"y"`)
	f.Fuzz(func(t *testing.T, pattern, line string) {
		s, err := logparse.Compile([]logparse.Parser{{Name: "a", Pattern: pattern}})
		if err != nil {
			return
		}
		r := s.Try(line, now)
		if !r.Fits && len(r.Misses) != 1 {
			t.Fatalf("%q on %q: %+v", pattern, line, r)
		}
	})
}
