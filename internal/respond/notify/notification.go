package notify

import (
	"time"

	"github.com/uptrace/bun"
)

// States of a notification.
const (
	stateQueued = "queued"
	stateSent   = "sent"
	stateFailed = "failed"
)

const (
	// maxAttempts with the pauses of job.Pause lasts about 27 minutes.
	maxAttempts = 8
	// tryTimeout bounds one delivery.
	tryTimeout = 10 * time.Second
	// perChannel deliveries run at once to one channel.
	perChannel = 2
	// laneWait is how long a delivery waits for its turn before it asks again.
	laneWait = 300 * time.Millisecond
	// perMinute messages to one recipient; what is more is summed up.
	perMinute = 30
	// summaryAfter is how long a summary collects.
	summaryAfter = time.Minute
	// linkLife is how long an acknowledge link holds.
	linkLife = 7 * 24 * time.Hour
)

// Notification is one message to one recipient.
type Notification struct {
	bun.BaseModel `bun:"notifications" json:"-"`

	ID         string `bun:"id,pk" json:"id"`
	Key        string `bun:"msg_key" json:"-"`
	BaseKey    string `bun:"base_key" json:"-"`
	IncidentID string `bun:"incident_id" json:"-"`
	Incident   string `bun:"incident" json:"incident" doc:"Number of the incident; empty for tests and summaries."`
	Reason     string `bun:"reason" json:"reason" doc:"problem, reminder, escalation, acknowledged, restored, resolved, test or summary."`
	Channel    string `bun:"channel" json:"channel" doc:"Name of the channel, or the kind of contact method of a person."`
	Type       string `bun:"type" json:"type" enum:"email,webhook,slack,teams,none"`
	AccountID  string `bun:"account_id" json:"account_id,omitempty"`
	Position   int    `bun:"position" json:"-"`
	// To is an address or the host of a hook, never a credential.
	To        string     `bun:"recipient" json:"to"`
	State     string     `bun:"state" json:"state" enum:"queued,sent,failed"`
	Ack       bool       `bun:"ack" json:"-"`
	AckUsedAt *time.Time `bun:"ack_used_at" json:"ack_used_at,omitempty" doc:"When the acknowledge link was used."`
	// Held waits for a summary; SummaryID is the message that told it.
	Held      bool   `bun:"held" json:"-"`
	SummaryID string `bun:"summary_id" json:"summary_id,omitempty" doc:"The summary that told it, when there was too much to tell."`
	// Subject is kept for summaries and for the log.
	Subject       string     `bun:"subject" json:"subject"`
	Attempts      int        `bun:"attempts" json:"attempts"`
	MaxAttempts   int        `bun:"max_attempts" json:"-"`
	CreatedAt     time.Time  `bun:"created_at" json:"created_at"`
	SentAt        *time.Time `bun:"sent_at" json:"sent_at,omitempty"`
	NextAttemptAt *time.Time `bun:"next_attempt_at" json:"next_attempt_at,omitempty"`
	LastError     string     `bun:"last_error" json:"last_error,omitempty"`
}

// Attempt is one try to deliver.
type Attempt struct {
	bun.BaseModel `bun:"notification_attempts" json:"-"`

	ID             string    `bun:"id,pk" json:"-"`
	NotificationID string    `bun:"notification_id" json:"-"`
	At             time.Time `bun:"at" json:"at"`
	OK             bool      `bun:"ok" json:"ok"`
	Error          string    `bun:"error" json:"error,omitempty"`
	DurationMS     int64     `bun:"duration_ms" json:"duration_ms"`
}

// lane names what deliveries must not crowd: a channel, or one person's method.
func (n *Notification) lane() string {
	if n.AccountID != "" {
		return "person " + n.AccountID + " " + n.Channel
	}
	return "channel " + n.Channel
}
