package edge

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMissingCapabilities(t *testing.T) {
	t.Parallel()
	status := func(set string) string {
		return "Name:\tmainstay\nCapInh:\t0000000000000000\nCapEff:\t" + set + "\nThreads:\t9\n"
	}
	require.Empty(t, missing(status("000001ffffffffff"), 1024))
	got := missing(status("0000000000000000"), 1024)
	require.Len(t, got, 2)
	require.Contains(t, got[0], "CAP_NET_RAW")
	require.Contains(t, got[1], "CAP_NET_BIND_SERVICE")
	require.Contains(t, strings.Join(missing(status("0000000000002000"), 1024), ""), "BIND_SERVICE", "bit 13 is CAP_NET_RAW")
	require.Empty(t, missing(status("0000000000002000"), 0), "ports are free for everybody")
	require.Contains(t, unitFor("/opt/mainstay"), "ExecStart=/opt/mainstay edge run --dir "+ServiceDir)
	require.Contains(t, unitFor(""), "User="+serviceUser+"\n")
}
