package notify

import (
	"context"
	"database/sql"
	"errors"
	"reflect"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/account"
	"github.com/mainstay-ops/mainstay/internal/core/apply"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/strict"
	"github.com/mainstay-ops/mainstay/internal/respond"
)

// channel is a named way of telling; it is also its entry in ops.yaml.
type channel struct {
	Name                    string `yaml:"name" json:"name" required:"true"`
	respond.ChannelSettings `yaml:",inline"`
	version                 int64
}

type channelRow struct {
	bun.BaseModel `bun:"notify_channels"`

	Name      string    `bun:"name,pk"`
	Settings  string    `bun:"settings"`
	CreatedAt time.Time `bun:"created_at"`
	UpdatedAt time.Time `bun:"updated_at"`
	Version   int64     `bun:"version"`
}

func (s *Service) channelOf(r channelRow) (channel, error) {
	c := channel{Name: r.Name, version: r.Version}
	return c, s.openJSON(r.Settings, &c.ChannelSettings)
}

func (s *Service) channels(ctx context.Context, q bun.IDB) ([]channel, error) {
	var rows []channelRow
	if err := q.NewSelect().Model(&rows).OrderExpr("name").Limit(5000).Scan(ctx); err != nil {
		return nil, err
	}
	out := make([]channel, len(rows))
	for i, r := range rows {
		var err error
		if out[i], err = s.channelOf(r); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (s *Service) channel(ctx context.Context, q bun.IDB, name string) (channel, error) {
	var r channelRow
	err := q.NewSelect().Model(&r).Where("name = ?", name).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		var known []string
		if err := q.NewRaw("SELECT name FROM notify_channels ORDER BY name LIMIT 200").Scan(ctx, &known); err != nil {
			return channel{}, err
		}
		return channel{}, errs.New(errs.NotFound, "There is no channel %s%s.", name, strict.DidYouMean(name, known))
	}
	if err != nil {
		return channel{}, err
	}
	return s.channelOf(r)
}

// HasChannel implements respond.Channels.
func (s *Service) HasChannel(ctx context.Context, q bun.IDB, name string) (bool, error) {
	n, err := q.NewSelect().Model((*channelRow)(nil)).Where("name = ?", name).Count(ctx)
	return n > 0, err
}

// ChannelNames implements respond.Channels.
func (s *Service) ChannelNames(ctx context.Context, q bun.IDB) ([]string, error) {
	var names []string
	err := q.NewRaw("SELECT name FROM notify_channels ORDER BY name LIMIT 5000").Scan(ctx, &names)
	return names, err
}

// saveChannel makes or changes a channel.
func (s *Service) saveChannel(ctx context.Context, tx *db.Tx, c channel, ifMatch func(int64) error) (apply.Outcome, error) {
	if err := account.CheckName("name", c.Name); err != nil {
		return "", err
	}
	old, err := s.channel(ctx, tx, c.Name)
	found := err == nil
	if err != nil && !errs.Is(err, errs.NotFound) {
		return "", err
	}
	if err := ifMatch(old.version); err != nil {
		return "", err
	}
	if c.ChannelSettings, err = keepSecrets(c.ChannelSettings, old.ChannelSettings); err != nil {
		return "", err
	}
	if err := checkSettings(c.ChannelSettings); err != nil {
		return "", err
	}
	if found && reflect.DeepEqual(old.ChannelSettings, c.ChannelSettings) {
		return apply.Unchanged, nil
	}
	sealed, err := s.sealJSON(c.ChannelSettings)
	if err != nil {
		return "", err
	}
	_, err = tx.NewRaw("INSERT INTO notify_channels (name, settings, created_at, updated_at, version) VALUES (?, ?, ?, ?, 1) ON CONFLICT (name) DO UPDATE SET settings = excluded.settings, updated_at = excluded.updated_at, version = notify_channels.version + 1", c.Name, sealed, tx.Now(), tx.Now()).Exec(ctx)
	if err != nil {
		return "", err
	}
	ch := audit.Change{Action: "channel.create", Ref: entity.Ref{Kind: "channel", ID: c.Name}, Name: c.Name, After: shown(c.ChannelSettings, false)}
	outcome := apply.Created
	if found {
		ch.Action, ch.Before, outcome = "channel.update", shown(old.ChannelSettings, false), apply.Updated
		// Only hidden values differ: the log must still say that there was a change.
		if reflect.DeepEqual(ch.Before, ch.After) {
			ch.After = map[string]string{"changed": "address, secret or header value"}
		}
	}
	return outcome, audit.Write(ctx, tx, ch)
}

func (s *Service) deleteChannel(ctx context.Context, tx *db.Tx, name string) error {
	c, err := s.channel(ctx, tx, name)
	if err != nil {
		return err
	}
	if s.users != nil {
		by, err := s.users.UsesChannel(ctx, tx, name)
		if err != nil {
			return err
		}
		if by != "" {
			return errs.New(errs.Conflict, "The channel %s is used by the escalation %s. Change that first.", name, by)
		}
	}
	if _, err := tx.NewRaw("DELETE FROM notify_channels WHERE name = ?", name).Exec(ctx); err != nil {
		return err
	}
	return audit.Write(ctx, tx, audit.Change{Action: "channel.delete", Ref: entity.Ref{Kind: "channel", ID: name}, Name: name, Before: shown(c.ChannelSettings, false)})
}
