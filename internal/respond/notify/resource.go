package notify

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/apply"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/respond"
)

// Resources implements module.HasResources. Secrets are never exported; a file
// without them keeps those that are there.
func (s *Service) Resources() []apply.Resource {
	return []apply.Resource{
		{
			Key: "smtp", Order: 5, Single: true, Need: respond.WriteChannels, New: func() any { return &respond.MailServer{} },
			Apply: func(ctx context.Context, tx *db.Tx, entry any) (apply.Change, error) {
				o, err := s.saveSMTP(ctx, tx, *entry.(*respond.MailServer))
				return apply.Change{Outcome: o}, err
			},
			Export: func(ctx context.Context, q bun.IDB) ([]any, error) {
				var m respond.MailServer
				_, found, err := s.setting(ctx, q, smtpSetting, &m)
				if err != nil || !found {
					return nil, err
				}
				m.Password = ""
				return []any{m}, nil
			},
		},
		{
			Key: "channels", Order: 30, Need: respond.WriteChannels, New: func() any { return &channel{} },
			Apply: func(ctx context.Context, tx *db.Tx, entry any) (apply.Change, error) {
				c := *entry.(*channel)
				o, err := s.saveChannel(ctx, tx, c, func(int64) error { return nil })
				if err == nil && o != apply.Unchanged {
					s.changed(tx, c.Name)
				}
				return apply.Change{Outcome: o}, err
			},
			Export: func(ctx context.Context, q bun.IDB) ([]any, error) {
				cs, err := s.channels(ctx, q)
				out := make([]any, len(cs))
				for i, c := range cs {
					c.ChannelSettings = shown(c.ChannelSettings, true)
					out[i] = c
				}
				return out, err
			},
		},
		{
			Key: "heartbeat", Order: 6, Single: true, Need: respond.WriteChannels, New: func() any { return &heartbeat{} },
			Apply: func(ctx context.Context, tx *db.Tx, entry any) (apply.Change, error) {
				o, err := s.saveHeartbeat(ctx, tx, *entry.(*heartbeat))
				return apply.Change{Outcome: o}, err
			},
			Export: func(ctx context.Context, q bun.IDB) ([]any, error) {
				var h heartbeat
				_, found, err := s.setting(ctx, q, heartbeatSetting, &h)
				if err != nil || !found {
					return nil, err
				}
				return []any{h}, nil
			},
		},
	}
}
