package logpattern

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// programs are lines of programs that are in none of the labelled sets, with the template
// that a person would give each group.
var programs = map[string][]string{
	"nginx: open() <*> failed": {
		`2024/05/06 07:08:09 [error] 12#12: *5 open() "/srv/a.html" failed (2: No such file or directory), client: 10.0.0.1, server: a.example, request: "GET /a.html HTTP/1.1", host: "a.example"`,
		`2024/05/06 07:08:10 [error] 12#12: *6 open() "/srv/favicon.ico" failed (2: No such file or directory), client: 10.0.0.9, server: b.example, request: "GET /favicon.ico HTTP/1.1", host: "b.example"`,
	},
	"nginx: upstream timed out": {
		`2024/05/06 07:08:10 [error] 12#12: *6 upstream timed out (110: Connection timed out) while reading response header from upstream, client: 10.0.0.9, server: b.example, request: "GET / HTTP/1.1", upstream: "http://10.1.0.1:80/", host: "b.example"`,
		`2024/05/06 07:09:10 [error] 12#12: *7 upstream timed out (110: Connection timed out) while reading response header from upstream, client: 10.0.0.3, server: c.example, request: "POST /x HTTP/2.0", upstream: "http://10.1.0.2:80/x", host: "c.example"`,
	},
	"postfix: connect from": {
		"May  6 09:25:41 mail postfix/smtpd[16997]: connect from unknown[203.0.113.10]",
		"May  6 09:25:43 mail postfix/smtpd[16999]: connect from mail.example.org[203.0.113.11]",
		"May  6 09:25:44 mail postfix/smtpd[16999]: connect from mx1.example.net[2001:db8::5]",
	},
	"postfix: removed": {
		"May  6 09:25:43 mail postfix/qmgr[16999]: 4F1C22A0B1: removed",
		"May  6 09:25:44 mail postfix/qmgr[16999]: 5F1C22A0B9: removed",
	},
	"postgres: duration": {
		"2024-05-06 07:08:09.123 UTC [811] LOG:  duration: 12.345 ms  statement: SELECT 1",
		"2024-05-06 07:08:10.123 UTC [812] LOG:  duration: 0.345 ms  statement: SELECT 2",
	},
	"postgres: authentication": {
		`2024-05-06 07:08:10.123 UTC [812] FATAL:  password authentication failed for user "app"`,
		`2024-05-06 07:08:11.123 UTC [813] FATAL:  password authentication failed for user "report"`,
	},
	"kubelet: sync": {
		`I0506 07:08:09.123456    4321 kubelet.go:2345] "SyncLoop (PLEG): event for pod" pod="default/web-7d9c-x2x" event={"ID":"1"}`,
		`I0506 07:08:10.123456    4321 kubelet.go:2345] "SyncLoop (PLEG): event for pod" pod="shop/cart-55-y9" event={"ID":"2"}`,
	},
	"kubelet: started container": {
		"Started container web in pod shop/web-1",
		"Started container cart in pod shop/cart-1",
		"Started container db in pod shop/db-1",
	},
	"sudo-like": {
		"user alice logged in from hosta", "user bob logged in from hostb", "user carol logged in from hostc",
	},
	"opposite":  {"link eth0 is up", "link eth1 is up"},
	"opposite2": {"link eth0 is down", "link eth1 is down"},
	"kernel oom": {
		"[12345.678901] Out of memory: Killed process 4242 (java) total-vm:123kB, anon-rss:12kB",
		"[22345.678901] Out of memory: Killed process 4243 (java) total-vm:124kB, anon-rss:13kB",
	},
	"java": {
		"2024-05-06T07:08:09.123+02:00 ERROR 1 --- [nio-8080-exec-1] c.e.shop.CartController : cannot load cart 4711",
		"2024-05-06T07:08:10.123+02:00 ERROR 1 --- [nio-8080-exec-9] c.e.shop.CartController : cannot load cart 12",
	},
}

func TestOtherPrograms(t *testing.T) {
	t.Parallel()
	m := New(Config{})
	got := map[string][]Match{}
	for _, name := range sortedKeys(programs) {
		for _, l := range programs[name] {
			got[name] = append(got[name], m.AddString(l))
		}
	}
	owner := map[string]string{}
	for _, name := range sortedKeys(programs) {
		id := got[name][0].Now().ID
		for i, k := range got[name] {
			require.Equal(t, id, k.Now().ID, "%s: line %d became %q", name, i, k.Now().Template)
		}
		require.Empty(t, owner[id], "%s and %s are one: %s", name, owner[id], got[name][0].Now().Template)
		owner[id] = name
	}
}

func sortedKeys(m map[string][]string) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	for i := range out {
		for j := i + 1; j < len(out); j++ {
			if out[j] < out[i] {
				out[i], out[j] = out[j], out[i]
			}
		}
	}
	return out
}

func TestTemplateText(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"Accepted publickey for root from 10.0.0.1 port 22 ssh2":   "Accepted publickey for root from <*> port <*> ssh2",
		"GET https://a.example/x?y=1 took 12ms":                    "GET <*> took <*>",
		"block blk_-123 at [10.0.0.1:80] with id=77, state=closed": "block <*> at [<*>] with id=<*>, state=closed",
		"file /var/log/x.log removed by user@example.org":          "file <*> removed by <*>",
		"bus error at 2001:db8::1 mac 00:11:22:aa:bb:cc.":          "bus error at <*> mac <*>.",
		`can't read "some text" here`:                              `can't read "<*>" here`,
		"":                                                         "",
	} {
		require.Equal(t, want, New(Config{}).AddString(line).Template, line)
	}
}

func TestHeaderIsLeftOut(t *testing.T) {
	t.Parallel()
	m := New(Config{})
	for _, line := range []string{
		"Jan  2 03:04:05 web-1 app[12]: the message", "<34>1 2024-05-06T07:08:09Z web-1 app 12 - - the message",
		"2024-05-06 07:08:09,123 INFO [main] com.example.App: the message", "2024-05-06T07:08:09.123Z ERROR the message",
		"[Sun Dec 04 04:47:44 2005] [error] the message", "I0506 07:08:09.123456 12 file.go:10] the message",
		"the message",
	} {
		got := string(m.Message([]byte(line)))
		require.True(t, strings.HasSuffix(got, "the message"), "%q of %q", got, line)
		require.Less(t, len(got), 24, "%q of %q", got, line)
	}
	require.Equal(t, "1144704128 double-hummer alignment exceptions", string(m.Message([]byte("1144704128 double-hummer alignment exceptions"))))
}

func TestSaveAndLoad(t *testing.T) {
	t.Parallel()
	m := New(Config{})
	var ids []string
	lines := []string{}
	for i := range 300 {
		lines = append(lines, fmt.Sprintf("conn %d from 10.0.0.%d closed", i, i%250), fmt.Sprintf("session opened for user %s by root", strings.Repeat(string(rune('a'+i%26)), 3)))
	}
	var ms []Match
	for _, l := range lines {
		ms = append(ms, m.AddString(l))
	}
	for _, k := range ms {
		ids = append(ids, k.Now().ID)
	}
	var b bytes.Buffer
	require.NoError(t, m.Save(&b))
	back, err := Load(&b, Config{})
	require.NoError(t, err)
	require.Equal(t, m.Templates(), back.Templates())
	for i, l := range lines {
		k := back.AddString(l)
		require.False(t, k.New, l)
		require.Equal(t, ids[i], k.ID)
	}
	_, err = Load(strings.NewReader(`{"version":9}`), Config{})
	require.ErrorContains(t, err, "version 9")
	_, err = Load(strings.NewReader(`{`), Config{})
	require.Error(t, err)
}

// TestMemoryIsBounded gives lines without any likeness.
func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	m := New(Config{MaxTemplates: 500, MaxForms: 1000})
	x := uint32(1)
	letters := func() string {
		b := make([]byte, 8)
		for i := range b {
			x = x*1664525 + 1013904223
			b[i] = 'a' + byte(x>>24)%26
		}
		return string(b)
	}
	first := m.AddString("kept because it comes again and again")
	for i := range 20000 {
		m.AddString(strings.Repeat(letters()+" ", 1+i%20) + letters())
		if i%50 == 0 {
			require.Equal(t, first.ID, m.AddString("kept because it comes again and again").ID)
		}
	}
	require.LessOrEqual(t, m.Len(), 501)
	require.LessOrEqual(t, len(m.order), 501)
	require.LessOrEqual(t, len(m.young)+len(m.old), 1001)
	require.LessOrEqual(t, len(m.ids), 501)
	require.LessOrEqual(t, len(m.slots), 501*maxOpen)
}

func FuzzAdd(f *testing.F) {
	f.Add("a=b c", "Jan  2 03:04:05 h a[1]: x 'y", "[[[\"")
	f.Add("user a in", "user b in", "user 1 in")
	f.Add("2024-05-06 07:08:09 INFO a.b: c", "<1>", "k=(a,b) () x  y")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		m := New(Config{MaxTemplates: 8, MaxForms: 8})
		for range 2 {
			for _, l := range []string{a, b, c, a + b, b + " " + c} {
				k := m.AddString(l)
				if k.ID == "" || m.Len() > 9 {
					t.Fatalf("id %q, %d templates", k.ID, m.Len())
				}
				if k.Now().ID == "" {
					t.Fatal("a joined template has no id")
				}
			}
		}
		var buf bytes.Buffer
		if err := m.Save(&buf); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(&buf, Config{}); err != nil {
			t.Fatal(err)
		}
	})
}
