package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/packet/capture"
)

// export is a NetFlow 5 datagram with one record.
func export() []byte {
	b := make([]byte, 24+48)
	b[1], b[3] = 5, 1
	copy(b[8:], []byte{0x65, 0x53, 0xf1, 0})
	copy(b[24:], []byte{192, 0, 2, 1, 198, 51, 100, 2})
	b[24+23], b[24+38] = 99, 17
	return b
}

// sampleCapture has the datagram on its way from 203.0.113.5 to port 2055.
func sampleCapture(t *testing.T) string {
	t.Helper()
	body := export()
	n := 8 + len(body)
	frame := []byte{
		2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0, 0, byte(20 + n), 0, 0, 0, 0, 64, 17, 0, 0, 203, 0, 113, 5, 203, 0, 113, 9,
		0x30, 0, 8, 7, 0, byte(n), 0, 0,
	}
	frame = append(frame, body...)
	file := filepath.Join(t.TempDir(), "export.pcapng")
	f, err := os.Create(file)
	require.NoError(t, err)
	w := capture.NewPcapNG(f)
	for i := range 2 {
		require.NoError(t, w.Write(&capture.Packet{Number: i + 1, Time: time.Unix(1_700_000_000, 0), Data: frame, Length: len(frame), Link: capture.Ethernet}))
	}
	require.NoError(t, f.Close())
	return file
}

func cli(args ...string) (code int, out, problems string) {
	var stdout, stderr bytes.Buffer
	code = run(args, &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

func lines(t *testing.T, out string) []map[string]any {
	t.Helper()
	var rows []map[string]any
	for line := range strings.Lines(out) {
		var o map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &o))
		rows = append(rows, o)
	}
	return rows
}

func TestFlowDecode(t *testing.T) {
	t.Parallel()
	code, out, problems := cli("flow", "decode", sampleCapture(t), "--format", "json")
	require.Zero(t, code, problems)
	rows := lines(t, out)
	require.Len(t, rows, 2)
	require.Equal(t, "203.0.113.5", rows[0]["exporter"])
	require.Equal(t, "198.51.100.2", rows[0]["destinationIPv4Address"])
	require.EqualValues(t, 99, rows[0]["octetDeltaCount"])
	raw := filepath.Join(t.TempDir(), "raw.dat")
	require.NoError(t, os.WriteFile(raw, export(), 0o600))
	code, out, _ = cli("flow", "decode", raw)
	require.Zero(t, code)
	require.Len(t, lines(t, out), 1)
	require.NoError(t, os.WriteFile(raw, []byte("a text that is no datagram"), 0o600))
	code, _, problems = cli("flow", "decode", raw)
	require.Equal(t, 1, code)
	require.Contains(t, problems, "neither a capture nor a datagram")
	code, _, problems = cli("flow", "decode", raw, "--format", "xml")
	require.Equal(t, 1, code)
	require.Contains(t, problems, `"xml"`)
}

func TestPacketCommands(t *testing.T) {
	t.Parallel()
	file := sampleCapture(t)
	code, out, problems := cli("packet", "sessions", file, "--format", "json")
	require.Zero(t, code, problems)
	rows := lines(t, out)
	require.Len(t, rows, 1)
	for _, name := range []string{"protocol", "src", "src_port", "dst", "dst_port", "first", "last", "src_packets", "src_bytes", "dst_packets", "dst_bytes"} {
		require.Contains(t, rows[0], name)
	}
	require.EqualValues(t, 2, rows[0]["src_packets"])
	require.EqualValues(t, 2*114, rows[0]["src_bytes"])
	code, out, _ = cli("packet", "list", file, "--filter", "udp.dstport == 2055 and frame.number > 1", "--fields", "ip.src", "--tree")
	require.Zero(t, code)
	rows = lines(t, out)
	require.Len(t, rows, 1)
	require.Equal(t, map[string]any{"ip.src": []any{"203.0.113.5"}}, rows[0]["fields"])
	require.NotEmpty(t, rows[0]["tree"])
	code, out, _ = cli("packet", "list", file, "--limit", "1")
	require.Zero(t, code)
	require.Len(t, lines(t, out), 1)
	code, _, problems = cli("packet", "list", file, "--filter", "ip.ttl == 3 and udp.dst == 5")
	require.Equal(t, 1, code)
	require.Contains(t, problems, "at character 17 of the filter")
	require.Contains(t, problems, "                  ^^^^^^^\n")
	code, out, _ = cli("packet", "findings", file)
	require.Zero(t, code)
	require.Equal(t, "Nothing noteworthy.\n", out)
	code, _, problems = cli("packet", "sessions", filepath.Join(t.TempDir(), "none"))
	require.Equal(t, 1, code)
	require.Contains(t, problems, "cannot be opened")
}
