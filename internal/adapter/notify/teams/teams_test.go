package teams

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/respond"
)

var update = flag.Bool("update", false, "write the golden files")

func notice() respond.Notice {
	at := time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC)
	return respond.Notice{
		ID: "n1", Reason: "problem", Subject: "[P1] INC-12 shop-web: shop-http <critical> & *bold*", Lead: "There is a problem that needs somebody.", At: at,
		Incident: respond.Incident{
			ID: "i1", Number: "INC-12", Title: "shop-http <critical> & *bold*", State: "new", Priority: 1, Items: []string{"shop-web", "shop_db"}, Output: "HTTP 503 ``` <!channel>",
			ImpactStartedAt: at.Add(-time.Minute), DetectedAt: at.Add(-30 * time.Second), CreatedAt: at.Add(-29 * time.Second),
		},
		URL: "https://m.example.org/incidents/INC-12", AckURL: "https://m.example.org/ack/tok",
	}
}

func settings() respond.ChannelSettings {
	return respond.ChannelSettings{Teams: &respond.HookSettings{URL: "https://hooks.example.org/x"}}
}

func TestGolden(t *testing.T) {
	t.Parallel()
	restored := notice()
	at := restored.At
	restored.Reason, restored.Incident.State, restored.Incident.RestoredAt, restored.AckURL = "restored", "restored", &at, ""
	for name, n := range map[string]respond.Notice{
		"problem": notice(), "restored": restored,
		"summary": {ID: "n2", Reason: "summary", Subject: "2 more messages", Lead: "There was more to tell.", Lines: []string{"[P1] INC-1 a", "[P2] INC-2 <b>"}, At: at},
		"test":    {ID: "n3", Reason: "test", Subject: "Test message from Mainstay", Lead: "This is a test.", At: at},
	} {
		p, err := build(settings(), n)
		require.NoError(t, err)
		require.Equal(t, "https://hooks.example.org/x", p.URL)
		require.Equal(t, "application/json", p.Headers["Content-Type"])
		var got bytes.Buffer
		require.NoError(t, json.Indent(&got, p.Body, "", "  "))
		got.WriteByte('\n')
		path := filepath.Join("testdata", name+".json")
		if *update {
			require.NoError(t, os.WriteFile(path, got.Bytes(), 0o600))
		}
		want, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, string(want), got.String(), name)
	}
}
