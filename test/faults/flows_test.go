package faults

import (
	be "encoding/binary"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/testkit"
)

// report9 writes a datagram of NetFlow 9 with one set.
func report9(seq uint32, id uint16, body []byte) []byte {
	b := make([]byte, 24, 24+len(body))
	be.BigEndian.PutUint16(b, 9)
	be.BigEndian.PutUint16(b[2:], 1)
	be.BigEndian.PutUint32(b[4:], 3_600_000)
	be.BigEndian.PutUint32(b[8:], uint32(time.Now().Unix())) //nolint:gosec // until 2106
	be.BigEndian.PutUint32(b[12:], seq)
	be.BigEndian.PutUint32(b[16:], 1)
	be.BigEndian.PutUint16(b[20:], id)
	be.BigEndian.PutUint16(b[22:], uint16(4+len(body))) //nolint:gosec // short
	return append(b, body...)
}

func words(ws ...uint16) []byte {
	var b []byte
	for _, w := range ws {
		b = be.BigEndian.AppendUint16(b, w)
	}
	return b
}

// traffic9 is n records of 1,000 bytes and 10 packets of the template below.
func traffic9(n int) []byte {
	var b []byte
	for i := range n {
		a, c := netip.MustParseAddr("10.1.0.1").As4(), netip.MustParseAddr("10.2.0.1").As4()
		a[3] = byte(i)
		b = append(b, slices.Concat(a[:], c[:], words(40000, 443))...)
		b = be.BigEndian.AppendUint32(b, 1000)
		b = be.BigEndian.AppendUint32(b, 10)
	}
	return b
}

var template9 = words(256, 6, 8, 4, 12, 4, 7, 2, 11, 2, 1, 4, 2, 4)

type flowTotal struct {
	Total struct{ Bytes, Packets, Flows uint64 }
	Rows  []struct{ Key []string }
}

func flowsOf(t *testing.T, p *program, source string) (v flowTotal) {
	t.Helper()
	get(t, p, "/api/v1/flows/top?from=1h&by=src&limit=1000&source="+source, &v)
	return v
}

// TestFlowsSurviveAKill: templates and sampling rates are known after a kill without
// a warning, and what was counted is counted again, once.
func TestFlowsSurviveAKill(t *testing.T) {
	t.Parallel()
	address, dir := freeAddress(t), t.TempDir()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	port := pc.LocalAddr().String()
	require.NoError(t, pc.Close())
	env := "MAINSTAY_LISTEN__NETFLOW=" + port
	send := func(datagrams ...[]byte) {
		c, err := net.Dial("udp", port)
		require.NoError(t, err)
		defer c.Close()
		for _, b := range datagrams {
			_, err := c.Write(b)
			require.NoError(t, err)
		}
	}
	p := start(t, address, dir, env)
	rate := append(words(0, 0), 0, 0, 0, 50)
	send(report9(1, 0, template9), report9(2, 1, words(257, 4, 4, 1, 4, 34, 4)), report9(3, 257, rate), report9(4, 256, traffic9(40)))
	testkit.Eventually(t, 30*time.Second, "the records are stored", func() bool { return flowsOf(t, p, "records").Total.Flows == 40 })
	// Templates are written every two seconds.
	var saved struct {
		Items []struct {
			FirstSeen time.Time `json:"first_seen"`
		}
	}
	testkit.Eventually(t, 30*time.Second, "the exporter is known for some seconds", func() bool {
		return get(t, p, "/api/v1/flows/exporters", &saved) && len(saved.Items) == 1 && time.Since(saved.Items[0].FirstSeen) > 5*time.Second
	})
	p.kill()

	p = start(t, address, dir, env)
	for _, source := range []string{"sums", "records"} {
		v := flowsOf(t, p, source)
		require.EqualValues(t, 40, v.Total.Flows, source)
		require.EqualValues(t, 40*1000*50, v.Total.Bytes, source)
		require.Len(t, v.Rows, 40, source)
	}
	// No template is sent again.
	send(report9(5, 256, traffic9(10)))
	testkit.Eventually(t, 30*time.Second, "records are read with the template from before", func() bool { return flowsOf(t, p, "records").Total.Flows == 50 })
	require.EqualValues(t, 50*1000*50, flowsOf(t, p, "records").Total.Bytes, "and with the sampling rate from before")
	testkit.Eventually(t, 30*time.Second, "they are counted", func() bool { return flowsOf(t, p, "sums").Total.Flows == 50 })
	// Through the end of a minute, a clean end and a third start, nothing is counted twice.
	p.stop()
	p = start(t, address, dir, env)
	require.EqualValues(t, 50, flowsOf(t, p, "sums").Total.Flows)
	p.kill()
}
