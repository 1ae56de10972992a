package iot

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"encoding/json"
	"reflect"
	"strings"
	"sync/atomic"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/account"
	"github.com/mainstay-ops/mainstay/internal/core/apply"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/observe/iot/wire"
)

const (
	defaultPerSecond, defaultBurst = 50, 500
	maxClients                     = 20_000
	minPassword                    = 16
)

// profiles are the topics of usual devices; {name} is the name of the client.
var profiles = map[string][2][]string{
	"generic":       {{"devices/{name}/#"}, {"devices/{name}/#"}},
	"tasmota":       {{"tele/{name}/#", "stat/{name}/#", "tasmota/discovery/#"}, {"cmnd/{name}/#", "cmnd/tasmotas/#"}},
	"zigbee2mqtt":   {{"{name}/#"}, {"{name}/#"}},
	"homeassistant": {{"{name}/#", "homeassistant/#"}, {"{name}/#", "homeassistant/status"}},
	"sparkplug":     {{"spBv1.0/+/NBIRTH/{name}", "spBv1.0/+/NDATA/{name}", "spBv1.0/+/NDEATH/{name}", "spBv1.0/+/DBIRTH/{name}/+", "spBv1.0/+/DDATA/{name}/+", "spBv1.0/+/DDEATH/{name}/+"}, {"spBv1.0/+/NCMD/{name}", "spBv1.0/+/DCMD/{name}/+", "spBv1.0/STATE/#"}},
}

// Client is credentials of a device or bridge; it is also its entry in ops.yaml.
type Client struct {
	Name      string   `json:"name,omitempty" yaml:"name" maxLength:"200" doc:"Also the user name."`
	ClientID  string   `json:"client_id,omitempty" yaml:"client_id,omitempty" maxLength:"200" doc:"The only MQTT client id that it may use; empty is any."`
	Profile   string   `json:"profile" yaml:"profile,omitempty" enum:"generic,tasmota,zigbee2mqtt,homeassistant,sparkplug" doc:"What topics it may use unless they are given."`
	Publish   []string `json:"publish,omitempty" yaml:"publish,omitempty" maxItems:"50" doc:"Topic filters that it may publish to; {name} is its name."`
	Subscribe []string `json:"subscribe,omitempty" yaml:"subscribe,omitempty" maxItems:"50" doc:"Topic filters that it may subscribe to."`
	PerSecond int64    `json:"per_second,omitempty" yaml:"per_second,omitempty" minimum:"0" maximum:"100000" doc:"Messages a second; 0 is 50."`
	Burst     int64    `json:"burst,omitempty" yaml:"burst,omitempty" minimum:"0" maximum:"1000000" doc:"Messages at once; 0 is 500."`
	Team      string   `json:"team,omitempty" yaml:"team,omitempty" maxLength:"200" doc:"Owner of what it reports."`
	Password  string   `json:"password,omitempty" yaml:"password,omitempty" maxLength:"200" doc:"At least 16 characters; empty keeps the present one, or makes one for a new client."`
}

// ClientView is what may be shown of a client.
type ClientView struct {
	Client
	State     string           `json:"state" enum:"connected,away,revoked"`
	Address   string           `json:"address,omitempty"`
	TLS       bool             `json:"tls"`
	Since     *time.Time       `json:"connected_at,omitempty"`
	LastSeen  *time.Time       `json:"last_seen_at,omitempty"`
	RotatedAt time.Time        `json:"rotated_at" doc:"When its password was made."`
	Messages  int64            `json:"messages" doc:"This and lost are since the start of the program."`
	Lost      map[string]int64 `json:"lost" doc:"Messages that were not taken, by reason."`
	Devices   int              `json:"devices" doc:"How many devices it speaks for."`
}

type clientRow struct {
	bun.BaseModel `bun:"iot_clients"`

	Name      string     `bun:"name,pk"`
	ClientID  string     `bun:"client_id"`
	Hash      string     `bun:"hash"`
	Profile   string     `bun:"profile"`
	Publish   string     `bun:"publish"`
	Subscribe string     `bun:"subscribe"`
	PerSecond int64      `bun:"per_second"`
	Burst     int64      `bun:"burst"`
	TeamID    string     `bun:"team_id"`
	CreatedAt time.Time  `bun:"created_at"`
	UpdatedAt time.Time  `bun:"updated_at"`
	RotatedAt time.Time  `bun:"rotated_at"`
	RevokedAt *time.Time `bun:"revoked_at"`
	LastSeen  *time.Time `bun:"last_seen"`
	Session   bool       `bun:"session"`
	Version   int64      `bun:"version"`
}

// client is a client at work.
type client struct {
	clientRow
	publish, subscribe []string
	messages           atomic.Int64
	lost               [lostKinds]atomic.Int64
	retained           atomic.Int64
}

func filters(text, name string) []string {
	var fs []string
	_ = json.Unmarshal([]byte(text), &fs) // written by this package only
	for i := range fs {
		fs[i] = strings.ReplaceAll(fs[i], "{name}", name)
	}
	return fs
}

func covered(allow []string, f string) bool {
	for _, a := range allow {
		if wire.Covers(a, f) {
			return true
		}
	}
	return false
}

func (c *client) mayPublish(topic string) bool { return covered(c.publish, topic) }

func (c *client) maySubscribe(filter string) bool { return covered(c.subscribe, filter) }

// login finds the client of a CONNECT; why is a sentence when it may not come in.
func (s *Service) login(h wire.Connect) (c *client, code byte, why string) {
	s.mu.RLock()
	c = s.clients[h.User]
	s.mu.RUnlock()
	sum := s.hash(h.Password)
	switch {
	case c == nil && h.User == "":
		return nil, wire.BadCredentials, "It gave no user name."
	case c == nil, !hmac.Equal([]byte(sum), []byte(c.Hash)):
		return nil, wire.BadCredentials, "Its user name or password is wrong."
	case c.RevokedAt != nil:
		return nil, wire.NotAuthorized, "Its credentials were revoked."
	case c.ClientID != "" && h.ClientID != c.ClientID:
		return nil, wire.BadIdentifier, "Its client id is not the one that it may use."
	}
	return c, 0, ""
}

// hash keeps passwords unreadable without the key file. They are long and random or at
// least 16 characters, and devices connect by the thousand, so one round is enough.
func (s *Service) hash(password string) string {
	m := hmac.New(sha256.New, s.pepper)
	m.Write([]byte(password))
	return hex.EncodeToString(m.Sum(nil))
}

func newPassword() string {
	b := make([]byte, 20)
	_, _ = rand.Read(b) // never fails
	return strings.ToLower(base32.StdEncoding.EncodeToString(b))
}

func (c *Client) check() error {
	var bad []errs.Field
	if err := account.CheckName("name", c.Name); err != nil {
		return err
	}
	if strings.ContainsAny(c.Name, "/+# *>$") {
		bad = append(bad, errs.Field{Path: "name", Value: c.Name, Message: "stands in topics, so it must not hold spaces or one of / + # * > $"})
	}
	if c.Profile == "" {
		c.Profile = "generic"
	}
	p, ok := profiles[c.Profile]
	if !ok {
		bad = append(bad, errs.Field{Path: "profile", Value: c.Profile, Message: "must be generic, tasmota, zigbee2mqtt, homeassistant or sparkplug"})
	}
	if len(c.Publish) == 0 {
		c.Publish = p[0]
	}
	if len(c.Subscribe) == 0 {
		c.Subscribe = p[1]
	}
	for path, fs := range map[string][]string{"publish": c.Publish, "subscribe": c.Subscribe} {
		for _, f := range fs {
			if !wire.GoodFilter(strings.ReplaceAll(f, "{name}", "x")) {
				bad = append(bad, errs.Field{Path: path, Value: f, Message: "must be a topic filter such as devices/{name}/#"})
			}
		}
	}
	if c.PerSecond == 0 {
		c.PerSecond = defaultPerSecond
	}
	if c.Burst == 0 {
		c.Burst = max(defaultBurst, c.PerSecond)
	}
	if c.Password != "" && len(c.Password) < minPassword {
		bad = append(bad, errs.Field{Path: "password", Message: "must have at least 16 characters"})
	}
	return errs.Fields(bad...)
}

// public is without secrets, and without what is the same as not given.
func (s *Service) public(r *clientRow, team string) Client {
	c := Client{Name: r.Name, ClientID: r.ClientID, Profile: r.Profile, PerSecond: r.PerSecond, Burst: r.Burst, Team: team}
	_ = json.Unmarshal([]byte(r.Publish), &c.Publish)     // written by this package only
	_ = json.Unmarshal([]byte(r.Subscribe), &c.Subscribe) // as above
	return c
}

func clientRef(name string) entity.Ref { return entity.Ref{Kind: "mqtt_client", ID: name} }

// saveClient makes or changes a client. It gives the password if it made one.
func (s *Service) saveClient(ctx context.Context, tx *db.Tx, c Client, only bool) (password string, o apply.Outcome, err error) {
	if err := c.check(); err != nil {
		return "", "", err
	}
	team := ""
	if c.Team != "" {
		t, err := account.TeamByName(ctx, tx, c.Team)
		if err != nil {
			return "", "", errs.Fields(errs.Field{Path: "team", Value: c.Team, Message: "is not the name of a team"})
		}
		team = t.ID
	}
	var old clientRow
	err = tx.NewSelect().Model(&old).Where("name = ?", c.Name).Scan(ctx)
	found := err == nil
	if err != nil && !errs.Is(db.NotFound(err, "-"), errs.NotFound) {
		return "", "", err
	}
	if found && only {
		return "", "", errs.Fields(errs.Field{Path: "name", Value: c.Name, Message: "is used already; two devices cannot have one name"})
	}
	if found {
		if err := access.Check(ctx, manage, old.TeamID); err != nil {
			return "", "", err
		}
	}
	if err := access.Check(ctx, manage, team); err != nil {
		return "", "", err
	}
	given := c.Password
	if given == "" && !found {
		given = newPassword()
		password = given
	}
	pub, err1 := json.Marshal(c.Publish)
	sub, err2 := json.Marshal(c.Subscribe)
	if err1 != nil || err2 != nil {
		return "", "", errs.New(errs.Invalid, "The topics cannot be stored.")
	}
	r := old
	r.Name, r.ClientID, r.Profile, r.Publish, r.Subscribe, r.PerSecond, r.Burst, r.TeamID = c.Name, c.ClientID, c.Profile, string(pub), string(sub), c.PerSecond, c.Burst, team
	if given != "" && s.hash(given) != old.Hash {
		r.Hash, r.RotatedAt, r.RevokedAt = s.hash(given), tx.Now(), nil
	}
	if found && reflect.DeepEqual(r, old) {
		return "", apply.Unchanged, nil
	}
	r.UpdatedAt, r.Version = tx.Now(), old.Version+1
	ch := audit.Change{Action: "mqtt_client.create", Ref: clientRef(c.Name), Name: c.Name, After: s.public(&r, c.Team)}
	o = apply.Created
	if found {
		ch.Action, ch.Before, o = "mqtt_client.update", s.public(&old, ""), apply.Updated
		_, err = tx.NewUpdate().Model(&r).WherePK().Exec(ctx)
	} else {
		var n int
		if err := tx.NewRaw("SELECT COUNT(*) FROM iot_clients").Scan(ctx, &n); err != nil {
			return "", "", err
		}
		if n >= maxClients {
			return "", "", errs.New(errs.TooMany, "There are %d clients already, which is as many as one server takes.", maxClients)
		}
		r.CreatedAt = tx.Now()
		_, err = tx.NewInsert().Model(&r).Exec(ctx)
	}
	if err != nil {
		return "", "", err
	}
	tx.AfterCommit(func() { s.put(r, r.Hash != old.Hash) })
	return password, o, audit.Write(ctx, tx, ch)
}

// put makes a row the client at work.
func (s *Service) put(r clientRow, kick bool) {
	s.mu.Lock()
	c := &client{clientRow: r, publish: filters(r.Publish, r.Name), subscribe: filters(r.Subscribe, r.Name)}
	if old := s.clients[r.Name]; old != nil {
		c.messages.Store(old.messages.Load())
		c.retained.Store(old.retained.Load())
		for i := range c.lost {
			c.lost[i].Store(old.lost[i].Load())
		}
		kick = true // what it may do has changed
	}
	s.clients[r.Name] = c
	s.mu.Unlock()
	if kick {
		s.gate.kick(r.Name)
	}
	s.changed("clients", r.Name)
}

func (s *Service) clientForChange(ctx context.Context, tx *db.Tx, name string) (r clientRow, err error) {
	if err = tx.NewSelect().Model(&r).Where("name = ?", name).Scan(ctx); err != nil {
		return r, db.NotFound(err, "There is no MQTT client named %q.", name)
	}
	return r, access.Check(ctx, manage, r.TeamID)
}

// rotate makes a new password. The old one ends at once.
func (s *Service) rotate(ctx context.Context, name string) (password string, err error) {
	password = newPassword()
	return password, s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		r, err := s.clientForChange(ctx, tx, name)
		if err != nil {
			return err
		}
		r.Hash, r.RotatedAt, r.UpdatedAt, r.RevokedAt, r.Version = s.hash(password), tx.Now(), tx.Now(), nil, r.Version+1
		if _, err := tx.NewUpdate().Model(&r).WherePK().Exec(ctx); err != nil {
			return err
		}
		tx.AfterCommit(func() { s.put(r, true) })
		return audit.Write(ctx, tx, audit.Change{Action: "mqtt_client.rotate", Ref: clientRef(name), Name: name})
	})
}

// revoke ends the credentials at once.
func (s *Service) revoke(ctx context.Context, name string) error {
	return s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		r, err := s.clientForChange(ctx, tx, name)
		if err != nil || r.RevokedAt != nil {
			return err
		}
		now := tx.Now()
		r.RevokedAt, r.UpdatedAt, r.Version = &now, now, r.Version+1
		if _, err := tx.NewUpdate().Model(&r).WherePK().Exec(ctx); err != nil {
			return err
		}
		tx.AfterCommit(func() { s.put(r, true) })
		return audit.Write(ctx, tx, audit.Change{Action: "mqtt_client.revoke", Ref: clientRef(name), Name: name})
	})
}

// deleteClient forgets the client; devices that it spoke for stay.
func (s *Service) deleteClient(ctx context.Context, name string) error {
	return s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		if _, err := s.clientForChange(ctx, tx, name); err != nil {
			return err
		}
		for _, q := range []string{"DELETE FROM iot_clients WHERE name = ?", "DELETE FROM iot_memory WHERE client = ?", "DELETE FROM iot_unknown WHERE client = ?"} {
			if _, err := tx.NewRaw(q, name).Exec(ctx); err != nil {
				return err
			}
		}
		tx.AfterCommit(func() {
			s.mu.Lock()
			delete(s.clients, name)
			s.mu.Unlock()
			s.gate.kick(name)
			s.changed("clients", name)
		})
		return audit.Write(ctx, tx, audit.Change{Action: "mqtt_client.delete", Ref: clientRef(name), Name: name})
	})
}

// keepSession remembers whether the broker holds a session that must be ended.
func (s *Service) keepSession(c *client, kept bool) {
	if c.Session == kept {
		return
	}
	s.mu.Lock()
	c.Session = kept
	s.mu.Unlock()
	if kept {
		s.sessions.Add(1)
	} else {
		s.sessions.Add(-1)
	}
	err := s.d.DB.InTx(access.AsSystem(s.ctx), func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.NewRaw("UPDATE iot_clients SET session = ? WHERE name = ?", kept, c.Name).Exec(ctx)
		return err
	})
	if err != nil {
		s.d.Logger.Warn("a session of a device was not noted", "client", c.Name, "error", err)
	}
}

// Resources implements module.HasResources. Passwords are never exported; a file
// without them keeps those that are there.
func (s *Service) Resources() []apply.Resource {
	return []apply.Resource{{
		Key: "mqtt_clients", Order: 18, Need: manage, New: func() any { return &Client{} },
		Apply: func(ctx context.Context, tx *db.Tx, entry any) (apply.Change, error) {
			_, o, err := s.saveClient(ctx, tx, *entry.(*Client), false)
			return apply.Change{Outcome: o}, err
		},
		Export: func(ctx context.Context, q bun.IDB) ([]any, error) {
			var rows []clientRow
			if err := q.NewSelect().Model(&rows).OrderExpr("name").Scan(ctx); err != nil {
				return nil, err
			}
			teams, err := account.TeamNames(ctx, q)
			out := make([]any, len(rows))
			for i := range rows {
				out[i] = s.public(&rows[i], teams[rows[i].TeamID])
			}
			return out, err
		},
	}, s.mappingResource()}
}
