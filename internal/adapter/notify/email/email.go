// Package email tells people by mail: plain text and HTML, one thread for each
// incident, handed to one SMTP server.
package email

import (
	"bytes"
	"context"
	"fmt"
	"net/mail"
	"strings"

	gomail "github.com/wneessen/go-mail"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/respond"
)

func init() {
	respond.RegisterChannelType(respond.ChannelType{Name: "email", Queue: "mail", Check: check, Mail: send})
}

const maxAddresses = 50

func check(s respond.ChannelSettings) []errs.Field {
	to := s.Email.To
	if len(to) == 0 || len(to) > maxAddresses {
		return []errs.Field{{Path: "to", Message: fmt.Sprintf("must name 1 to %d addresses such as [ops@example.org]", maxAddresses)}}
	}
	var bad []errs.Field
	for i, a := range to {
		if !plainAddress(a) {
			bad = append(bad, errs.Field{Path: fmt.Sprintf("to[%d]", i), Value: a, Message: "must be one e-mail address such as ops@example.org"})
		}
	}
	return bad
}

func plainAddress(s string) bool {
	a, err := mail.ParseAddress(s)
	return err == nil && a.Name == "" && a.Address == s && len(s) <= 254 && !strings.ContainsAny(s, "\r\n\x00 ")
}

func send(ctx context.Context, s respond.MailServer, to string, n respond.Notice) error {
	from, err := mail.ParseAddress(s.From)
	if err != nil {
		return respond.Permanent(fmt.Errorf("the sender address %q cannot be read", s.From))
	}
	if !plainAddress(to) {
		return respond.Permanent(fmt.Errorf("the address %q cannot be read", to))
	}
	msg, err := compose(from, to, n)
	if err != nil {
		return respond.Permanent(err)
	}
	return deliver(ctx, s, from.Address, to, msg)
}

// compose writes the message. Header values are encoded by the library and have
// no control characters left, so no value can begin a header of its own.
func compose(from *mail.Address, to string, n respond.Notice) ([]byte, error) {
	plain, rich, err := bodies(n)
	if err != nil {
		return nil, err
	}
	m := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	m.FromMailAddress(from)
	if err := m.To(to); err != nil {
		return nil, err
	}
	_, domain, _ := strings.Cut(from.Address, "@")
	m.Subject(line(n.Subject))
	m.SetDateWithValue(n.At)
	m.SetMessageIDWithValue(n.ID + "@" + domain)
	if n.Incident.ID != "" {
		// The root is a message that nobody ever sent: whoever is told first, all
		// messages about an incident hang on the same one.
		root := "<incident." + n.Incident.ID + "@" + domain + ">"
		m.SetGenHeader("References", root)
		m.SetGenHeader("In-Reply-To", root)
	}
	m.SetGenHeader("Auto-Submitted", "auto-generated")
	m.SetGenHeader("X-Auto-Response-Suppress", "All")
	if n.Incident.Number != "" {
		m.SetGenHeader("X-Mainstay-Incident", line(n.Incident.Number))
	}
	m.SetBodyString(gomail.TypeTextPlain, plain)
	m.AddAlternativeString(gomail.TypeTextHTML, rich)
	var b bytes.Buffer
	if _, err := m.WriteTo(&b); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
