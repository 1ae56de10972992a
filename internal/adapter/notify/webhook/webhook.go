// Package webhook tells other programs by an HTTP POST with JSON, signed when a
// secret is set. The format is described in docs/notifications.md.
package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/respond"
)

func init() {
	respond.RegisterChannelType(respond.ChannelType{Name: "webhook", Queue: "webhook", Check: check, Post: build})
}

// SignatureHeader holds "t=<unix seconds>,v1=<hex HMAC-SHA256 of t.body>".
const SignatureHeader = "X-Mainstay-Signature"

const maxHeaders = 20

var headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$")

// ours are headers that the settings cannot set.
var ours = []string{"Host", "Content-Length", "Content-Type", "Transfer-Encoding", "Connection", "Upgrade", "Te", "Trailer", SignatureHeader}

func check(s respond.ChannelSettings) []errs.Field {
	w := s.Webhook
	var bad []errs.Field
	u, err := url.Parse(w.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || len(w.URL) > 2000 || u.User != nil {
		bad = append(bad, errs.Field{Path: "url", Value: w.URL, Message: "must be an address such as https://example.org/hook, without a user name"})
	}
	if len(w.Secret) > 200 {
		bad = append(bad, errs.Field{Path: "secret", Message: "must have at most 200 characters"})
	}
	if len(w.Headers) > maxHeaders {
		bad = append(bad, errs.Field{Path: "headers", Message: fmt.Sprintf("must hold at most %d headers", maxHeaders)})
	}
	for k, v := range w.Headers {
		switch {
		case !headerName.MatchString(k):
			bad = append(bad, errs.Field{Path: "headers", Value: k, Message: "is not the name of an HTTP header"})
		case slices.Contains(ours, http.CanonicalHeaderKey(k)):
			bad = append(bad, errs.Field{Path: "headers." + k, Message: "is set by Mainstay; remove it"})
		case len(v) > 4000 || strings.ContainsFunc(v, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }):
			bad = append(bad, errs.Field{Path: "headers." + k, Message: "must have at most 4000 characters and none that is a control character"})
		}
	}
	slices.SortFunc(bad, func(a, b errs.Field) int { return strings.Compare(a.Path, b.Path) })
	return bad
}

type payload struct {
	ID       string    `json:"id"`
	Event    string    `json:"event"`
	At       time.Time `json:"at"`
	Text     string    `json:"text"`
	Incident *incident `json:"incident,omitempty"`
	AckURL   string    `json:"ack_url,omitempty"`
	Messages []string  `json:"messages,omitempty"`
}

type incident struct {
	Number          string     `json:"number"`
	Title           string     `json:"title"`
	State           string     `json:"state"`
	Priority        int        `json:"priority"`
	URL             string     `json:"url"`
	Items           []string   `json:"items"`
	Output          string     `json:"output,omitempty"`
	ImpactStartedAt time.Time  `json:"impact_started_at"`
	DetectedAt      time.Time  `json:"detected_at"`
	CreatedAt       time.Time  `json:"created_at"`
	AcknowledgedAt  *time.Time `json:"acknowledged_at,omitempty"`
	RestoredAt      *time.Time `json:"restored_at,omitempty"`
	ResolvedAt      *time.Time `json:"resolved_at,omitempty"`
}

func build(s respond.ChannelSettings, n respond.Notice) (respond.Post, error) {
	p := payload{ID: n.ID, Event: "incident." + n.Reason, At: n.At.UTC(), Text: n.Subject, AckURL: n.AckURL, Messages: n.Lines}
	if i := n.Incident; i.ID != "" {
		items := i.Items
		if items == nil {
			items = []string{}
		}
		p.Incident = &incident{
			Number: i.Number, Title: i.Title, State: i.State, Priority: i.Priority, URL: n.URL, Items: items, Output: i.Output,
			ImpactStartedAt: i.ImpactStartedAt, DetectedAt: i.DetectedAt, CreatedAt: i.CreatedAt,
			AcknowledgedAt: i.AcknowledgedAt, RestoredAt: i.RestoredAt, ResolvedAt: i.ResolvedAt,
		}
	} else {
		p.Event = n.Reason
	}
	body, err := json.Marshal(p)
	if err != nil {
		return respond.Post{}, err
	}
	h := map[string]string{"Content-Type": "application/json"}
	for k, v := range s.Webhook.Headers {
		h[k] = v
	}
	if s.Webhook.Secret != "" {
		h[SignatureHeader] = sign(s.Webhook.Secret, p.At.Unix(), body)
	}
	return respond.Post{URL: s.Webhook.URL, Headers: h, Body: body}, nil
}

// sign covers the time too, so that an old request cannot be sent again.
func sign(secret string, at int64, body []byte) string {
	t := strconv.FormatInt(at, 10)
	m := hmac.New(sha256.New, []byte(secret))
	m.Write([]byte(t + "."))
	m.Write(body)
	return "t=" + t + ",v1=" + hex.EncodeToString(m.Sum(nil))
}
