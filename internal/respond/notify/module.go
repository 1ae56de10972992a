package notify

import (
	"context"
	"embed"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/job"
	"github.com/mainstay-ops/mainstay/internal/core/module"
	"github.com/mainstay-ops/mainstay/internal/respond"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Module registers the room.
func Module() module.Module {
	return module.Module{
		ID: "respond.notify", Migrations: migrations,
		Permissions: []access.Permission{respond.ReadNotices, respond.WriteChannels, respond.WriteContacts},
		New: func(d module.Deps) (module.Instance, error) {
			s := newService(d)
			module.Provide[respond.Notifier](d, s)
			module.Provide[respond.Channels](d, s)
			module.Need(d, &s.incidents)
			module.Want(d, &s.users)
			d.Live.Topic("notifications", respond.ReadNotices)
			d.Live.Topic("channels", respond.ReadNotices)
			return s, nil
		},
	}
}

func newService(d module.Deps) *Service {
	return &Service{
		db: d.DB, jobs: d.Jobs, events: d.Events, live: d.Live, secrets: d.Secrets, health: d.Health, logger: d.Logger,
		publicURL: d.Config.PublicURL, http: newClient(d.Config.Outbound.AllowMetadata), ackKey: d.Secrets.Key("ack"),
		keep:  d.Config.Notifications.Retention.D(),
		heart: heart{wake: make(chan struct{}, 1)},
	}
}

var (
	_ module.HasJobs      = (*Service)(nil)
	_ module.HasRoutes    = (*Service)(nil)
	_ module.HasResources = (*Service)(nil)
	_ module.Starter      = (*Service)(nil)
	_ respond.Notifier    = (*Service)(nil)
	_ respond.Channels    = (*Service)(nil)
)

// Jobs implements module.HasJobs.
func (s *Service) Jobs(r *job.Runner) {
	job.Handle(r, s.send)
	job.Handle(r, s.methodDue)
	job.Handle(r, s.summarize)
	job.Handle(r, s.prune)
	job.Every(r, pruneEvery, false, pruneArgs{})
}

// Start implements module.Starter: the heartbeat begins.
func (s *Service) Start(ctx context.Context) error {
	ctx, s.heart.cancel = context.WithCancel(access.AsSystem(context.WithoutCancel(ctx)))
	s.heart.ended = make(chan struct{})
	go s.beatLoop(ctx)
	return nil
}

// Stop implements module.Starter.
func (s *Service) Stop(context.Context) {
	if s.heart.cancel != nil {
		s.heart.cancel()
		<-s.heart.ended
	}
	s.http.CloseIdleConnections()
}
