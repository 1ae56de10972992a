package webhook

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
	return respond.ChannelSettings{Webhook: &respond.WebhookSettings{URL: "https://hooks.example.org/x", Secret: "s3cret", Headers: map[string]string{"X-Team": "web"}}}
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

// The signature was computed by hand: HMAC-SHA256 with key "s3cret" of "100.{}",
// by `printf '100.{}' | openssl dgst -sha256 -hmac s3cret`.
func TestSignature(t *testing.T) {
	t.Parallel()
	require.Equal(t, "t=100,v1=feee191c9b9f5ab7bf4bbc9567e24b2171d5d086bfd6d3aa39410f733d5f0ffa", sign("s3cret", 100, []byte("{}")))
	p, err := build(settings(), notice())
	require.NoError(t, err)
	require.Equal(t, sign("s3cret", notice().At.Unix(), p.Body), p.Headers[SignatureHeader])
	require.Equal(t, "web", p.Headers["X-Team"])
	s := settings()
	s.Webhook.Secret = ""
	p, err = build(s, notice())
	require.NoError(t, err)
	require.NotContains(t, p.Headers, SignatureHeader)
}
