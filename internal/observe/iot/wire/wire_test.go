package wire

import (
	"bufio"
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

func one(t *testing.T, b []byte) Packet {
	t.Helper()
	p, err := (&Reader{R: bufio.NewReader(bytes.NewReader(b)), Max: 1 << 20}).Next()
	require.NoError(t, err)
	return p
}

func TestPacketsComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	big := bytes.Repeat([]byte("x"), 20_000)
	for _, m := range []Publish{{Topic: "a/b", Payload: []byte("1")}, {Topic: "a b/c", Payload: big, QoS: 2, ID: 65535, Retain: true, Dup: true}} {
		p := one(t, AppendPublish(nil, m))
		got, err := ParsePublish(p.Head, p.Body)
		require.NoError(t, err)
		require.Equal(t, m, got)
	}
	c := Connect{Clean: true, KeepAlive: 30, ClientID: "x", User: "u", Password: "p"}
	got, err := ParseConnect(one(t, AppendConnect(nil, c)).Body)
	require.NoError(t, err)
	require.Equal(t, c, got)
	id, fs, err := ParseFilters(one(t, AppendFilters(nil, 7, []Filter{{"a/+", 1}, {"#", 0}}, true)).Body, true)
	require.NoError(t, err)
	require.Equal(t, uint16(7), id)
	require.Equal(t, []Filter{{"a/+", 1}, {"#", 0}}, fs)
}

func TestLargePacketIsNotRead(t *testing.T) {
	t.Parallel()
	_, err := (&Reader{R: bufio.NewReader(bytes.NewReader([]byte{PUBLISH, 0xff, 0xff, 0xff, 0x7f})), Max: 1000}).Next()
	require.ErrorIs(t, err, ErrTooLarge)
	_, err = (&Reader{R: bufio.NewReader(bytes.NewReader([]byte{PUBLISH, 0xff, 0xff, 0xff, 0xff, 1})), Max: 1000}).Next()
	require.Error(t, err)
}

func TestOtherVersionsAreNamed(t *testing.T) {
	t.Parallel()
	_, err := ParseConnect([]byte{0, 4, 'M', 'Q', 'T', 'T', 5, 2, 0, 60, 0, 0, 0})
	require.ErrorIs(t, err, ErrVersion)
}

func TestCovers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		allow, f string
		want     bool
	}{
		{"a/#", "a/b/c", true},
		{"a/#", "a", true},
		{"a/#", "a/#", true},
		{"a/+", "a/#", false},
		{"a/+/c", "a/b/c", true},
		{"a/+/c", "a/+/c", true},
		{"a/b", "a/+", false},
		{"a", "a/b", false},
		{"a/b", "a", false},
		{"+/+", "a/b", true},
		{"#", "x", true},
		{"a/b/#", "a/#", false},
	} {
		require.Equal(t, c.want, Covers(c.allow, c.f), "%s over %s", c.allow, c.f)
	}
}

func TestTopicsInside(t *testing.T) {
	t.Parallel()
	require.Equal(t, "a b*/>c", Outside(Inside("a b*/>c")))
	require.NotContains(t, Inside("a b*/>c"), " ")
	for _, bad := range []string{"", "$SYS/x", "a/#", "a+b", "a\tb", "a␠"} {
		require.False(t, GoodTopic(bad), bad)
	}
}

func FuzzPackets(f *testing.F) {
	f.Add(AppendConnect(nil, Connect{ClientID: "x", User: "u", Password: "p"}))
	f.Add(AppendPublish(nil, Publish{Topic: "a/b", QoS: 1, ID: 3, Payload: []byte("x")}))
	f.Add(AppendFilters(nil, 7, []Filter{{"a/+", 1}}, true))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := &Reader{R: bufio.NewReader(bytes.NewReader(b)), Max: 4096}
		for {
			p, err := r.Next()
			if err != nil {
				return
			}
			_, _ = ParseConnect(p.Body)
			_, _, _ = ParseFilters(p.Body, true)
			_, _, _ = ParseFilters(p.Body, false)
			_, _ = ID(p.Body)
			if m, err := ParsePublish(p.Head, p.Body); err == nil {
				again := one(t, AppendPublish(nil, m))
				n, err := ParsePublish(again.Head, again.Body)
				if err != nil || n.Topic != m.Topic || !bytes.Equal(n.Payload, m.Payload) {
					t.Fatalf("%+v became %+v: %v", m, n, err)
				}
			}
		}
	})
}
