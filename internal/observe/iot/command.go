package iot

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/id"
	"github.com/mainstay-ops/mainstay/internal/observe/iot/payload"
	"github.com/mainstay-ops/mainstay/internal/observe/iot/wire"
)

// answerWithin is how long a device may take to tell its new state.
const answerWithin = 15 * time.Second

// The states of a command.
const (
	cmdSent         = "sent"
	cmdAcknowledged = "acknowledged"
	cmdTimedOut     = "timed_out"
)

// CommandRecord is a command that was sent.
type CommandRecord struct {
	ID      string     `json:"id"`
	Name    string     `json:"name"`
	Topic   string     `json:"topic"`
	Payload string     `json:"payload"`
	Actor   string     `json:"actor"`
	State   string     `json:"state" enum:"sent,acknowledged,timed_out"`
	Why     string     `json:"why,omitempty"`
	At      time.Time  `json:"at"`
	DoneAt  *time.Time `json:"done_at,omitempty"`
}

// sentCommand waits for the device to tell its new state.
type sentCommand struct {
	id, echo string
	want     float64
	at       time.Time
}

// compose gives the payload of a command and the value that tells that it was done.
func compose(c payload.Command, value string) (body string, want float64, err error) {
	bad := func(m string) (string, float64, error) {
		return "", 0, errs.Fields(errs.Field{Path: "value", Value: value, Message: m})
	}
	if c.Kind == "number" {
		n, err := strconv.ParseFloat(value, 64)
		if err != nil || math.IsNaN(n) || n < c.Min || n > c.Max {
			return bad(fmt.Sprintf("must be a number from %g to %g", c.Min, c.Max))
		}
		return strings.ReplaceAll(c.Template, "{value}", strconv.FormatFloat(n, 'f', -1, 64)), n, nil
	}
	switch value {
	case "on":
		return c.On, 1, nil
	case "off":
		return c.Off, 0, nil
	}
	return bad("must be on or off")
}

// command sends one. A device that is away gets none: it must not do later what
// somebody wanted now.
func (s *Service) command(ctx context.Context, deviceID, name, value string) (rec CommandRecord, err error) {
	d := s.device(deviceID)
	if d == nil {
		return rec, notThere(deviceID)
	}
	d.mu.Lock()
	row := d.deviceRow
	var cmd *payload.Command
	for i := range d.commands {
		if d.commands[i].Name == name {
			c := d.commands[i]
			cmd = &c
		}
	}
	d.mu.Unlock()
	if err := access.Check(ctx, command, row.TeamID); err != nil {
		return rec, err
	}
	if cmd == nil {
		return rec, errs.Fields(errs.Field{Path: "command", Value: name, Message: "is not a command of this device"})
	}
	body, want, err := compose(*cmd, value)
	if err != nil {
		return rec, err
	}
	s.mu.RLock()
	c := s.clients[row.Client]
	s.mu.RUnlock()
	// What a device announces must not reach the topics of others.
	if c == nil || !c.maySubscribe(cmd.Topic) {
		return rec, errs.New(errs.Conflict, "The client %s may not subscribe to %s, so the command would not arrive.", row.Client, cmd.Topic)
	}
	if s.gate.connected(row.Client) == nil || row.Online == offline {
		return rec, errs.New(errs.Conflict, "%s is not connected. Commands are not kept for later.", row.Name)
	}
	if !s.gate.broker.wanted(cmd.Topic) {
		return rec, errs.New(errs.Conflict, "%s has not subscribed to %s, so it would not hear the command.", row.Client, cmd.Topic)
	}
	rec = CommandRecord{ID: id.New(), Name: name, Topic: cmd.Topic, Payload: body, Actor: access.From(ctx).Actor(), State: cmdSent}
	err = s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		rec.At = tx.Now().UTC()
		if _, err := tx.NewRaw("INSERT INTO iot_commands (id, device_id, name, topic, payload, actor, state, why, at) VALUES (?, ?, ?, ?, ?, ?, ?, '', ?)", rec.ID, deviceID, name, rec.Topic, body, rec.Actor, cmdSent, rec.At).Exec(ctx); err != nil {
			return err
		}
		return audit.Write(ctx, tx, audit.Change{Action: "iot.command", Ref: entity.Ref{Kind: "iot_device", ID: deviceID}, Name: row.Name, After: map[string]string{"command": name, "value": value, "topic": rec.Topic}})
	})
	if err != nil {
		return rec, err
	}
	if cmd.Echo != "" {
		d.mu.Lock()
		d.sent = append(d.sent, sentCommand{id: rec.ID, echo: cmd.Echo, want: want, at: s.now()})
		d.mu.Unlock()
	}
	if err := s.gate.broker.pass(wire.Publish{Topic: cmd.Topic, Payload: []byte(body)}); err != nil {
		return rec, errs.Wrap(errs.Unavailable, err, "The broker is too busy. Try again.")
	}
	s.changed("commands", deviceID)
	return rec, nil
}

// echo ends commands of which the device now tells the state that was wanted. d.mu is
// held.
func (s *Service) echo(d *device, now time.Time) {
	keep := d.sent[:0]
	for _, c := range d.sent {
		f := d.figures[c.echo]
		if f == nil || math.Abs(f.Value-c.want) > 1e-6 || f.At.Before(c.at.Add(-time.Second)) {
			keep = append(keep, c)
			continue
		}
		deviceID, cmdID := d.ID, c.id
		s.wg.Go(func() { s.done(deviceID, cmdID, now) })
	}
	d.sent = keep
}

func (s *Service) done(deviceID, cmdID string, now time.Time) {
	err := s.d.DB.InTx(s.ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.NewRaw("UPDATE iot_commands SET state = ?, done_at = ?, why = ? WHERE id = ? AND state = ?", cmdAcknowledged, now.UTC(), "The device told the new state.", cmdID, cmdSent).Exec(ctx)
		return err
	})
	if err != nil {
		s.d.Logger.Warn("the answer of a device was not noted", "command", cmdID, "error", err)
	}
	s.changed("commands", deviceID)
}

// expire ends commands that were not answered, also those of an earlier run.
func (s *Service) expire(ctx context.Context) error {
	limit := s.now().Add(-answerWithin)
	for _, d := range s.all() {
		d.mu.Lock()
		keep := d.sent[:0]
		for _, c := range d.sent {
			if c.at.After(limit) {
				keep = append(keep, c)
			}
		}
		d.sent = keep
		d.mu.Unlock()
	}
	var ids []string
	if err := s.d.DB.Reader().NewRaw("SELECT device_id FROM iot_commands WHERE state = ? AND at < ? LIMIT 1000", cmdSent, limit.UTC()).Scan(ctx, &ids); err != nil || len(ids) == 0 {
		return err
	}
	err := s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.NewRaw("UPDATE iot_commands SET state = ?, done_at = ?, why = ? WHERE state = ? AND at < ?", cmdTimedOut, tx.Now(), "The device did not tell the new state within 15 seconds.", cmdSent, limit.UTC()).Exec(ctx)
		return err
	})
	for _, i := range ids {
		s.changed("commands", i)
	}
	return err
}

func (s *Service) commandsOf(ctx context.Context, deviceID, cursor string, limit int) ([]CommandRecord, string, error) {
	var rows []CommandRecord
	q := "SELECT id, name, topic, payload, actor, state, why, at, done_at FROM iot_commands WHERE device_id = ?"
	args := []any{deviceID}
	if cursor != "" {
		q, args = q+" AND id < ?", append(args, cursor)
	}
	if err := s.d.DB.Reader().NewRaw(q+" ORDER BY id DESC LIMIT ?", append(args, limit+1)...).Scan(ctx, &rows); err != nil {
		return nil, "", err
	}
	next := ""
	if len(rows) > limit {
		rows = rows[:limit]
		next = rows[limit-1].ID
	}
	for i := range rows {
		rows[i].At = rows[i].At.UTC()
	}
	return rows, next, nil
}

func notThere(deviceID string) error {
	return errs.New(errs.NotFound, "There is no device with the id %q.", deviceID)
}
