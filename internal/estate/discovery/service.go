package discovery

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/live"
	"github.com/mainstay-ops/mainstay/internal/core/module"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

const (
	readEvery  = 10 * time.Second
	sweepEvery = 60 * time.Second
	source     = "discovery"
)

// Service reads the machine and keeps suggestions.
type Service struct {
	d       module.Deps
	items   estate.Discoverer
	makes   observe.CheckMaker
	metrics observe.Appender

	mu     sync.RWMutex
	host   *Host
	series map[string]observe.SeriesID
	// known are the listeners as they were identified last, by item name.
	known map[string]string
	// secure are those that showed a certificate, with when they were asked.
	secure map[string]time.Time
	// hostItem is the id of the item of this machine, once it is on the map.
	hostItem string
	// gone are items that no longer listen, since when.
	gone map[string]time.Time

	runs *runner

	catalog estate.Items
	network estate.Network
	sites   estate.Outposts

	cancel context.CancelFunc
	wg     sync.WaitGroup
}

// run reads the machine until ctx ends. The first sweep comes at once, so that a
// newcomer finds the machine on the map.
func (s *Service) run(ctx context.Context) {
	ctx = access.AsSystem(ctx)
	s.read(ctx)
	s.wg.Add(1)
	go func() {
		defer s.wg.Done()
		if err := s.remember(ctx); err != nil && ctx.Err() == nil {
			s.d.Logger.Warn("which services were seen before cannot be read", "error", err)
		}
		s.sweep(ctx)
		s.repeat(ctx, sweepEvery, s.sweep)
	}()
	// Usage is the difference of two readings: the second comes soon.
	select {
	case <-ctx.Done():
		return
	case <-time.After(2 * time.Second):
		s.read(ctx)
	}
	s.repeat(ctx, readEvery, s.read)
}

func (s *Service) repeat(ctx context.Context, every time.Duration, f func(context.Context)) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			f(ctx)
		}
	}
}

func (s *Service) read(ctx context.Context) {
	s.mu.RLock()
	prev := s.host
	s.mu.RUnlock()
	h := readHost(ctx, prev)
	if ctx.Err() != nil {
		return
	}
	s.mu.Lock()
	s.host = &h
	s.mu.Unlock()
	if prev != nil {
		if err := s.record(ctx, &h); err != nil && ctx.Err() == nil {
			s.d.Logger.Warn("figures of this machine were lost", "error", err)
		}
	}
	s.d.Live.Send(live.Note{Topic: "host", Kind: "changed", ID: h.Name})
}

// sweep puts the machine and its services on the map.
func (s *Service) sweep(ctx context.Context) {
	s.mu.RLock()
	h := *s.host
	s.mu.RUnlock()
	seen := func(ctx context.Context, tx *db.Tx, it estate.Item) error {
		s.mu.Lock()
		s.hostItem = it.ID
		s.mu.Unlock()
		if s.network == nil {
			return nil
		}
		return s.network.Report(ctx, tx, h.view(it.ID, tx.Now(), s.runs.net.ARP()))
	}
	if err := s.place(ctx, estate.NewItem{Name: h.Name, Title: h.Name, Kind: "host", Attributes: h.attributes(), Source: source, Identity: h.identity()}, proposeHost(&h), seen); err != nil {
		s.d.Logger.Error("this machine cannot be put on the map", "error", err)
		return
	}
	ls, err := listeners(ctx, int32(os.Getpid()))
	if err != nil {
		s.d.Logger.Warn("listening ports cannot be read", "error", err)
		return
	}
	present := map[string]bool{}
	type named struct {
		name string
		l    *listener
	}
	var ask []named
	sem := make(chan struct{}, 8)
	var wg sync.WaitGroup
	for i := range ls {
		l := &ls[i]
		l.describe(ctx)
		name := fmt.Sprintf("%s@%s:%d", l.Process, h.Name, l.Port)
		if l.Protocol == "udp" {
			name += "/udp"
		}
		present[name] = true
		fp := l.fingerprint()
		again := s.renewal(name)
		if s.known[name] == fp && !again {
			continue
		}
		// It is on the map at once; what it speaks is found out after.
		if s.known[name] != fp {
			seen := func(ctx context.Context, tx *db.Tx, _ estate.Item) error {
				_, err := tx.NewInsert().Model(&listening{Item: name}).On("CONFLICT (item) DO UPDATE").Exec(ctx)
				return err
			}
			if err := s.place(ctx, l.item(name, h.Name, finding{}), nil, seen); err != nil {
				s.d.Logger.Warn("a service cannot be put on the map", "service", name, "error", err)
				continue
			}
		}
		s.known[name] = fp
		ask = append(ask, named{name, l})
	}
	for _, n := range ask {
		wg.Add(1)
		sem <- struct{}{}
		go func() {
			defer func() { <-sem; wg.Done() }()
			s.service(ctx, &h, n.name, n.l)
		}()
	}
	wg.Wait()
	s.missing(ctx, present)
}

func (s *Service) service(ctx context.Context, h *Host, name string, l *listener) {
	f := identify(ctx, l)
	if ctx.Err() != nil {
		return
	}
	props := []estate.Proposal{propose(name, l, f)}
	if f.Cert != nil {
		props = append(props, proposeCertificate(name, l))
	}
	keep := func(ctx context.Context, tx *db.Tx, it estate.Item) error {
		return keepCertificate(ctx, tx, it.ID, it.Name, f.Cert)
	}
	if err := s.place(ctx, l.item(name, h.Name, f), props, keep); err != nil && ctx.Err() == nil {
		s.d.Logger.Warn("a service cannot be put on the map", "service", name, "error", err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.Cert != nil {
		s.secure[name] = time.Now()
	} else {
		delete(s.secure, name)
	}
}

// lookAgain is how often a service with a certificate is asked again: a renewal
// changes neither its process nor its port.
const lookAgain = time.Hour

func (s *Service) renewal(name string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	at, ok := s.secure[name]
	return ok && time.Since(at) >= lookAgain
}

// item is what the map shows of the service.
func (l *listener) item(name, host string, f finding) estate.NewItem {
	attrs := map[string]any{"process": l.Process, "protocol": l.Protocol, "port": l.Port, "addresses": l.Addresses, "user": l.User, "command": l.Command, "not_listening_since": nil}
	if l.PID > 0 {
		attrs["pid"] = l.PID
	}
	if f.Speaks != "" {
		attrs["speaks"] = f.Speaks
	}
	if f.Banner != "" {
		attrs["banner"] = f.Banner
	}
	if c := f.Cert; c != nil {
		attrs["tls"] = true
		attrs["certificate"] = map[string]any{"subject": c.Subject, "issuer": c.Issuer, "names": c.Names}
		attrs["certificate_not_after"] = c.NotAfter.Format(time.RFC3339)
	}
	if f.Speaks == "" {
		f.Speaks = byPort[l.Port]
	}
	return estate.NewItem{Name: name, Title: fmt.Sprintf("%s on port %d", l.Process, l.Port), Kind: kindOf(f), Attributes: attrs, Source: source, RunsOn: host}
}

func kindOf(f finding) string {
	switch f.Speaks {
	case "postgres", "mysql", "redis":
		return "database"
	}
	return "application"
}

// place makes or updates the item and stores what is proposed for it.
func (s *Service) place(ctx context.Context, in estate.NewItem, props []estate.Proposal, also ...func(context.Context, *db.Tx, estate.Item) error) error {
	return s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		it, err := s.items.Observed(ctx, tx, in)
		if err != nil {
			return err
		}
		if err := s.Propose(ctx, tx, it, props); err != nil {
			return err
		}
		for _, f := range also {
			if err := f(ctx, tx, it); err != nil {
				return err
			}
		}
		return nil
	})
}

// Host gives the newest reading.
func (s *Service) Host() (Host, error) {
	if !s.d.Config.Discovery.Host {
		return Host{}, errOff
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.host == nil {
		return Host{}, errNoHost
	}
	return *s.host, nil
}

// Suggestion is a check that nobody has made yet.
type Suggestion struct {
	ID     string           `json:"id"`
	Item   string           `json:"item"`
	Name   string           `json:"name" doc:"Name the check will have."`
	Type   string           `json:"type"`
	Probe  map[string]any   `json:"probe"`
	Every  observe.Duration `json:"every"`
	Reason string           `json:"reason"`
	From   string           `json:"from,omitempty" doc:"The edge that the check will run on; the server when absent."`
	State  string           `json:"state" enum:"open,accepted,dismissed"`
	At     time.Time        `json:"created_at"`
}

type row struct {
	ID, ItemID, Item, Name, Type, Probe, Reason, Place, State string
	EveryMS                                                   int64
	CreatedAt                                                 time.Time
}

const columns = "id, item_id, item, name, type, probe, every_ms, reason, place, state, created_at"

func (r row) view() (Suggestion, error) {
	s := Suggestion{ID: r.ID, Item: r.Item, Name: r.Name, Type: r.Type, Every: observe.Duration(time.Duration(r.EveryMS) * time.Millisecond), Reason: r.Reason, From: r.Place, State: r.State, At: r.CreatedAt.UTC()}
	return s, json.Unmarshal([]byte(r.Probe), &s.Probe)
}

func (s *Service) list(ctx context.Context, q bun.IDB, state, item, cursor string, limit int) ([]Suggestion, string, error) {
	where, args := []string{"id > ?"}, []any{cursor}
	if state != "" {
		where, args = append(where, "state = ?"), append(args, state)
	}
	if item != "" {
		where, args = append(where, "item = ?"), append(args, item)
	}
	var rows []row
	if err := q.NewRaw("SELECT "+columns+" FROM discovery_suggestions WHERE "+strings.Join(where, " AND ")+" ORDER BY id LIMIT ?", append(args, limit+1)...).Scan(ctx, &rows); err != nil {
		return nil, "", err
	}
	next := ""
	if len(rows) > limit {
		rows = rows[:limit]
		next = rows[limit-1].ID
	}
	out := make([]Suggestion, 0, len(rows))
	for _, r := range rows {
		v, err := r.view()
		if err != nil {
			return nil, "", err
		}
		out = append(out, v)
	}
	return out, next, nil
}

// Decide accepts suggestions, which makes the checks, or dismisses them.
func (s *Service) Decide(ctx context.Context, ids []string, accept bool) ([]Suggestion, error) {
	var out []Suggestion
	err := s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		out = []Suggestion{}
		for _, sid := range ids {
			var r row
			if err := tx.NewRaw("SELECT "+columns+" FROM discovery_suggestions WHERE id = ?", sid).Scan(ctx, &r); err != nil {
				return db.NotFound(err, "There is no such suggestion.")
			}
			v, err := r.view()
			if err != nil {
				return err
			}
			want := "dismissed"
			if accept {
				want = "accepted"
			}
			if r.State == want {
				out = append(out, v)
				continue
			}
			if r.State == "accepted" {
				return errs.New(errs.Conflict, "%s was accepted already. Remove the check instead.", r.Name)
			}
			if accept {
				if err := s.makes.EnsureCheck(ctx, tx, spec(estate.Proposal{Name: v.Name, Type: v.Type, Probe: v.Probe, Every: v.Every.D(), From: v.From}, v.Item)); err != nil {
					return err
				}
			}
			if _, err := tx.NewRaw("UPDATE discovery_suggestions SET state = ?, updated_at = ? WHERE id = ?", want, tx.Now(), sid).Exec(ctx); err != nil {
				return err
			}
			if err := audit.Write(ctx, tx, audit.Change{Action: "suggestion." + want, Ref: entity.Ref{Kind: "suggestion", ID: sid}, Name: r.Name, Before: map[string]string{"state": r.State}, After: map[string]string{"state": want}}); err != nil {
				return err
			}
			v.State = want
			out = append(out, v)
		}
		tx.AfterCommit(func() { s.d.Live.Send(live.Note{Topic: "host", Kind: "suggestions", ID: ""}) })
		return nil
	})
	return out, err
}
