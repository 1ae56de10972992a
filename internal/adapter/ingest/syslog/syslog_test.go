package syslog

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/adapter/ingest/internal/ingesttest"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

var now = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func TestParse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`<34>1 2026-03-01T22:14:15.003Z mymachine.example.com su - ID47 - ` + "\uFEFF" + `'su root' failed`:    `2026-03-01T22:14:15.003Z critical mymachine.example.com/su facility=auth msgid=ID47 | 'su root' failed`,
		`<165>1 2026-03-01T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - [ex@1 a="1\"2" b="\]"][x y="z"] text`: `2026-03-01T12:14:15.000003Z notice 192.0.2.1/myproc facility=local4 ex@1.a=1"2 ex@1.b=] x.y=z pid=8710 | text`,
		`<13>1 - - - - - -`: `0001-01-01T00:00:00Z notice / facility=user | `,
		`<34>Oct 11 22:14:15 mymachine su: 'su root' failed for lonvick on /dev/pts/8`:                      `2025-10-11T22:14:15Z critical mymachine/su facility=auth | 'su root' failed for lonvick on /dev/pts/8`,
		`<38>Mar  1 10:00:00 web1 sshd[1234]: Accepted publickey for ada from 192.0.2.7 port 51234`:         `2026-03-01T10:00:00Z info web1/sshd facility=auth pid=1234 | Accepted publickey for ada from 192.0.2.7 port 51234`,
		`<30>2026-03-01T10:00:00.123456+01:00 web1 systemd[1]: Started nginx.`:                              `2026-03-01T09:00:00.123456Z info web1/systemd facility=daemon pid=1 | Started nginx.`,
		`<189>123: *Mar  1 18:46:11.123 UTC: %SYS-5-CONFIG_I: Configured from console by vty0`:              `2026-03-01T18:46:11.123Z notice /SYS facility=local7 sequence=123 mnemonic=CONFIG_I | %SYS-5-CONFIG_I: Configured from console by vty0`,
		`<187>45: router1: 000046: Mar  1 18:46:11: %LINK-3-UPDOWN: Interface Gi0/1, changed state to down`: `2026-03-01T18:46:11Z error router1/LINK facility=local7 sequence=45 device_sequence=000046 mnemonic=UPDOWN | %LINK-3-UPDOWN: Interface Gi0/1, changed state to down`,
		`<189>: 2026 Mar  1 18:46:11 UTC: %ETHPORT-5-IF_UP: Interface Ethernet1/1 is up`:                    `2026-03-01T18:46:11Z notice /ETHPORT facility=local7 mnemonic=IF_UP | %ETHPORT-5-IF_UP: Interface Ethernet1/1 is up`,
		`<166>Mar 01 2026 10:00:00 fw1 : %ASA-6-302013: Built outbound TCP connection 1`:                    `2026-03-01T10:00:00Z info fw1/ASA facility=local4 mnemonic=302013 | %ASA-6-302013: Built outbound TCP connection 1`,
		`<166>Mar 01 2026 10:00:00: %ASA-4-106023: Deny tcp src outside`:                                    `2026-03-01T10:00:00Z warning /ASA facility=local4 mnemonic=106023 | %ASA-4-106023: Deny tcp src outside`,
		`<13>Mar  1 10:00:00 host no tag in this text at 10:20`:                                             `2026-03-01T10:00:00Z notice host/ facility=user | no tag in this text at 10:20`,
		`<13>su: failed`:          `0001-01-01T00:00:00Z notice /su facility=user | failed`,
		`no priority at all`:      `0001-01-01T00:00:00Z  / | no priority at all`,
		`<999>x`:                  `0001-01-01T00:00:00Z  / | <999>x`,
		`<13>1 not rfc 5424 text`: `0001-01-01T00:00:00Z notice / facility=user | 1 not rfc 5424 text`,
	} {
		l := Parse(text, now)
		var fs []string
		for _, f := range l.Fields {
			fs = append(fs, " "+f.Name+"="+f.Value)
		}
		got := fmt.Sprintf("%s %s %s/%s%s | %s", l.At.Format(time.RFC3339Nano), l.Level, signal.Value(l.Stream, "host"), signal.Value(l.Stream, "app"), strings.Join(fs, ""), l.Message)
		require.Equal(t, want, got, text)
	}
}

func TestYearAndZone(t *testing.T) {
	t.Parallel()
	berlin := time.FixedZone("CET", 3600)
	l := Parse("<13>Dec 31 23:59:59 h a: b", time.Date(2026, 1, 1, 0, 10, 0, 0, berlin))
	require.Equal(t, "2025-12-31T22:59:59Z", l.At.Format(time.RFC3339))
	l = Parse("<13>Jan  1 00:00:05 h a: b", time.Date(2025, 12, 31, 23, 59, 0, 0, time.UTC))
	require.Equal(t, 2026, l.At.Year(), "a clock that is a little ahead")
}

func TestFrames(t *testing.T) {
	t.Parallel()
	in := bufio.NewReader(strings.NewReader("11 <13>a: one\n<13>b: two\n<13>c: three\x0010 <13>d: four\n" + "12 monkeys came\n" + "<13>last"))
	var got []string
	for {
		text, err := next(in)
		if text != "" {
			got = append(got, text)
		}
		if err != nil {
			break
		}
	}
	require.Equal(t, []string{"<13>a: one\n", "<13>b: two", "<13>c: three", "<13>d: fou", "r", "12 monkeys came", "<13>last"}, got)
	_, err := next(bufio.NewReader(strings.NewReader("9999999 <13>x")))
	require.ErrorIs(t, err, errFrame)
	long, err := next(bufio.NewReader(strings.NewReader(strings.Repeat("x", 3*maxMessage))))
	require.NoError(t, err)
	require.LessOrEqual(t, len(long), 2*maxMessage)
}

func TestListeners(t *testing.T) {
	t.Parallel()
	rec := &ingesttest.Recorder{}
	ctx, cancel := context.WithCancel(t.Context())
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ended := make(chan error, 2)
	go func() { ended <- packets(ctx, rec.Env(), []net.PacketConn{udp}) }()
	go func() { ended <- stream(ctx, rec.Env(), tcp) }()
	u, err := net.Dial("udp", udp.LocalAddr().String())
	require.NoError(t, err)
	c, err := net.Dial("tcp", tcp.Addr().String())
	require.NoError(t, err)
	for i := range 50 {
		_, err = fmt.Fprintf(u, "<13>udp: %d", i)
		require.NoError(t, err)
		_, err = fmt.Fprintf(c, "<13>Mar  1 10:00:00 web1 tcp: %d\n", i)
		require.NoError(t, err)
	}
	require.Eventually(t, func() bool { return len(rec.Lines()) == 100 }, 10*time.Second, time.Millisecond)
	for _, l := range rec.Lines() {
		if signal.Value(l.Stream, "app") == "udp" {
			require.Equal(t, "127.0.0.1", l.Hints.Address)
		} else {
			require.Equal(t, "web1", l.Hints.Host)
			require.Empty(t, l.Hints.Address, "who passes on lines of others is not where they come from")
		}
	}
	cancel()
	_ = udp.Close()
	require.NoError(t, <-ended)
	require.NoError(t, <-ended)
}

func FuzzParse(f *testing.F) {
	f.Add("<34>1 2026-03-01T22:14:15.003Z m su - ID47 [a b=\"c\"] x")
	f.Add("<189>123: *Mar  1 18:46:11.123 UTC: %SYS-5-CONFIG_I: x")
	f.Add("<13>Mar  1 10:00:00 h a[1]: b")
	f.Fuzz(func(t *testing.T, s string) {
		l := Parse(s, now)
		if strings.TrimSpace(strings.Trim(s, "\x00\uFEFF")) != "" && l.Message == "" && len(l.Fields) == 0 {
			t.Fatalf("%q was lost", s)
		}
		in := bufio.NewReader(strings.NewReader(s))
		for range len(s) + 2 {
			if _, err := next(in); err != nil {
				return
			}
		}
		t.Fatal("it does not end")
	})
}

func BenchmarkParse(b *testing.B) {
	for b.Loop() {
		Parse("<38>Mar  1 10:00:00 web1 sshd[1234]: Accepted publickey for ada from 192.0.2.7 port 51234", now)
	}
}
