package notify

import (
	"context"
	"net/mail"
	"reflect"
	"strings"

	"github.com/mainstay-ops/mainstay/internal/core/apply"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/respond"
)

const smtpSetting = "smtp"

// saveSMTP sets the mail server. An empty password keeps the present one as long
// as server and user stay the same.
func (s *Service) saveSMTP(ctx context.Context, tx *db.Tx, m respond.MailServer) (apply.Outcome, error) {
	var old respond.MailServer
	_, found, err := s.setting(ctx, tx, smtpSetting, &old)
	if err != nil {
		return "", err
	}
	if m.Password == "" && m.Host == old.Host && m.Port == old.Port && m.Username == old.Username && m.TLS == old.TLS {
		m.Password = old.Password
	}
	if err := checkSMTP(m); err != nil {
		return "", err
	}
	if found && reflect.DeepEqual(m, old) {
		return apply.Unchanged, nil
	}
	if err := s.putSetting(ctx, tx, smtpSetting, m); err != nil {
		return "", err
	}
	ch := audit.Change{Action: "smtp.update", Ref: entity.Ref{Kind: "setting", ID: smtpSetting}, Name: smtpSetting, After: smtpView(m)}
	if !found {
		return apply.Created, audit.Write(ctx, tx, ch)
	}
	ch.Before = smtpView(old)
	if reflect.DeepEqual(ch.Before, ch.After) {
		ch.After = map[string]string{"changed": "password"}
	}
	return apply.Updated, audit.Write(ctx, tx, ch)
}

func checkSMTP(m respond.MailServer) error {
	var bad []errs.Field
	if m.Host == "" || len(m.Host) > 253 || strings.ContainsAny(m.Host, " /\r\n\t@") {
		bad = append(bad, errs.Field{Path: "host", Value: m.Host, Message: "must be the name or address of a mail server"})
	}
	if m.Port < 0 || m.Port > 65535 {
		bad = append(bad, errs.Field{Path: "port", Message: "must be from 1 to 65535"})
	}
	if a, err := mail.ParseAddress(m.From); err != nil || strings.ContainsAny(m.From, "\r\n") || len(a.Address) > 254 {
		bad = append(bad, errs.Field{Path: "from", Value: m.From, Message: "must be an e-mail address such as mainstay@example.org"})
	}
	if m.Password != "" && m.Username == "" {
		bad = append(bad, errs.Field{Path: "username", Message: "is missing; a password needs one"})
	}
	if strings.ContainsAny(m.Username+m.Password, "\r\n\x00") || len(m.Username) > 500 || len(m.Password) > 500 {
		bad = append(bad, errs.Field{Path: "password", Message: "must have at most 500 characters, all on one line"})
	}
	return errs.Fields(bad...)
}

// smtpBody is what the API shows: the password never.
type smtpBody struct {
	Configured  bool   `json:"configured"`
	Host        string `json:"host"`
	Port        int    `json:"port"`
	From        string `json:"from"`
	Username    string `json:"username"`
	PasswordSet bool   `json:"password_set"`
	TLS         string `json:"tls" doc:"none, starttls or tls; empty uses STARTTLS where it is offered."`
}

func smtpView(m respond.MailServer) smtpBody {
	return smtpBody{Configured: m.Host != "", Host: m.Host, Port: m.Port, From: m.From, Username: m.Username, PasswordSet: m.Password != "", TLS: m.TLS}
}
