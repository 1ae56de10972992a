package trap

import (
	"context"
	"encoding/json"
	"reflect"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/account"
	"github.com/mainstay-ops/mainstay/internal/core/apply"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/snmp"
	snmptrap "github.com/mainstay-ops/mainstay/internal/core/snmp/trap"
)

// Credential is what a sender may be known by; it is also its entry in ops.yaml.
// Secrets go in and never come out.
type Credential struct {
	Name         string `json:"name,omitempty" yaml:"name" maxLength:"200"`
	Version      string `json:"version" yaml:"version" enum:"2c,3" doc:"2c stands for version 1 too."`
	Community    string `json:"community,omitempty" yaml:"community,omitempty" maxLength:"500" doc:"For versions 1 and 2c. Empty keeps the present one."`
	User         string `json:"user,omitempty" yaml:"user,omitempty" maxLength:"32" doc:"For version 3."`
	AuthProtocol string `json:"auth_protocol,omitempty" yaml:"auth_protocol,omitempty" doc:"MD5, SHA, SHA224, SHA256, SHA384 or SHA512."`
	AuthPassword string `json:"auth_password,omitempty" yaml:"auth_password,omitempty" maxLength:"500" doc:"Empty keeps the present one."`
	PrivProtocol string `json:"priv_protocol,omitempty" yaml:"priv_protocol,omitempty" doc:"DES, AES, AES192, AES256, AES192C or AES256C."`
	PrivPassword string `json:"priv_password,omitempty" yaml:"priv_password,omitempty" maxLength:"500" doc:"Empty keeps the present one."`
}

// CredentialView is what may be shown of a credential.
type CredentialView struct {
	Name         string    `json:"name"`
	Version      string    `json:"version" enum:"2c,3"`
	User         string    `json:"user,omitempty"`
	AuthProtocol string    `json:"auth_protocol,omitempty"`
	PrivProtocol string    `json:"priv_protocol,omitempty"`
	UpdatedAt    time.Time `json:"updated_at"`

	version int64
}

func (c Credential) target() snmp.Target {
	return snmp.Target{Version: snmp.Version(c.Version), Community: c.Community, User: c.User, AuthProtocol: c.AuthProtocol, AuthPassword: c.AuthPassword, PrivProtocol: c.PrivProtocol, PrivPassword: c.PrivPassword}
}

// public takes the secrets out.
func (c Credential) public() Credential {
	c.Community, c.AuthPassword, c.PrivPassword = "", "", ""
	return c
}

func (c *Credential) keep(old Credential) {
	if c.Version != "3" {
		if c.Community == "" {
			c.Community = old.Community
		}
		return
	}
	if c.AuthPassword == "" && c.AuthProtocol != "" {
		c.AuthPassword = old.AuthPassword
	}
	if c.PrivPassword == "" && c.PrivProtocol != "" {
		c.PrivPassword = old.PrivPassword
	}
}

func (c Credential) check() error {
	if err := account.CheckName("name", c.Name); err != nil {
		return err
	}
	var bad []errs.Field
	switch c.Version {
	case "2c":
		if c.Community == "" {
			bad = append(bad, errs.Field{Path: "community", Message: "is missing; versions 1 and 2c need one"})
		}
		if c.User != "" || c.AuthProtocol != "" || c.AuthPassword != "" || c.PrivProtocol != "" || c.PrivPassword != "" {
			bad = append(bad, errs.Field{Path: "version", Value: c.Version, Message: "must be 3 for a user and passwords"})
		}
	case "3":
		if c.Community != "" {
			bad = append(bad, errs.Field{Path: "community", Message: "belongs to versions 1 and 2c; version 3 has a user"})
		}
		bad = append(bad, errs.FieldsOf(c.target().CheckV3())...)
	default:
		bad = append(bad, errs.Field{Path: "version", Value: c.Version, Message: "must be 2c (which stands for 1 too) or 3"})
	}
	return errs.Fields(bad...)
}

type credentialRow struct {
	Name, Sealed string
	UpdatedAt    time.Time
	Version      int64
}

func (s *Service) open1(r credentialRow) (Credential, error) {
	c := Credential{}
	text, err := s.d.Secrets.Open(r.Sealed)
	if err != nil {
		return c, errs.Wrap(errs.Unavailable, err, "The credential %s cannot be opened: the key file is not the one that sealed it. Enter its secrets again.", r.Name)
	}
	err = json.Unmarshal([]byte(text), &c)
	c.Name = r.Name
	return c, err
}

// credentials lists those after a name.
func (s *Service) credentials(ctx context.Context, q bun.IDB, after string, limit int) ([]CredentialView, error) {
	var rows []credentialRow
	if err := q.NewRaw("SELECT * FROM trap_credentials WHERE name > ? ORDER BY name LIMIT ?", after, limit).Scan(ctx, &rows); err != nil {
		return nil, err
	}
	out := make([]CredentialView, 0, len(rows))
	for _, r := range rows {
		c, err := s.open1(r)
		if err != nil {
			return nil, err
		}
		out = append(out, viewOf(c, r))
	}
	return out, nil
}

func viewOf(c Credential, r credentialRow) CredentialView {
	return CredentialView{Name: r.Name, Version: c.Version, User: c.User, AuthProtocol: c.AuthProtocol, PrivProtocol: c.PrivProtocol, UpdatedAt: r.UpdatedAt.UTC(), version: r.Version}
}

func (s *Service) credential(ctx context.Context, q bun.IDB, name string) (c Credential, r credentialRow, err error) {
	if err = q.NewRaw("SELECT * FROM trap_credentials WHERE name = ?", name).Scan(ctx, &r); err != nil {
		return c, r, db.NotFound(err, "There is no credential for traps named %s.", name)
	}
	c, err = s.open1(r)
	return c, r, err
}

// saveCredential makes or changes a credential.
func (s *Service) saveCredential(ctx context.Context, tx *db.Tx, c Credential, ifMatch func(int64) error) (apply.Outcome, error) {
	old, r, err := s.credential(ctx, tx, c.Name)
	found := err == nil
	// One that cannot be opened any more may be entered anew.
	if err != nil && !errs.Is(err, errs.NotFound) && !errs.Is(err, errs.Unavailable) {
		return "", err
	}
	if err := ifMatch(r.Version); err != nil {
		return "", err
	}
	c.keep(old)
	if err := c.check(); err != nil {
		return "", err
	}
	if found && reflect.DeepEqual(old, c) {
		return apply.Unchanged, nil
	}
	b, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	sealed, err := s.d.Secrets.Seal(string(b))
	if err != nil {
		return "", err
	}
	if _, err := tx.NewRaw("INSERT INTO trap_credentials (name, sealed, updated_at, version) VALUES (?, ?, ?, 1) ON CONFLICT (name) DO UPDATE SET sealed = excluded.sealed, updated_at = excluded.updated_at, version = trap_credentials.version + 1",
		c.Name, sealed, tx.Now()).Exec(ctx); err != nil {
		return "", err
	}
	ch := audit.Change{Action: "trap_credential.create", Ref: entity.Ref{Kind: "trap_credential", ID: c.Name}, Name: c.Name, After: c.public()}
	outcome := apply.Created
	if found {
		ch.Action, ch.Before, outcome = "trap_credential.update", old.public(), apply.Updated
		if reflect.DeepEqual(ch.Before, ch.After) {
			ch.After = map[string]string{"changed": "community or password"}
		}
	}
	tx.AfterCommit(s.keysChanged)
	return outcome, audit.Write(ctx, tx, ch)
}

func (s *Service) deleteCredential(ctx context.Context, tx *db.Tx, name string) error {
	res, err := tx.NewRaw("DELETE FROM trap_credentials WHERE name = ?", name).Exec(ctx)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errs.New(errs.NotFound, "There is no credential for traps named %s.", name)
	}
	tx.AfterCommit(s.keysChanged)
	return audit.Write(ctx, tx, audit.Change{Action: "trap_credential.delete", Ref: entity.Ref{Kind: "trap_credential", ID: name}, Name: name})
}

// keysChanged has the worker read the keys again, and edges ask for them.
func (s *Service) keysChanged() {
	s.rekey.Store(true)
	if s.edges != nil {
		s.edges.ChecksChanged()
	}
}

// maxCredentials is how many are used; each is tried for its user.
const maxCredentials = 5000

// readKeys reads the settings and who may send.
func (s *Service) readKeys(ctx context.Context) error {
	q := s.d.DB.Reader()
	set, err := readSettings(ctx, q)
	if err != nil {
		return err
	}
	keys, err := s.allKeys(ctx)
	if err != nil {
		return err
	}
	s.keys, s.set = snmptrap.NewKeys(keys...), set
	clear(s.places)
	return nil
}

// allKeys opens all that senders may be known by.
func (s *Service) allKeys(ctx context.Context) ([]snmptrap.Key, error) {
	var rows []credentialRow
	if err := s.d.DB.Reader().NewRaw("SELECT * FROM trap_credentials ORDER BY name LIMIT ?", maxCredentials).Scan(ctx, &rows); err != nil {
		return nil, err
	}
	var keys []snmptrap.Key
	for _, r := range rows {
		c, err := s.open1(r)
		if err != nil {
			s.d.Logger.Warn("a credential for traps is left out", "credential", r.Name, "error", err)
			continue
		}
		keys = append(keys, snmptrap.Key{Name: c.Name, Target: c.target()})
	}
	return keys, nil
}

// Resources implements module.HasResources. Secrets are never exported; a file
// without them keeps those that are there.
func (s *Service) Resources() []apply.Resource {
	return []apply.Resource{{
		Key: "trap_credentials", Order: 16, Need: writeKeys, New: func() any { return &Credential{} },
		Apply: func(ctx context.Context, tx *db.Tx, entry any) (apply.Change, error) {
			o, err := s.saveCredential(ctx, tx, *entry.(*Credential), func(int64) error { return nil })
			return apply.Change{Outcome: o}, err
		},
		Export: func(ctx context.Context, q bun.IDB) ([]any, error) {
			vs, err := s.credentials(ctx, q, "", maxCredentials)
			out := make([]any, len(vs))
			for i, v := range vs {
				out[i] = Credential{Name: v.Name, Version: v.Version, User: v.User, AuthProtocol: v.AuthProtocol, PrivProtocol: v.PrivProtocol}
			}
			return out, err
		},
	}}
}
