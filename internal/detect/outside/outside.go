package outside

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

// States of an outside alert.
const (
	Firing = "firing"
	Ended  = "ended"
)

type row struct {
	bun.BaseModel `bun:"outside_alerts"`

	ID          string     `bun:"id,pk"`
	Fingerprint string     `bun:"fingerprint"`
	Program     string     `bun:"program"`
	Sender      string     `bun:"sender"`
	Name        string     `bun:"name"`
	Title       string     `bun:"title"`
	Body        string     `bun:"body"`
	Severity    string     `bun:"severity"`
	State       string     `bun:"state"`
	Labels      string     `bun:"labels"`
	Link        string     `bun:"link"`
	Item        string     `bun:"item"`
	ItemID      string     `bun:"item_id"`
	TeamID      string     `bun:"team_id"`
	StartedAt   time.Time  `bun:"started_at"`
	FirstSeen   time.Time  `bun:"first_seen"`
	LastSeen    time.Time  `bun:"last_seen"`
	ExpiresAt   *time.Time `bun:"expires_at"`
	EndedAt     *time.Time `bun:"ended_at"`
	Reason      string     `bun:"reason"`
	Received    int64      `bun:"received"`
}

// Alert is a stretch of time in which another program says that something is wrong.
type Alert struct {
	ID        string            `json:"id"`
	Program   string            `json:"program" doc:"The protocol it came by, such as alertmanager."`
	Sender    string            `json:"sender" doc:"Name of the token."`
	Name      string            `json:"name" doc:"The rule, monitor or trigger there."`
	Title     string            `json:"title"`
	Text      string            `json:"text,omitempty"`
	Severity  string            `json:"severity" enum:"critical,warning,info"`
	State     string            `json:"state" enum:"firing,ended"`
	Labels    map[string]string `json:"labels"`
	Link      string            `json:"link,omitempty" doc:"Leads to the alert at the sender."`
	Item      string            `json:"item,omitempty"`
	StartedAt time.Time         `json:"started_at"`
	FirstSeen time.Time         `json:"first_seen"`
	LastSeen  time.Time         `json:"last_seen"`
	ExpiresAt *time.Time        `json:"expires_at,omitempty" doc:"When it is over unless the sender repeats it."`
	EndedAt   *time.Time        `json:"ended_at,omitempty"`
	Reason    string            `json:"reason,omitempty" doc:"Why it ended."`
	Received  int64             `json:"received" doc:"How often the sender said it."`
	// Fingerprint is that of the alert that was made of it.
	Fingerprint string `json:"fingerprint"`
}

func (r *row) view() Alert {
	a := Alert{
		ID: r.ID, Program: r.Program, Sender: r.Sender, Name: r.Name, Title: r.Title, Text: r.Body, Severity: r.Severity, State: r.State, Labels: r.labels(),
		Link: r.Link, Item: r.Item, StartedAt: r.StartedAt.UTC(), FirstSeen: r.FirstSeen.UTC(), LastSeen: r.LastSeen.UTC(), Reason: r.Reason, Received: r.Received,
		EndedAt: r.EndedAt, Fingerprint: r.Fingerprint,
	}
	if r.State == Firing {
		a.ExpiresAt = r.ExpiresAt
	}
	return a
}

func (r *row) labels() map[string]string {
	m := map[string]string{}
	// Written by us from the same type.
	_ = json.Unmarshal([]byte(r.Labels), &m)
	return m
}

// fingerprint tells alerts apart over all programs and senders.
func fingerprint(from signal.Source, key string) string {
	h := sha256.Sum256([]byte(from.Protocol + "\x00" + from.Sender + "\x00" + key))
	return "outside:" + hex.EncodeToString(h[:16])
}

// said is what an alert says, brought into bounds. Two that say the same are not told
// twice.
type said struct{ Name, Title, Body, Severity, Labels, Link string }

func (r *row) said() said {
	return said{r.Name, r.Title, r.Body, r.Severity, r.Labels, r.Link}
}

func saidOf(a *signal.Alert) (said, error) {
	labels := map[string]string{}
	for _, f := range a.Labels {
		if len(labels) < maxLabels {
			labels[short(f.Name, maxValue)] = short(f.Value, maxValue)
		}
	}
	b, err := json.Marshal(labels)
	s := said{Name: short(a.Name, maxValue), Title: short(strings.Join(strings.Fields(a.Title), " "), maxTitle), Body: short(strings.TrimSpace(a.Text), maxBody), Severity: a.Severity, Labels: string(b), Link: a.Link}
	if s.Title == "" {
		s.Title = s.Name
		if a.Item != "" {
			s.Title += " on " + a.Item
		} else if h := a.Hints.Host + a.Hints.Address; h != "" {
			s.Title += " on " + short(h, 100)
		}
	}
	if s.Name == "" {
		s.Name = short(s.Title, maxValue)
	}
	return s, err
}

const (
	maxLabels = 50
	maxValue  = 200
	maxTitle  = 300
	maxBody   = 4000
)

func short(s string, n int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}
