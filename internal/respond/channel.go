package respond

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// WriteContacts lets people say how they themselves are told.
var WriteContacts = access.Permission{Name: "contact.write", Title: "Change one's own contact methods", Least: access.Responder}

// Reasons of a message. The first three are about an open problem.
const (
	ReasonProblem    = "problem"
	ReasonReminder   = "reminder"
	ReasonEscalation = "escalation"
	ReasonRestored   = "restored"
	ReasonResolved   = "resolved"
	ReasonTest       = "test"
	ReasonSummary    = "summary"
)

// EmailSettings are the addresses of a channel; each gets a message of its own.
type EmailSettings struct {
	To []string `yaml:"to,flow" json:"to" required:"true"`
}

// WebhookSettings say where a webhook goes.
type WebhookSettings struct {
	URL string `yaml:"url" json:"url" required:"true"`
	// Secret signs the request. It is write-only.
	Secret string `yaml:"secret,omitempty" json:"secret,omitempty" secret:"true"`
	// Headers are added to the request. Their values are write-only.
	Headers map[string]string `yaml:"headers,omitempty" json:"headers,omitempty" secret:"true"`
}

// HookSettings are those of Slack and Teams; the address is itself the credential.
type HookSettings struct {
	URL string `yaml:"url" json:"url" required:"true" secret:"true"`
}

// ChannelSettings say how a channel or a person is told: exactly one is set.
type ChannelSettings struct {
	Email   *EmailSettings   `yaml:"email,omitempty,flow" json:"email,omitempty"`
	Webhook *WebhookSettings `yaml:"webhook,omitempty,flow" json:"webhook,omitempty"`
	Slack   *HookSettings    `yaml:"slack,omitempty,flow" json:"slack,omitempty"`
	Teams   *HookSettings    `yaml:"teams,omitempty,flow" json:"teams,omitempty"`
}

// Types lists the types that are set.
func (s ChannelSettings) Types() []string {
	var out []string
	if s.Email != nil {
		out = append(out, "email")
	}
	if s.Webhook != nil {
		out = append(out, "webhook")
	}
	if s.Slack != nil {
		out = append(out, "slack")
	}
	if s.Teams != nil {
		out = append(out, "teams")
	}
	return out
}

// MailServer is the server that takes the mail.
type MailServer struct {
	Host     string `yaml:"host" json:"host" required:"true"`
	Port     int    `yaml:"port,omitempty" json:"port,omitempty" minimum:"1" maximum:"65535"`
	From     string `yaml:"from" json:"from" required:"true"`
	Username string `yaml:"username,omitempty" json:"username,omitempty"`
	Password string `yaml:"password,omitempty" json:"password,omitempty" secret:"true"`
	// TLS is none, starttls or tls; empty uses STARTTLS where the server offers it.
	TLS string `yaml:"tls,omitempty" json:"tls,omitempty" enum:"none,starttls,tls"`
}

// Notice is a message ready to be put into the form of a channel.
type Notice struct {
	// ID is that of the notification; a repeat of the same message carries it again.
	ID     string
	Reason string
	// Subject is one line: "[P1] INC-12 shop-web: shop-http critical". Lead is a
	// sentence that says what has happened.
	Subject, Lead string
	// Incident is empty in tests and summaries.
	Incident Incident
	// URL opens the incident, AckURL acknowledges it; empty where there is none.
	URL, AckURL string
	// Lines are the subjects of the messages that a summary stands for.
	Lines []string
	// At is when the message was queued.
	At time.Time
}

// Post is a request to a web hook.
type Post struct {
	URL     string
	Headers map[string]string
	Body    []byte
}

// ChannelType is one way of telling people; adapters register theirs.
type ChannelType struct {
	Name string
	// Queue of its deliveries: mail or webhook.
	Queue string
	// Check reports what is wrong with the settings, by paths below the type's key.
	Check func(ChannelSettings) []errs.Field
	// Exactly one of Mail and Post is set. Post only makes the request; whoever
	// sends it decides which addresses may be reached.
	Mail func(ctx context.Context, s MailServer, to string, n Notice) error
	Post func(s ChannelSettings, n Notice) (Post, error)
}

var channelTypes = struct {
	sync.RWMutex
	m map[string]ChannelType
}{m: map[string]ChannelType{}}

// RegisterChannelType adds a channel type; it panics when the name is taken. It
// is meant for init functions of adapters.
func RegisterChannelType(t ChannelType) {
	channelTypes.Lock()
	defer channelTypes.Unlock()
	if _, dup := channelTypes.m[t.Name]; dup || t.Name == "" || (t.Mail == nil) == (t.Post == nil) || t.Check == nil {
		panic("respond: channel type registered twice or incomplete: " + t.Name)
	}
	channelTypes.m[t.Name] = t
}

// ChannelTypeByName finds a registered channel type.
func ChannelTypeByName(name string) (ChannelType, bool) {
	channelTypes.RLock()
	defer channelTypes.RUnlock()
	t, ok := channelTypes.m[name]
	return t, ok
}

type permanentError struct{ err error }

func (e *permanentError) Error() string { return e.err.Error() }
func (e *permanentError) Unwrap() error { return e.err }

// Permanent marks an error that trying again cannot mend.
func Permanent(err error) error { return &permanentError{err} }

// IsPermanent tells whether err was marked by Permanent.
func IsPermanent(err error) bool {
	var p *permanentError
	return errors.As(err, &p)
}

// ChannelUsers tells who would miss a channel.
type ChannelUsers interface {
	// UsesChannel names an escalation that tells the channel, "" for none.
	UsesChannel(ctx context.Context, q bun.IDB, channel string) (string, error)
}
