package flow_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/testkit"
	"github.com/mainstay-ops/mainstay/internal/testkit/apptest"
)

type finding struct {
	Kind, Subject, Peer, Title, Reason, Severity string
	EndedAt                                      *time.Time `json:"ended_at"`
}

// TestAScanBecomesAnAlert goes from datagrams to the list of alerts.
func TestAScanBecomesAnAlert(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *apptest.Server) {
		s.Apply("unusual_traffic: {learning_hours: 0, off: [fan_out], ignore: [10.0.0.99]}\n")
		scan := func(src string) {
			for n := range 20 {
				var fs []flow5
				for i := range 20 {
					fs = append(fs, flow5{src: src, dst: "10.0.1.9", sport: 51000, dport: uint16(1 + n*20 + i), proto: 6, flags: 2, packets: 1, bytes: 40})
				}
				send(t, ports(s)["netflow"], netflow5(uint32(n*20), 1, fs...))
			}
		}
		scan("10.0.0.99")
		scan("10.0.0.66")
		var l list[finding]
		testkit.Eventually(t, 30*time.Second, "the scan is told", func() bool {
			s.Get("/api/v1/flows/unusual?open=true", &l)
			return len(l.Items) > 0
		})
		require.Len(t, l.Items, 1, "of an address that is ignored nothing is told: %+v", l.Items)
		f := l.Items[0]
		require.Equal(t, "port_scan", f.Kind)
		require.Equal(t, "10.0.0.66", f.Subject)
		require.Equal(t, "10.0.1.9", f.Peer)
		require.Contains(t, f.Reason, "ports of 10.0.1.9")
		type alert struct{ Title, Severity, Status string }
		testkit.Eventually(t, 30*time.Second, "it is an alert", func() bool {
			var as list[alert]
			s.Get("/api/v1/alerts", &as)
			return slices.ContainsFunc(as.Items, func(a alert) bool { return a.Title == f.Title && a.Severity == "critical" })
		})
		st, b := s.Do("PUT", "/api/v1/flows/settings", map[string]any{})
		require.Equal(t, 422, st, string(b))
	})
}
