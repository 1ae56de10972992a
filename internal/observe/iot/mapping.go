package iot

import (
	"cmp"
	"context"
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/account"
	"github.com/mainstay-ops/mainstay/internal/core/apply"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/observe/iot/payload"
	"github.com/mainstay-ops/mainstay/internal/observe/iot/wire"
)

const (
	maxMappings     = 500
	maxUnknown      = 2000
	keepUnknown     = 14 * 24 * time.Hour
	maxSample       = 500
	maxSuggestDepth = 8
)

// Mapping says what topics of a shape mean; it is also its entry in ops.yaml.
type Mapping struct {
	Name   string          `json:"name,omitempty" yaml:"name" maxLength:"200"`
	Topic  string          `json:"topic" yaml:"topic" maxLength:"500" doc:"Such as {site}/{room}/{device}/{metric}; + is any level, # at the end the rest."`
	Device string          `json:"device,omitempty" yaml:"device,omitempty" maxLength:"200" doc:"Name of the device when the topic has no {device}."`
	Unit   string          `json:"unit,omitempty" yaml:"unit,omitempty" maxLength:"40" doc:"Unit of plain numbers, as they are sent."`
	Scale  float64         `json:"scale,omitempty" yaml:"scale,omitempty" doc:"Plain numbers are multiplied with it; 0 is 1."`
	Fields []payload.Field `json:"fields,omitempty" yaml:"fields,omitempty" maxItems:"100" doc:"What to take out of JSON; without it every number is taken."`
	Ignore bool            `json:"ignore,omitempty" yaml:"ignore,omitempty" doc:"Leave these topics out."`
}

func (m *Mapping) template() payload.Template {
	return payload.Template{Name: m.Name, Topic: m.Topic, Device: m.Device, Unit: m.Unit, Scale: m.Scale, Fields: m.Fields, Ignore: m.Ignore}
}

func mappings(ctx context.Context, q bun.IDB) ([]Mapping, error) {
	var rows []struct {
		Name, Topic, Device, Unit, Fields string
		Scale                             float64
		Ignored                           bool
	}
	if err := q.NewRaw("SELECT name, topic, device, unit, fields, scale, ignored FROM iot_mappings ORDER BY name").Scan(ctx, &rows); err != nil {
		return nil, err
	}
	out := make([]Mapping, len(rows))
	for i, r := range rows {
		out[i] = Mapping{Name: r.Name, Topic: r.Topic, Device: r.Device, Unit: r.Unit, Scale: r.Scale, Ignore: r.Ignored}
		if err := json.Unmarshal([]byte(r.Fields), &out[i].Fields); err != nil {
			return nil, err
		}
		if len(out[i].Fields) == 0 {
			out[i].Fields = nil
		}
	}
	return out, nil
}

func (s *Service) loadMappings(ctx context.Context) error {
	ms, err := mappings(ctx, s.d.DB.Reader())
	if err != nil {
		return err
	}
	ts := make([]payload.Template, len(ms))
	for i := range ms {
		ts[i] = ms[i].template()
	}
	// Those with more fixed levels are asked first.
	slices.SortStableFunc(ts, func(a, b payload.Template) int {
		return cmp.Compare(strings.Count(a.Topic, "{")+strings.Count(a.Topic, "+")+2*strings.Count(a.Topic, "#"), strings.Count(b.Topic, "{")+strings.Count(b.Topic, "+")+2*strings.Count(b.Topic, "#"))
	})
	s.decoder.SetTemplates(ts)
	s.mu.Lock()
	defer s.mu.Unlock()
	for topic := range s.unknown {
		if slices.ContainsFunc(ts, func(t payload.Template) bool { return t.Matches(topic) }) {
			delete(s.unknown, topic)
			s.gone1 = append(s.gone1, topic)
		}
	}
	return nil
}

func (s *Service) saveMapping(ctx context.Context, tx *db.Tx, m Mapping) (apply.Outcome, error) {
	if err := account.CheckName("name", m.Name); err != nil {
		return "", err
	}
	t := m.template()
	if err := t.Check(); err != nil {
		return "", err
	}
	all, err := mappings(ctx, tx)
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(all, func(o Mapping) bool { return o.Name == m.Name })
	if i < 0 && len(all) >= maxMappings {
		return "", errs.New(errs.TooMany, "There are %d mappings already.", maxMappings)
	}
	ch := audit.Change{Action: "iot_mapping.create", Ref: entity.Ref{Kind: "iot_mapping", ID: m.Name}, Name: m.Name, After: m}
	o := apply.Created
	if i >= 0 {
		if reflect.DeepEqual(all[i], m) {
			return apply.Unchanged, nil
		}
		ch.Action, ch.Before, o = "iot_mapping.update", all[i], apply.Updated
	}
	fs := m.Fields
	if fs == nil {
		fs = []payload.Field{}
	}
	_, err = tx.NewRaw("INSERT INTO iot_mappings (name, topic, client, device, unit, scale, fields, ignored, updated_at) VALUES (?, ?, '', ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET topic = excluded.topic, device = excluded.device, unit = excluded.unit, scale = excluded.scale, fields = excluded.fields, ignored = excluded.ignored, updated_at = excluded.updated_at",
		m.Name, m.Topic, m.Device, m.Unit, m.Scale, jsonText(fs), m.Ignore, tx.Now()).Exec(ctx)
	if err != nil {
		return "", err
	}
	tx.AfterCommit(s.remap)
	return o, audit.Write(ctx, tx, ch)
}

func (s *Service) deleteMapping(ctx context.Context, tx *db.Tx, name string) error {
	res, err := tx.NewRaw("DELETE FROM iot_mappings WHERE name = ?", name).Exec(ctx)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errs.New(errs.NotFound, "There is no mapping named %q.", name)
	}
	tx.AfterCommit(s.remap)
	return audit.Write(ctx, tx, audit.Change{Action: "iot_mapping.delete", Ref: entity.Ref{Kind: "iot_mapping", ID: name}, Name: name})
}

// remap takes changed mappings into use.
func (s *Service) remap() {
	if s.ctx == nil {
		return
	}
	if err := s.loadMappings(s.ctx); err != nil {
		s.d.Logger.Error("mappings of topics were not read", "error", err)
	}
	s.changed("unknown", "")
}

func (s *Service) mappingResource() apply.Resource {
	return apply.Resource{
		Key: "mqtt_mappings", Order: 19, Need: write, New: func() any { return &Mapping{} },
		Apply: func(ctx context.Context, tx *db.Tx, entry any) (apply.Change, error) {
			o, err := s.saveMapping(ctx, tx, *entry.(*Mapping))
			return apply.Change{Outcome: o}, err
		},
		Export: func(ctx context.Context, q bun.IDB) ([]any, error) {
			ms, err := mappings(ctx, q)
			out := make([]any, len(ms))
			for i := range ms {
				out[i] = ms[i]
			}
			return out, err
		},
	}
}

// unknownTopic is a topic that nothing explains.
type unknownTopic struct {
	client, sample string
	messages       int64
	first, last    time.Time
	dirty          bool
}

// UnknownTopic is one as the API shows it.
type UnknownTopic struct {
	Topic      string    `json:"topic"`
	Client     string    `json:"client"`
	Sample     string    `json:"sample" doc:"The last payload, cut."`
	Messages   int64     `json:"messages"`
	First      time.Time `json:"first_seen"`
	Last       time.Time `json:"last_seen"`
	Suggestion Mapping   `json:"suggestion" doc:"A mapping that would explain it."`
}

// noteUnknown puts a topic into the list. What was retained and is no text makes no
// entry.
func (s *Service) noteUnknown(c *client, m wire.Publish, now time.Time) {
	sample := textOf(m.Payload[:min(len(m.Payload), maxSample)])
	if m.Retain && sample == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.unknown[m.Topic]
	if u == nil {
		if len(s.unknown) >= maxUnknown {
			return
		}
		u = &unknownTopic{first: now.UTC()}
		s.unknown[m.Topic] = u
	}
	u.client, u.sample, u.last, u.dirty = c.Name, sample, now.UTC(), true
	u.messages++
}

func (s *Service) loadUnknown(ctx context.Context) error {
	var rows []struct {
		Topic, Client, Sample string
		Messages              int64
		FirstSeen, LastSeen   time.Time
	}
	if err := s.d.DB.Reader().NewRaw("SELECT * FROM iot_unknown ORDER BY last_seen DESC LIMIT ?", maxUnknown).Scan(ctx, &rows); err != nil {
		return err
	}
	for _, r := range rows {
		s.unknown[r.Topic] = &unknownTopic{client: r.Client, sample: r.Sample, messages: r.Messages, first: r.FirstSeen.UTC(), last: r.LastSeen.UTC()}
	}
	return nil
}

// flushUnknown stores the list.
func (s *Service) flushUnknown(ctx context.Context, tx *db.Tx) error {
	type entry struct {
		topic string
		u     unknownTopic
	}
	var es []entry
	old := tx.Now().Add(-keepUnknown)
	s.mu.Lock()
	gone := s.gone1
	s.gone1 = nil
	for topic, u := range s.unknown {
		if u.last.Before(old) {
			delete(s.unknown, topic)
			gone = append(gone, topic)
		} else if u.dirty {
			u.dirty = false
			es = append(es, entry{topic, *u})
		}
	}
	s.mu.Unlock()
	for _, topic := range gone {
		if _, err := tx.NewRaw("DELETE FROM iot_unknown WHERE topic = ?", topic).Exec(ctx); err != nil {
			return err
		}
	}
	for _, e := range es {
		if _, err := tx.NewRaw("INSERT INTO iot_unknown (topic, client, sample, messages, first_seen, last_seen) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (topic) DO UPDATE SET client = excluded.client, sample = excluded.sample, messages = excluded.messages, last_seen = excluded.last_seen",
			e.topic, e.u.client, e.u.sample, e.u.messages, e.u.first, e.u.last).Exec(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) unknowns(limit int) []UnknownTopic {
	s.mu.RLock()
	out := make([]UnknownTopic, 0, len(s.unknown))
	for topic, u := range s.unknown {
		out = append(out, UnknownTopic{Topic: topic, Client: u.client, Sample: u.sample, Messages: u.messages, First: u.first, Last: u.last})
	}
	s.mu.RUnlock()
	slices.SortFunc(out, func(a, b UnknownTopic) int {
		return cmp.Or(b.Last.Compare(a.Last), strings.Compare(a.Topic, b.Topic))
	})
	out = out[:min(len(out), limit)]
	for i := range out {
		out[i].Suggestion = suggest(out[i].Topic, out[i].Sample)
	}
	return out
}

// suggest guesses what a topic means: the last level is the figure when a plain number
// came and else the device; a level before the device is its room, and one before that
// the building.
func suggest(topic, sample string) Mapping {
	levels := strings.Split(topic, "/")
	words := []string{"device", "room", "building"}
	if _, err := strconv.ParseFloat(strings.TrimSpace(sample), 64); err == nil && len(levels) > 1 {
		words = []string{"metric", "device", "room", "building"}
	}
	for i, w := range words {
		if at := len(levels) - 1 - i; at >= 0 && len(levels) <= maxSuggestDepth && (at > 0 || len(levels) <= 2 || w == "building") {
			levels[at] = "{" + w + "}"
		}
	}
	shape := strings.Join(levels, "/")
	return Mapping{Name: itemName(strings.NewReplacer("{", "", "}", "", "/", "-").Replace(shape)), Topic: shape}
}
