package packet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/account"
	"github.com/mainstay-ops/mainstay/internal/core/apply"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/event"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/core/id"
	"github.com/mainstay-ops/mainstay/internal/core/packet/bpf"
	"github.com/mainstay-ops/mainstay/internal/observe"
	"github.com/mainstay-ops/mainstay/internal/respond"
)

// Policy says which alerts begin a capture; it is also its entry in ops.yaml.
type Policy struct {
	Name        string            `json:"name" yaml:"name" maxLength:"200"`
	Labels      map[string]string `json:"labels,omitempty" yaml:"labels,omitempty" doc:"The alert has all of these labels."`
	Items       []string          `json:"items,omitempty" yaml:"items,omitempty" maxItems:"100" doc:"The alert is about one of these items."`
	Checks      []string          `json:"checks,omitempty" yaml:"checks,omitempty" maxItems:"100" doc:"The alert comes from one of these checks."`
	Severities  []string          `json:"severities,omitempty" yaml:"severities,omitempty" doc:"critical, warning, unknown; empty is each."`
	Interface   string            `json:"interface" yaml:"interface" maxLength:"64"`
	Filter      string            `json:"filter,omitempty" yaml:"filter,omitempty" maxLength:"1000" doc:"In the language of pcap-filter; {address} stands for the addresses of the item: host {address}."`
	Duration    observe.Duration  `json:"duration,omitempty" yaml:"duration,omitempty"`
	Packets     int64             `json:"packets,omitempty" yaml:"packets,omitempty" minimum:"0" maximum:"10000000"`
	MaxBytes    int64             `json:"max_bytes,omitempty" yaml:"max_bytes,omitempty" minimum:"0" maximum:"2147483648"`
	HeadersOnly bool              `json:"headers_only,omitempty" yaml:"headers_only,omitempty"`
	KeepFor     observe.Duration  `json:"keep_for,omitempty" yaml:"keep_for,omitempty"`
	Pause       observe.Duration  `json:"pause,omitempty" yaml:"pause,omitempty" doc:"No second capture so soon; empty is 5m."`
}

const (
	mostPolicies  = 200
	mostAddresses = 8
	usualPause    = 5 * time.Minute
)

func (p Policy) capture(filter string) NewCapture {
	return NewCapture{Name: p.Name, Interface: p.Interface, Filter: filter, Duration: p.Duration, Packets: p.Packets, MaxBytes: p.MaxBytes, HeadersOnly: p.HeadersOnly, KeepFor: p.KeepFor}
}

func (s *Service) check(p Policy) error {
	if err := account.CheckName("name", p.Name); err != nil {
		return err
	}
	var bad []errs.Field
	if p.Interface == "" {
		bad = append(bad, errs.Field{Path: "interface", Message: "is missing: the name of an interface of the server, or any"})
	}
	for i, v := range p.Severities {
		if !slices.Contains([]string{respond.SeverityCritical, respond.SeverityWarning, respond.SeverityUnknown}, v) {
			bad = append(bad, errs.Field{Path: fmt.Sprintf("severities[%d]", i), Value: v, Message: "must be critical, warning or unknown"})
		}
	}
	if d := p.Pause.D(); d < 0 || d > 7*24*time.Hour {
		bad = append(bad, errs.Field{Path: "pause", Value: p.Pause.String(), Message: "must be from 0s to 7d"})
	}
	if len(p.Labels) == 0 && len(p.Items) == 0 && len(p.Checks) == 0 && len(p.Severities) == 0 {
		bad = append(bad, errs.Field{Path: "labels", Message: "say which alerts: at least one of labels, items, checks and severities"})
	}
	for i, f := range []string{"192.0.2.1", "2001:db8::1"} {
		if err := bpf.Check(strings.ReplaceAll(p.Filter, "{address}", f)); err != nil && i == 0 {
			bad = append(bad, bpfError("filter", p.Filter, err))
		}
	}
	if err := errs.Fields(bad...); err != nil {
		return err
	}
	if _, err := p.capture("").plan(); err != nil {
		return err
	}
	_, err := s.keep(p.KeepFor)
	return err
}

type policyRow struct {
	bun.BaseModel `bun:"table:capture_policies"`

	ID        string     `bun:"id,pk"`
	Name      string     `bun:"name"`
	Doc       string     `bun:"doc"`
	LastAt    *time.Time `bun:"last_at"`
	UpdatedAt time.Time  `bun:"updated_at"`
}

func policies(ctx context.Context, q bun.IDB) ([]policyRow, []Policy, error) {
	var rows []policyRow
	if err := q.NewSelect().Model(&rows).OrderExpr("name").Limit(mostPolicies).Scan(ctx); err != nil {
		return nil, nil, err
	}
	out := make([]Policy, len(rows))
	for i, r := range rows {
		if err := json.Unmarshal([]byte(r.Doc), &out[i]); err != nil {
			return nil, nil, err
		}
		out[i].Name = r.Name
	}
	return rows, out, nil
}

func (s *Service) savePolicy(ctx context.Context, tx *db.Tx, p Policy) (apply.Outcome, error) {
	if err := access.Check(ctx, observe.WriteCaptures, ""); err != nil {
		return "", err
	}
	if err := s.check(p); err != nil {
		return "", err
	}
	doc, err := json.Marshal(p)
	if err != nil {
		return "", err
	}
	rows, all, err := policies(ctx, tx)
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(rows, func(r policyRow) bool { return r.Name == p.Name })
	r := policyRow{ID: id.New(), Name: p.Name, Doc: string(doc), UpdatedAt: tx.Now()}
	out := apply.Created
	change := audit.Change{Action: "capture_policy.create", Name: p.Name, After: p}
	switch {
	case i >= 0 && reflect.DeepEqual(all[i], p):
		return apply.Unchanged, nil
	case i >= 0:
		r.ID, r.LastAt = rows[i].ID, rows[i].LastAt
		out, change.Action, change.Before = apply.Updated, "capture_policy.update", all[i]
		_, err = tx.NewUpdate().Model(&r).WherePK().Exec(ctx)
	case len(rows) >= mostPolicies:
		return "", errs.New(errs.TooMany, "There are %d policies for captures already.", mostPolicies)
	default:
		_, err = tx.NewInsert().Model(&r).Exec(ctx)
	}
	if err != nil {
		return "", err
	}
	change.Ref = entity.Ref{Kind: "capture_policy", ID: r.ID}
	tx.AfterCommit(func() { s.tell(p.Name, "policy", nil) })
	return out, audit.Write(ctx, tx, change)
}

func (s *Service) deletePolicy(ctx context.Context, tx *db.Tx, name string) error {
	if err := access.Check(ctx, observe.WriteCaptures, ""); err != nil {
		return err
	}
	rows, all, err := policies(ctx, tx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(rows, func(r policyRow) bool { return r.Name == name })
	if i < 0 {
		return errs.New(errs.NotFound, "There is no policy for captures named %s.", name)
	}
	if _, err := tx.NewDelete().Model(&rows[i]).WherePK().Exec(ctx); err != nil {
		return err
	}
	tx.AfterCommit(func() { s.tell(name, "policy", nil) })
	return audit.Write(ctx, tx, audit.Change{Action: "capture_policy.delete", Ref: entity.Ref{Kind: "capture_policy", ID: rows[i].ID}, Name: name, Before: all[i]})
}

// Resources implements module.HasResources.
func (s *Service) Resources() []apply.Resource {
	return []apply.Resource{{
		Key: "captures", Order: 60, Need: observe.WriteCaptures, New: func() any { return &Policy{} },
		Apply: func(ctx context.Context, tx *db.Tx, entry any) (apply.Change, error) {
			o, err := s.savePolicy(ctx, tx, *entry.(*Policy))
			return apply.Change{Outcome: o}, err
		},
		Export: func(ctx context.Context, q bun.IDB) ([]any, error) {
			_, all, err := policies(ctx, q)
			out := make([]any, len(all))
			for i, p := range all {
				out[i] = p
			}
			return out, err
		},
	}}
}

// PolicyIn is the name of a policy in the path.
type PolicyIn struct {
	Name string `path:"name" maxLength:"200"`
}

type policySaveIn struct {
	PolicyIn
	Body Policy
}

func (s *Service) policyRoutes(api *httpapi.API) {
	const base = "/api/v1/capture-policies"
	httpapi.Handle(api, httpapi.Op{ID: "list-capture-policies", Method: "GET", Path: base, Need: observe.ReadCaptures, Tag: tag, Summary: "Which alerts begin a capture"},
		func(ctx context.Context, _ *struct{}) (*httpapi.Body[httpapi.List[Policy]], error) {
			if err := access.Check(ctx, observe.ReadCaptures, ""); err != nil {
				return nil, err
			}
			_, all, err := policies(ctx, s.db.Reader())
			return httpapi.NewList(all, ""), err
		})
	httpapi.Handle(api, httpapi.Op{ID: "save-capture-policy", Method: "PUT", Path: base + "/{name}", Need: observe.WriteCaptures, Tag: tag, Summary: "Say which alerts begin a capture", Status: 204},
		func(ctx context.Context, in *policySaveIn) (*struct{}, error) {
			in.Body.Name = in.Name
			return nil, s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
				_, err := s.savePolicy(ctx, tx, in.Body)
				return err
			})
		})
	httpapi.Handle(api, httpapi.Op{ID: "delete-capture-policy", Method: "DELETE", Path: base + "/{name}", Need: observe.WriteCaptures, Tag: tag, Summary: "Remove a policy for captures", Status: 204},
		func(ctx context.Context, in *PolicyIn) (*struct{}, error) {
			return nil, s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error { return s.deletePolicy(ctx, tx, in.Name) })
		})
}

// matches tells whether an alert begins a capture.
func (p Policy) matches(f respond.AlertFired) bool {
	for k, v := range p.Labels {
		if f.Labels[k] != v {
			return false
		}
	}
	among := func(list []string, v string) bool { return len(list) == 0 || slices.Contains(list, v) }
	return among(p.Items, f.Item) && among(p.Checks, f.Check) && among(p.Severities, f.Severity)
}

// alertFired begins the captures of the policies that fit.
func (s *Service) alertFired(ctx context.Context, tx *db.Tx, f respond.AlertFired, _ event.Meta) error {
	rows, all, err := policies(ctx, tx)
	if err != nil {
		return err
	}
	for i, p := range all {
		if !p.matches(f) {
			continue
		}
		pause := p.Pause.D()
		if pause == 0 {
			pause = usualPause
		}
		now := tx.Now()
		if l := rows[i].LastAt; l != nil && now.Sub(*l) < pause {
			continue
		}
		if err := s.fire(ctx, tx, p, f); err != nil {
			return err
		}
		if _, err := tx.NewRaw("UPDATE capture_policies SET last_at = ? WHERE id = ?", now, rows[i].ID).Exec(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) fire(ctx context.Context, tx *db.Tx, p Policy, f respond.AlertFired) error {
	filter, why := p.Filter, ""
	if strings.Contains(filter, "{address}") {
		var err error
		if filter, err = s.withAddress(ctx, tx, filter, f); err != nil {
			if errs.CodeOf(err) == errs.Internal {
				return err
			}
			why = say(err)
		}
	}
	in := p.capture(filter)
	in.Name = p.Name + ": " + f.Title
	keep, err := s.keep(p.KeepFor)
	if err != nil { // the retention was made shorter since
		keep = s.retention
	}
	r := newRow(ctx, tx, in, keep)
	r.Policy, r.AlertID, r.ItemID = p.Name, f.AlertID, f.ItemID
	pl, err := in.plan()
	if err != nil {
		why = say(err)
	}
	if why != "" {
		r.State, r.Note, r.Reserved = stateFailed, why, 0
		end := tx.Now()
		r.EndedAt = &end
	}
	if err := s.insert(ctx, tx, r); err != nil {
		if !errs.Is(err, errs.TooLarge) {
			return err
		}
		s.logger.Warn("an alert could not begin a capture", "policy", p.Name, "alert", f.AlertID, "error", err)
		r.State, r.Note, r.Reserved, why = stateFailed, say(err), 0, say(err)
		end := tx.Now()
		r.EndedAt = &end
		if err := s.insert(ctx, tx, r); err != nil {
			return nil //nolint:nilerr // captures already fill the quota; it was logged above
		}
	}
	if why == "" {
		tx.AfterCommit(func() {
			if err := s.begin(s.base, r, pl); err != nil {
				s.logger.Warn("an alert could not begin a capture", "policy", p.Name, "capture", r.ID, "error", err)
			}
		})
	}
	return nil
}

// withAddress puts the addresses of the alert's item into a filter.
func (s *Service) withAddress(ctx context.Context, tx *db.Tx, filter string, f respond.AlertFired) (string, error) {
	var found []string
	if a, err := netip.ParseAddr(f.Item); err == nil {
		found = append(found, a.String())
	}
	if f.ItemID != "" && s.network != nil {
		all, err := s.network.Addresses(ctx, tx, []string{f.ItemID})
		if err != nil {
			return "", err
		}
		for _, a := range all[f.ItemID] {
			ip, err := netip.ParseAddr(a.Address)
			if err == nil && !ip.IsLoopback() && !ip.IsLinkLocalUnicast() && !slices.Contains(found, ip.String()) {
				found = append(found, ip.String())
			}
		}
	}
	if len(found) == 0 {
		return "", errs.New(errs.Invalid, "No address of %s is known, so {address} in the filter stands for nothing.", orThe(f.Item))
	}
	parts := []string{}
	for _, a := range found[:min(len(found), mostAddresses)] {
		parts = append(parts, "("+strings.ReplaceAll(filter, "{address}", a)+")")
	}
	return strings.Join(parts, " or "), nil
}

func orThe(item string) string {
	if item == "" {
		return "the alert's item"
	}
	return item
}

// alertGrouped hangs captures on the incident of their alert.
func (s *Service) alertGrouped(ctx context.Context, tx *db.Tx, f respond.AlertGrouped, _ event.Meta) error {
	var rows []row
	if err := tx.NewSelect().Model(&rows).Where("alert_id = ?", f.AlertID).Where("incident_id <> ?", f.IncidentID).Scan(ctx); err != nil {
		return err
	}
	for i := range rows {
		r := &rows[i]
		r.IncidentID = f.IncidentID
		if _, err := tx.NewUpdate().Model(r).Column("incident_id").WherePK().Exec(ctx); err != nil {
			return err
		}
		rec, err := s.records.Lock(ctx, tx, f.IncidentID)
		if err != nil {
			return err
		}
		if _, err := s.records.AddItem(ctx, tx, rec, r.ref()); err != nil {
			return err
		}
		if err := s.tellIncident(ctx, tx, r); err != nil {
			return err
		}
		tx.AfterCommit(func() { s.tell(r.ID, "changed", nil) })
	}
	return nil
}

// tellIncident adds a line to the timeline.
func (s *Service) tellIncident(ctx context.Context, tx *db.Tx, r *row) error {
	if s.incidents == nil {
		return nil
	}
	text := ""
	switch r.State {
	case stateRunning:
		text = fmt.Sprintf("The policy %s captures packets on %s.", r.Policy, r.Interface)
	case stateReady:
		text = fmt.Sprintf("Packets were captured on %s: %d. %s", r.Interface, r.Packets, r.Note)
	case stateFailed:
		text = fmt.Sprintf("The policy %s could not capture packets on %s. %s", r.Policy, r.Interface, r.Note)
	default:
		return nil
	}
	err := s.incidents.Note(ctx, tx, r.IncidentID, "capture", text, map[string]any{"capture": r.ID, "url": "/observe/captures/" + r.ID})
	var e *errs.Error
	if errors.As(err, &e) && e.Code == errs.NotFound {
		return nil
	}
	return err
}
