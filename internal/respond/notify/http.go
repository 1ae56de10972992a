package notify

import (
	"context"
	"net/http"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/account"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/core/live"
	"github.com/mainstay-ops/mainstay/internal/observe"
	"github.com/mainstay-ops/mainstay/internal/respond"
)

type nameIn struct {
	Name string `path:"name" maxLength:"200"`
}

type idIn struct {
	ID string `path:"id" maxLength:"100"`
}

type notificationBody struct {
	Notification
	History []Attempt `json:"history" doc:"Every attempt, the oldest first."`
}

type channelBody struct {
	Name string `json:"name"`
	Type string `json:"type" enum:"email,webhook,slack,teams"`
	respond.ChannelSettings
	SecretSet bool `json:"secret_set" doc:"Whether a webhook has a signing secret; the secret itself is never shown."`
}

type saveChannelIn struct {
	Name    string `path:"name" maxLength:"200"`
	IfMatch string `header:"If-Match"`
	Body    struct{ respond.ChannelSettings }
}

type contactsIn struct {
	ID   string `path:"id" maxLength:"100"`
	Body struct {
		Methods []method `json:"methods" maxItems:"10" doc:"In order; none means e-mail to the account's address."`
	}
}

type contactsBody struct {
	Methods []method `json:"methods"`
}

type smtpIn struct {
	Body struct {
		Host     string `json:"host" maxLength:"253"`
		Port     int    `json:"port,omitempty" minimum:"1" maximum:"65535"`
		From     string `json:"from" maxLength:"300"`
		Username string `json:"username,omitempty" maxLength:"500"`
		Password string `json:"password,omitempty" maxLength:"500" doc:"Empty keeps the present one while host, port, user and encryption stay the same."`
		TLS      string `json:"tls,omitempty" enum:"none,starttls,tls"`
	}
}

type smtpTestIn struct {
	Body struct {
		To string `json:"to" maxLength:"254"`
	}
}

type heartbeatIn struct {
	Body struct {
		URL   string           `json:"url" maxLength:"2000"`
		Every observe.Duration `json:"every,omitempty"`
	}
}

type heartbeatBody struct {
	Configured  bool             `json:"configured"`
	URL         string           `json:"url"`
	Every       observe.Duration `json:"every"`
	LastSuccess *time.Time       `json:"last_success,omitempty" doc:"Since this server was started."`
	LastError   string           `json:"last_error,omitempty"`
}

type tokenIn struct {
	Token string `path:"token" maxLength:"200"`
}

// Routes implements module.HasRoutes.
func (s *Service) Routes(api *httpapi.API) {
	httpapi.Handle(api, httpapi.Op{ID: "list-notifications", Method: "GET", Path: "/api/v1/notifications", Need: respond.ReadNotices, Tag: "notifications", Summary: "Who was told of what, the newest first"},
		func(ctx context.Context, in *listIn) (*httpapi.Body[httpapi.List[Notification]], error) {
			ns, next, err := s.list(ctx, in)
			return httpapi.NewList(ns, next), err
		})
	httpapi.Handle(api, httpapi.Op{ID: "get-notification", Method: "GET", Path: "/api/v1/notifications/{id}", Need: respond.ReadNotices, Tag: "notifications", Summary: "One notification with every attempt"},
		func(ctx context.Context, in *idIn) (*httpapi.Body[notificationBody], error) {
			n, err := byID(ctx, s.db.Reader(), in.ID)
			if err != nil {
				return nil, err
			}
			as, err := attempts(ctx, s.db.Reader(), in.ID)
			return &httpapi.Body[notificationBody]{Body: notificationBody{*n, as}}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "retry-notification", Method: "POST", Path: "/api/v1/notifications/{id}/retry", Need: respond.WriteIncidents, Tag: "notifications", Summary: "Try a failed notification again"},
		func(ctx context.Context, in *idIn) (*httpapi.Body[Notification], error) {
			n, err := s.retry(ctx, in.ID)
			if err != nil {
				return nil, err
			}
			return &httpapi.Body[Notification]{Body: *n}, nil
		})
	s.channelRoutes(api)
	s.settingRoutes(api)
	httpapi.Handle(api, httpapi.Op{ID: "use-ack-link", Method: "POST", Path: "/api/v1/ack/{token}", Public: true, Tag: "incidents", Summary: "Acknowledge with the link of a message", Description: "The token is the credential; it can be used once within 7 days."},
		func(ctx context.Context, in *tokenIn) (*httpapi.Body[ackResult], error) {
			r, err := s.acknowledge(access.AsSystem(ctx), in.Token)
			return &httpapi.Body[ackResult]{Body: r}, err
		})
	api.Mux().HandleFunc("GET /ack/{token}", s.ackPage)
	api.Mux().HandleFunc("POST /ack/{token}", s.ackPage)
}

func channelView(ctx context.Context, c channel) channelBody {
	b := channelBody{Name: c.Name, ChannelSettings: shown(c.ChannelSettings, access.From(ctx).Can(respond.WriteChannels)), SecretSet: c.Webhook != nil && c.Webhook.Secret != ""}
	if ts := c.Types(); len(ts) > 0 {
		b.Type = ts[0]
	}
	return b
}

func (s *Service) changed(tx *db.Tx, name string) {
	tx.AfterCommit(func() { s.live.Send(live.Note{Topic: "channels", Kind: "changed", ID: name}) })
}

func (s *Service) channelRoutes(api *httpapi.API) {
	httpapi.Handle(api, httpapi.Op{ID: "list-channels", Method: "GET", Path: "/api/v1/channels", Need: respond.ReadNotices, Tag: "channels", Summary: "All channels"},
		func(ctx context.Context, _ *struct{}) (*httpapi.Body[httpapi.List[channelBody]], error) {
			cs, err := s.channels(ctx, s.db.Reader())
			out := make([]channelBody, len(cs))
			for i, c := range cs {
				out[i] = channelView(ctx, c)
			}
			return httpapi.NewList(out, ""), err
		})
	httpapi.Handle(api, httpapi.Op{ID: "get-channel", Method: "GET", Path: "/api/v1/channels/{name}", Need: respond.ReadNotices, Tag: "channels", Summary: "One channel"},
		func(ctx context.Context, in *nameIn) (*httpapi.Body[channelBody], error) {
			c, err := s.channel(ctx, s.db.Reader(), in.Name)
			return &httpapi.Body[channelBody]{ETag: httpapi.ETag(c.version), Body: channelView(ctx, c)}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "save-channel", Method: "PUT", Path: "/api/v1/channels/{name}", Need: respond.WriteChannels, Tag: "channels", Summary: "Make or change a channel", Description: "Exactly one of email, webhook, slack and teams is given. A secret or header value left empty keeps the present one as long as the host stays the same."},
		func(ctx context.Context, in *saveChannelIn) (*httpapi.Body[channelBody], error) {
			var c channel
			err := s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
				_, err := s.saveChannel(ctx, tx, channel{Name: in.Name, ChannelSettings: in.Body.ChannelSettings}, func(v int64) error { return httpapi.CheckMatch(in.IfMatch, v) })
				if err != nil {
					return err
				}
				s.changed(tx, in.Name)
				c, err = s.channel(ctx, tx, in.Name)
				return err
			})
			return &httpapi.Body[channelBody]{ETag: httpapi.ETag(c.version), Body: channelView(ctx, c)}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "delete-channel", Method: "DELETE", Path: "/api/v1/channels/{name}", Need: respond.WriteChannels, Tag: "channels", Summary: "Remove a channel that no escalation uses", Status: http.StatusNoContent},
		func(ctx context.Context, in *nameIn) (*struct{}, error) {
			return nil, s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
				s.changed(tx, in.Name)
				return s.deleteChannel(ctx, tx, in.Name)
			})
		})
	httpapi.Handle(api, httpapi.Op{ID: "test-channel", Method: "POST", Path: "/api/v1/channels/{name}/test", Need: respond.WriteChannels, Tag: "channels", Summary: "Send a test message and tell what became of it"},
		func(ctx context.Context, in *nameIn) (*httpapi.Body[httpapi.List[Notification]], error) {
			ns, err := s.testChannel(ctx, in.Name)
			return httpapi.NewList(ns, ""), err
		})
	httpapi.Handle(api, httpapi.Op{ID: "get-contacts", Method: "GET", Path: "/api/v1/people/{id}/contacts", Need: respond.WriteContacts, Tag: "people", Summary: "How a person is told"},
		func(ctx context.Context, in *idIn) (*httpapi.Body[contactsBody], error) {
			return s.contacts(ctx, in.ID)
		})
	httpapi.Handle(api, httpapi.Op{ID: "save-contacts", Method: "PUT", Path: "/api/v1/people/{id}/contacts", Need: respond.WriteContacts, Tag: "people", Summary: "Say how a person is told", Description: "Everybody may do this for themselves, administrators for all."},
		func(ctx context.Context, in *contactsIn) (*httpapi.Body[contactsBody], error) {
			if err := mayEdit(ctx, in.ID); err != nil {
				return nil, err
			}
			err := s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error { return s.saveMethods(ctx, tx, in.ID, in.Body.Methods) })
			if err != nil {
				return nil, err
			}
			return s.contacts(ctx, in.ID)
		})
	httpapi.Handle(api, httpapi.Op{ID: "test-contacts", Method: "POST", Path: "/api/v1/people/{id}/contacts/test", Need: respond.WriteContacts, Tag: "people", Summary: "Send a test message by each method of a person and tell what became of it", Description: "Everybody may do this for themselves, administrators for all."},
		func(ctx context.Context, in *idIn) (*httpapi.Body[httpapi.List[Notification]], error) {
			ns, err := s.testContacts(ctx, in.ID)
			return httpapi.NewList(ns, ""), err
		})
}

func (s *Service) contacts(ctx context.Context, accountID string) (*httpapi.Body[contactsBody], error) {
	if err := mayEdit(ctx, accountID); err != nil {
		return nil, err
	}
	a, err := account.ByID(ctx, s.db.Reader(), accountID)
	if err != nil {
		return nil, err
	}
	ms, err := s.methods(ctx, s.db.Reader(), *a)
	for i := range ms {
		ms[i].ChannelSettings = shown(ms[i].ChannelSettings, true)
	}
	return &httpapi.Body[contactsBody]{Body: contactsBody{Methods: ms}}, err
}

func (s *Service) settingRoutes(api *httpapi.API) {
	httpapi.Handle(api, httpapi.Op{ID: "get-smtp", Method: "GET", Path: "/api/v1/smtp", Need: respond.WriteChannels, Tag: "channels", Summary: "The mail server"},
		func(ctx context.Context, _ *struct{}) (*httpapi.Body[smtpBody], error) {
			var m respond.MailServer
			_, _, err := s.setting(ctx, s.db.Reader(), smtpSetting, &m)
			return &httpapi.Body[smtpBody]{Body: smtpView(m)}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "save-smtp", Method: "PUT", Path: "/api/v1/smtp", Need: respond.WriteChannels, Tag: "channels", Summary: "Set the mail server"},
		func(ctx context.Context, in *smtpIn) (*httpapi.Body[smtpBody], error) {
			var m respond.MailServer
			err := s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
				b := in.Body
				if _, err := s.saveSMTP(ctx, tx, respond.MailServer{Host: b.Host, Port: b.Port, From: b.From, Username: b.Username, Password: b.Password, TLS: b.TLS}); err != nil {
					return err
				}
				_, _, err := s.setting(ctx, tx, smtpSetting, &m)
				return err
			})
			return &httpapi.Body[smtpBody]{Body: smtpView(m)}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "test-smtp", Method: "POST", Path: "/api/v1/smtp/test", Need: respond.WriteChannels, Tag: "channels", Summary: "Send a test mail and tell what became of it"},
		func(ctx context.Context, in *smtpTestIn) (*httpapi.Body[Notification], error) {
			ns, err := s.testSMTP(ctx, in.Body.To)
			if err != nil {
				return nil, err
			}
			return &httpapi.Body[Notification]{Body: ns[0]}, nil
		})
	httpapi.Handle(api, httpapi.Op{ID: "get-heartbeat", Method: "GET", Path: "/api/v1/heartbeat", Need: respond.WriteChannels, Tag: "channels", Summary: "The dead-man check of Mainstay itself"},
		func(ctx context.Context, _ *struct{}) (*httpapi.Body[heartbeatBody], error) { return s.heartbeat(ctx) })
	httpapi.Handle(api, httpapi.Op{ID: "save-heartbeat", Method: "PUT", Path: "/api/v1/heartbeat", Need: respond.WriteChannels, Tag: "channels", Summary: "Set the dead-man check"},
		func(ctx context.Context, in *heartbeatIn) (*httpapi.Body[heartbeatBody], error) {
			err := s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
				_, err := s.saveHeartbeat(ctx, tx, heartbeat{URL: in.Body.URL, Every: in.Body.Every})
				return err
			})
			if err != nil {
				return nil, err
			}
			return s.heartbeat(ctx)
		})
	httpapi.Handle(api, httpapi.Op{ID: "delete-heartbeat", Method: "DELETE", Path: "/api/v1/heartbeat", Need: respond.WriteChannels, Tag: "channels", Summary: "End the dead-man check", Status: http.StatusNoContent},
		func(ctx context.Context, _ *struct{}) (*struct{}, error) {
			return nil, s.db.InTx(ctx, s.deleteHeartbeat)
		})
}

func (s *Service) heartbeat(ctx context.Context) (*httpapi.Body[heartbeatBody], error) {
	var h heartbeat
	_, found, err := s.setting(ctx, s.db.Reader(), heartbeatSetting, &h)
	if err != nil {
		return nil, errs.Wrap(errs.CodeOf(err), err, "The heartbeat settings cannot be read.")
	}
	s.heart.mu.Lock()
	defer s.heart.mu.Unlock()
	b := heartbeatBody{Configured: found, URL: h.URL, Every: h.Every}
	if found {
		b.LastSuccess, b.LastError = s.heart.lastSuccess, s.heart.lastError
	}
	return &httpapi.Body[heartbeatBody]{Body: b}, nil
}
