package packet

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/id"
	"github.com/mainstay-ops/mainstay/internal/core/packet/bpf"
	"github.com/mainstay-ops/mainstay/internal/core/packet/sniff"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// Start implements module.Starter. Captures that were running when the server
// ended are read as far as they came.
func (s *Service) Start(ctx context.Context) error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return errs.Wrap(errs.Unavailable, err, "The directory %s cannot be made.", s.dir)
	}
	s.base, s.stop = context.WithCancel(access.AsSystem(context.WithoutCancel(ctx)))
	var rows []row
	if err := s.db.Reader().NewSelect().Model(&rows).Where("state IN (?, ?)", stateRunning, stateReading).Scan(ctx); err != nil {
		return err
	}
	for _, r := range rows {
		note := r.Note
		if r.State == stateRunning {
			note = "The server ended during the capture. The packets until then were kept."
			if err := s.settle(s.base, r.ID, func(r *row) { r.State = stateReading }); err != nil {
				return err
			}
		}
		s.work.Go(func() { s.resume(r.ID, note) })
	}
	return nil
}

func (s *Service) resume(captureID, note string) {
	s.files.Lock()
	defer s.files.Unlock()
	rings, _ := filepath.Glob(s.path(captureID, ".ring*"))
	for _, p := range rings {
		os.Remove(p)
	}
	s.read(captureID, note)
}

// Stop implements module.Starter: running captures end, and are kept.
func (s *Service) Stop(context.Context) {
	if s.stop == nil {
		return
	}
	s.stop()
	s.work.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	for k, o := range s.open {
		o.close()
		delete(s.open, k)
	}
}

// NewCapture says what to capture on the server or on an edge.
type NewCapture struct {
	Name        string           `json:"name,omitempty" maxLength:"200" doc:"For people; empty makes one of the interface and the filter."`
	From        string           `json:"from,omitempty" maxLength:"200" doc:"Name of the edge that captures; empty is the server."`
	Interface   string           `json:"interface" minLength:"1" maxLength:"64" doc:"As in the list of interfaces, or any."`
	Filter      string           `json:"filter,omitempty" maxLength:"4096" doc:"Which frames, in the language of pcap-filter: host 192.0.2.1 and tcp port 443."`
	Duration    observe.Duration `json:"duration,omitempty" doc:"At most so long; empty is 60s, the most is 1h."`
	Packets     int64            `json:"packets,omitempty" minimum:"0" maximum:"10000000" doc:"At most so many; 0 is 1,000,000."`
	MaxBytes    int64            `json:"max_bytes,omitempty" minimum:"0" maximum:"2147483648" doc:"At most so many bytes of packets; 0 is 100 MiB."`
	Ring        bool             `json:"ring,omitempty" doc:"When max_bytes are full the oldest packets go and the capture goes on."`
	HeadersOnly bool             `json:"headers_only,omitempty" doc:"Keep headers only, and leave out what people say."`
	Promiscuous bool             `json:"promiscuous,omitempty" doc:"Also take frames for other machines."`
	KeepFor     observe.Duration `json:"keep_for,omitempty" doc:"Removed after that; empty and at most is captures.retention."`
}

func (s *Service) keep(d observe.Duration) (time.Duration, error) {
	if d == 0 {
		return s.retention, nil
	}
	if d.D() < time.Minute || d.D() > s.retention {
		return 0, errs.Fields(errs.Field{Path: "keep_for", Value: d.String(), Message: fmt.Sprintf("must be from 1m to %s (captures.retention)", s.retention)})
	}
	return d.D(), nil
}

// plan checks what is asked for and fills in what is not said.
func (in NewCapture) plan() (plan, error) {
	var bad []errs.Field
	if err := bpf.Check(in.Filter); err != nil {
		bad = append(bad, bpfError("filter", in.Filter, err))
	}
	if in.Duration == 0 {
		in.Duration = observe.Duration(time.Minute)
	}
	if d := in.Duration.D(); d < time.Second || d > time.Hour {
		bad = append(bad, errs.Field{Path: "duration", Value: in.Duration.String(), Message: "must be from 1s to 1h"})
	}
	if in.Packets == 0 {
		in.Packets = 1_000_000
	}
	if in.MaxBytes == 0 {
		in.MaxBytes = 100 << 20
	}
	if in.MaxBytes < 64<<10 {
		bad = append(bad, errs.Field{Path: "max_bytes", Value: fmt.Sprint(in.MaxBytes), Message: "must be at least 65536"})
	}
	if err := errs.Fields(bad...); err != nil {
		return plan{}, err
	}
	return plan{
		options: sniff.Options{Interface: in.Interface, Filter: in.Filter, Promiscuous: in.Promiscuous}, headersOnly: in.HeadersOnly, packets: in.Packets,
		bytes: in.MaxBytes, duration: in.Duration.D(), ring: in.Ring,
	}, nil
}

func place(from, to int) string { return fmt.Sprintf("%d-%d", from, to) }

func bpfError(path, src string, err error) errs.Field {
	var e *bpf.Error
	if errors.As(err, &e) {
		return errs.Field{Path: path, Value: src, Message: fmt.Sprintf("%s (at character %d)", e.Message, len([]rune(src[:min(e.Pos, len(src))]))+1)}
	}
	return errs.Field{Path: path, Value: src, Message: err.Error()}
}

// start begins a capture on the server or on an edge.
func (s *Service) start(ctx context.Context, in NewCapture) (*row, error) {
	if err := mayWrite(ctx); err != nil {
		return nil, err
	}
	p, err := in.plan()
	if err != nil {
		return nil, err
	}
	keep, err := s.keep(in.KeepFor)
	if err != nil {
		return nil, err
	}
	if source := sourceOf(in.From); source != fromServer {
		err = s.permittedAt(in.From, in.Interface)
	} else {
		err = permitted(in.Interface)
	}
	if err != nil {
		return nil, err
	}
	var r *row
	if err := s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		r = newRow(ctx, tx, in, keep)
		return s.insert(ctx, tx, r)
	}); err != nil {
		return nil, err
	}
	if err := s.begin(s.base, r, p); err != nil {
		return nil, err
	}
	return byID(ctx, s.db.Reader(), r.ID)
}

// permitted refuses what cannot work before anything is written down.
func permitted(name string) error {
	if err := sniff.Permitted(); err != nil {
		return errs.New(errs.Invalid, "%s.", sentence(err))
	}
	if name == "any" {
		return nil
	}
	all, err := sniff.Interfaces()
	if err != nil {
		return err
	}
	for _, i := range all {
		if i.Name == name {
			return nil
		}
	}
	return errs.Fields(errs.Field{Path: "interface", Value: name, Message: "is not an interface of this machine"})
}

func newRow(ctx context.Context, tx *db.Tx, in NewCapture, keep time.Duration) *row {
	name := strings.TrimSpace(in.Name)
	if name == "" {
		name = in.Interface
		if in.Filter != "" {
			name += ": " + in.Filter
		}
	}
	if in.MaxBytes == 0 {
		in.MaxBytes = 100 << 20
	}
	now := tx.Now()
	return &row{
		ID: id.New(), Name: short(name, 200), State: stateRunning, Source: sourceOf(in.From), Interface: in.Interface, Filter: in.Filter, HeadersOnly: in.HeadersOnly,
		CreatedBy: access.From(ctx).Actor(), CreatedAt: now, ExpiresAt: now.Add(keep), Reserved: in.MaxBytes + in.MaxBytes/4,
	}
}

func short(s string, n int) string {
	r := []rune(s)
	if len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

// end stops a running capture.
func (s *Service) end(ctx context.Context, captureID string) error {
	if err := mayWrite(ctx); err != nil {
		return err
	}
	r, err := byID(ctx, s.db.Reader(), captureID)
	if err != nil {
		return err
	}
	s.mu.Lock()
	u := s.runs[captureID]
	s.mu.Unlock()
	if u == nil {
		return errs.New(errs.Conflict, "The capture %s does not run any more.", r.Name)
	}
	if err := s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		return audit.Write(ctx, tx, audit.Change{Action: "capture.stop", Ref: r.ref(), Name: r.Name, After: map[string]any{"packets": u.packets.Load()}})
	}); err != nil {
		return err
	}
	u.end()
	return nil
}

// change renames a capture or says how long it is kept.
func (s *Service) change(ctx context.Context, captureID string, name *string, expires *time.Time) error {
	if err := mayWrite(ctx); err != nil {
		return err
	}
	return s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		r, err := byID(ctx, tx, captureID)
		if err != nil {
			return err
		}
		before := r.about()
		if name != nil {
			if r.Name = strings.TrimSpace(*name); r.Name == "" {
				return errs.Fields(errs.Field{Path: "name", Message: "must not be empty"})
			}
		}
		if expires != nil {
			if now := tx.Now(); expires.Before(now) || expires.After(now.Add(s.retention)) {
				return errs.Fields(errs.Field{Path: "expires_at", Value: expires.Format(time.RFC3339), Message: fmt.Sprintf("must be within the next %s (captures.retention)", s.retention)})
			}
			r.ExpiresAt = expires.UTC()
		}
		if _, err := tx.NewUpdate().Model(r).Column("name", "expires_at").WherePK().Exec(ctx); err != nil {
			return err
		}
		if err := audit.Write(ctx, tx, audit.Change{Action: "capture.update", Ref: r.ref(), Name: r.Name, Before: before, After: r.about()}); err != nil {
			return err
		}
		tx.AfterCommit(func() { s.tell(r.ID, "changed", nil) })
		return nil
	})
}

// remove deletes a capture with its packets.
func (s *Service) remove(ctx context.Context, captureID string) error {
	if err := mayWrite(ctx); err != nil {
		return err
	}
	err := s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		r, err := byID(ctx, tx, captureID)
		if err != nil {
			return err
		}
		if r.State == stateRunning || r.State == stateReading {
			return errs.New(errs.Conflict, "The capture %s is still at work. Stop it first.", r.Name)
		}
		return s.delete(ctx, tx, r, "capture.delete")
	})
	return err
}

func (s *Service) delete(ctx context.Context, tx *db.Tx, r *row, action string) error {
	if _, err := tx.NewDelete().Model(r).WherePK().Exec(ctx); err != nil {
		return err
	}
	if err := audit.Write(ctx, tx, audit.Change{Action: action, Ref: r.ref(), Name: r.Name, Before: r.about()}); err != nil {
		return err
	}
	tx.AfterCommit(func() {
		s.forget(r.ID)
		for _, ext := range []string{extPackets, extIndex} {
			if err := os.Remove(s.path(r.ID, ext)); err != nil && !errors.Is(err, os.ErrNotExist) {
				s.logger.Error("the file of a removed capture cannot be deleted", "capture", r.ID, "error", err)
			}
		}
		s.tell(r.ID, "removed", nil)
	})
	return nil
}

// prune removes what has expired.
func (s *Service) prune(ctx context.Context) error {
	var rows []row
	if err := s.db.Reader().NewSelect().Model(&rows).Where("expires_at < ?", s.db.Clock().Now().UTC()).Where("state IN (?, ?)", stateReady, stateFailed).Limit(500).Scan(ctx); err != nil {
		return err
	}
	for i := range rows {
		if err := s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error { return s.delete(ctx, tx, &rows[i], "capture.expire") }); err != nil {
			return err
		}
	}
	return nil
}
